// SPDX-License-Identifier: Apache-2.0

// Templates for JSON: JSON in which `<name>` may stand for a value, and inside strings. White space between values is dropped. A literal
// is checked here and a value is written as JSON whatever it is, so that what comes out is JSON without being looked at again.

import JSONText

extension TemplateParser {
    mutating func parseJSON() throws(TransformationError) {
        try readValue(depth: 0)
        skipSpace()
        guard position == text.count else { throw error(.json(.trailingBytes)) }
    }

    private mutating func skipSpace() {
        while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
    }

    private func unexpected(_ expected: JSONError.Expectation) -> TransformationError {
        guard position < text.count else { return error(.json(.unexpectedEnd)) }
        return error(.json(.unexpectedByte(text[position], expected: expected)))
    }

    private mutating func readValue(depth: Int) throws(TransformationError) {
        skipSpace()
        guard position < text.count else { throw unexpected(.value) }
        switch text[position] {
        case UInt8(ascii: "{"): try readObject(depth: depth)
        case UInt8(ascii: "["): try readArray(depth: depth)
        case UInt8(ascii: "\""): try readString()
        case UInt8(ascii: "<"):
            guard let (name, end) = VariableText.name(text, at: position) else { throw unexpected(.value) }
            template.append(.value(variable: try use(name, at: position), depth: depth))
            position = end
        default: template.append(text[try scan { scanner throws(JSONError) in try scanner.skipValue() }])
        }
    }

    private mutating func open(depth: Int) throws(TransformationError) {
        guard depth < limits.templateDepthMax else {
            throw error(.json(.tooDeep(limit: limits.templateDepthMax)))
        }
        template.append([text[position]])
        position += 1
        skipSpace()
    }

    private mutating func readObject(depth: Int) throws(TransformationError) {
        try open(depth: depth)
        var names: Set<[UInt8]> = []
        while position < text.count, text[position] != UInt8(ascii: "}") {
            if !names.isEmpty { try readComma(.commaOrBrace) }
            try readName(&names)
            try readValue(depth: depth + 1)
            skipSpace()
        }
        guard position < text.count else { throw unexpected(.commaOrBrace) }
        template.append([UInt8(ascii: "}")])
        position += 1
    }

    private mutating func readArray(depth: Int) throws(TransformationError) {
        try open(depth: depth)
        var isFirst = true
        while position < text.count, isFirst == false || text[position] != UInt8(ascii: "]") {
            if !isFirst {
                if text[position] == UInt8(ascii: "]") { break }
                try readComma(.commaOrBracket)
            }
            isFirst = false
            try readValue(depth: depth + 1)
            skipSpace()
        }
        guard position < text.count else { throw unexpected(.commaOrBracket) }
        template.append([UInt8(ascii: "]")])
        position += 1
    }

    private mutating func readComma(_ expected: JSONError.Expectation) throws(TransformationError) {
        guard text[position] == UInt8(ascii: ",") else { throw unexpected(expected) }
        template.append([UInt8(ascii: ",")])
        position += 1
        skipSpace()
    }

    private mutating func readName(_ names: inout Set<[UInt8]>) throws(TransformationError) {
        let start = position
        guard position < text.count, text[position] == UInt8(ascii: "\"") else {
            if let (name, _) = VariableText.name(text, at: position) {
                throw error(.misplacedVariable(name, place: "the place of a member's name"))
            }
            throw unexpected(.name)
        }
        let range = try scan { scanner throws(JSONError) in
            try scanner.scanString()
            return 0..<scanner.position
        }
        for place in range {
            guard let (name, _) = VariableText.name(text, at: place) else { continue }
            throw error(.misplacedVariable(name, place: "the name of a member"), at: place)
        }
        let name = Self.unescaped(Array(text[range]))
        guard names.insert(name).inserted else {
            throw error(.json(.duplicateName(String(decoding: name, as: UTF8.self))), at: start)
        }
        template.append(text[range])
        skipSpace()
        guard position < text.count, text[position] == UInt8(ascii: ":") else { throw unexpected(.colon) }
        template.append([UInt8(ascii: ":")])
        position += 1
    }

    private mutating func readString() throws(TransformationError) {
        let range = try scan { scanner throws(JSONError) in
            try scanner.scanString()
            return 0..<scanner.position
        }
        var start = range.lowerBound
        var place = start
        while place < range.upperBound {
            guard let (name, end) = VariableText.name(text, at: place) else {
                place += 1
                continue
            }
            template.append(text[start..<place])
            template.append(.inString(variable: try use(name, at: place)))
            start = end
            place = end
        }
        template.append(text[start..<range.upperBound])
    }

    /// The value of a string with its quotes.
    private static func unescaped(_ text: [UInt8]) -> [UInt8] {
        text.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            return (try? scanner.scanString()).map { scanner.utf8($0) } ?? []
        }
    }

    /// Runs the JSON scanner from here on, and returns where in the template what it passed is.
    private mutating func scan(
        _ body: (inout JSONScanner) throws(JSONError) -> Range<Int>
    ) throws(TransformationError) -> Range<Int> {
        let start = position
        let result = text[start...].withUnsafeBytes { bytes in
            // A Result, because the closure is the standard library's and throws untyped.
            Result { () throws(JSONError) in
                var scanner = JSONScanner(bytes)
                return try body(&scanner)
            }
        }
        switch result {
        case .success(let range):
            position = start + range.upperBound
            return start + range.lowerBound..<position
        case .failure(let error):
            throw self.error(.json(error.reason), at: start + error.offset)
        }
    }
}
