// SPDX-License-Identifier: Apache-2.0

// Templates for XML: a document in which `${name}` may stand in text and in the values of attributes. `<name>` is an element here, as
// everywhere in XML. What is around the variables is checked with a mark in the place of each: a mark that comes out as text, or in the
// value of an attribute, stands where any escaped text can.

import CloudEvents

extension TemplateParser {
    /// Marks are characters of the first private plane, one for each variable; a template cannot have them itself.
    private static let firstMark: UInt32 = 0xF0000

    mutating func parseXML() throws(TransformationError) {
        var marked: [UInt8] = []
        /// Where each mark is in the marked document, and the variable at the same place of the template.
        var marks: [(offset: Int, variable: Int, name: String, place: Int)] = []
        while position < text.count {
            let byte = text[position]
            if byte == 0xF3, position + 1 < text.count, text[position + 1] >= 0xB0 {
                throw error(.xml("a character of the private planes"))
            }
            guard !isReferenceToMark(at: position) else {
                throw error(.xml("a reference to a character of the private planes"))
            }
            guard byte == UInt8(ascii: "$"), position + 1 < text.count else {
                marked.append(byte)
                position += 1
                continue
            }
            switch text[position + 1] {
            case UInt8(ascii: "$"):
                marked.append(byte)
                position += 2
            case UInt8(ascii: "{"):
                guard
                    let (name, end) = VariableText.name(text, from: position + 2, closing: UInt8(ascii: "}"))
                else {
                    throw error(.xml("'${' begins a variable such as ${name}; '$${' stands for itself"))
                }
                marks.append((marked.count, try use(name, at: position), name, position))
                marked.append(contentsOf: Self.mark(marks.count - 1))
                position = end
            default:
                marked.append(byte)
                position += 1
            }
        }
        let places = try places(of: marks.count, in: marked)
        var start = 0
        for (number, mark) in marks.enumerated() {
            guard let isAttribute = places[number] else {
                let place = "a name, a comment, a CDATA section, an instruction or a namespace"
                throw error(.misplacedVariable(mark.name, place: place), at: mark.place)
            }
            if mark.offset > start { template.append(marked[start..<mark.offset]) }
            template.append(.inXML(variable: mark.variable, isAttribute: isAttribute))
            start = mark.offset + Self.mark(number).count
        }
        template.append(marked[start...])
    }

    /// Whether a character reference that would come out as a mark begins here.
    private func isReferenceToMark(at start: Int) -> Bool {
        guard text[start...].starts(with: "&#".utf8),
            let end = text[start...].firstIndex(of: UInt8(ascii: ";"))
        else { return false }
        let digits = String(decoding: text[(start + 2)..<end], as: UTF8.self)
        let value = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        return value.map { (Self.firstMark..<Self.firstMark + 0x10000).contains($0) } ?? false
    }

    private static func mark(_ number: Int) -> [UInt8] {
        let value = firstMark + UInt32(number)
        return [
            0xF0 | UInt8(value >> 18), 0x80 | UInt8(value >> 12 & 0x3F), 0x80 | UInt8(value >> 6 & 0x3F),
            0x80 | UInt8(value & 0x3F),
        ]
    }

    /// For each mark whether it is in an attribute's value (true), in text (false) or elsewhere (nil).
    private func places(of count: Int, in marked: [UInt8]) throws(TransformationError) -> [Bool?] {
        var places: [Bool?] = Array(repeating: nil, count: count)
        let result = marked.withUnsafeBytes { bytes in
            // A Result, because the closure is the standard library's and throws untyped.
            Result { () throws(CloudEventError) in
                var scanner = try XMLScanner(bytes)
                while true {
                    let isSection = bytes[scanner.position...].starts(with: "<![CDATA[".utf8)
                    switch try scanner.next() {
                    case .text(let text) where !isSection: Self.note(text, isAttribute: false, &places)
                    case .start(let tag):
                        for attribute in tag.attributes {
                            Self.note(attribute.value, isAttribute: true, &places)
                        }
                    case .text, .end, .other: continue
                    case .endOfDocument: return
                    }
                }
            }
        }
        if case .failure(let error) = result {
            guard case .malformedXML(let reason, _) = error.rule else {
                throw self.error(.attribute(error.rule))
            }
            throw self.error(.xml(reason), at: place(inTemplate: error, marked))
        }
        return places
    }

    /// Where in the template an error in the marked document is: a mark is shorter or longer than what it stands for, so this is the place
    /// after as many marks and bytes besides.
    private func place(inTemplate error: CloudEventError, _ marked: [UInt8]) -> Int {
        guard case .malformedXML(_, let offset) = error.rule else { return 0 }
        var (place, index) = (0, 0)
        while index < min(offset, marked.count), place < text.count {
            if marked[index] == 0xF3, marked[index + 1] >= 0xB0 {
                index += 4
                place = (text[place...].firstIndex(of: UInt8(ascii: "}")) ?? place) + 1
            } else {
                place += text[place...].starts(with: "$$".utf8) ? 2 : 1
                index += 1
            }
        }
        return min(place, text.count)
    }

    private static func note(_ text: [UInt8], isAttribute: Bool, _ places: inout [Bool?]) {
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars
        where scalar.value >= firstMark {
            let number = Int(scalar.value - firstMark)
            if places.indices.contains(number) { places[number] = isAttribute }
        }
    }
}
