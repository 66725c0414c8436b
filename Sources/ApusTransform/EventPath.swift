// SPDX-License-Identifier: Apache-2.0

// Paths: `$.type`, `$.data.order.items[0].sku`, `$.data['odd name'][*]`. The part of JSONPath that EventBridge has, with names in brackets
// besides; every step leads down, so that one pass over the data serves all paths.

/// The way to a part of an event.
struct EventPath: Sendable, Hashable {
    /// What stands after the `$`.
    enum Root: Sendable, Hashable {
        /// `$`: the whole event.
        case event
        /// `$.name`.
        case attribute(String)
        /// `$.data`.
        case data
    }

    /// One step into the data.
    enum Step: Sendable, Hashable {
        /// `.name` or `['name']`: the member of an object, the child element of this name, or the attribute when it begins with `@`.
        case name([UInt8])
        /// `[3]`: the element of an array, counted from 0, or the fourth of the elements of one name.
        case index(Int)
        /// `[*]`: every element of an array, or every element of one name.
        case elements
        /// `.*`: every member of an object, or every child element.
        case members
    }

    let text: String
    let root: Root
    let steps: [Step]

    /// Whether there can be several values, which then come as a list.
    var isList: Bool { steps.contains { $0 == .elements || $0 == .members } }

    /// Parses a path.
    ///
    /// - Parameter pointer: the member that the path is the value of, for errors.
    init(parsing text: String, pointer: String, limits: TransformationLimits) throws(TransformationError) {
        guard text.utf8.count <= limits.pathBytesMax else {
            throw TransformationError(.tooLong(limit: limits.pathBytesMax), pointer: pointer)
        }
        var parser = EventPathParser(text: Array(text.utf8), pointer: pointer)
        (root, steps) = try parser.parse()
        guard steps.count <= limits.pathStepsMax else {
            throw TransformationError(.tooMany(limit: limits.pathStepsMax), pointer: pointer)
        }
        self.text = text
    }
}

private struct EventPathParser {
    let text: [UInt8]
    let pointer: String
    var position = 0

    init(text: [UInt8], pointer: String) {
        self.text = text
        self.pointer = pointer
    }

    mutating func parse() throws(TransformationError) -> (EventPath.Root, [EventPath.Step]) {
        guard next == UInt8(ascii: "$") else { throw error("it begins with '$', as in $.data.total") }
        position = 1
        guard next != nil else { return (.event, []) }
        let start = position
        guard case .name(let name) = try step(), !name.isEmpty else {
            throw error("'$.data' or an attribute such as '$.type' comes first", at: start)
        }
        var steps: [EventPath.Step] = []
        while next != nil { steps.append(try step()) }
        if name.elementsEqual("data".utf8) { return (.data, steps) }
        let attribute = String(decoding: name, as: UTF8.self)
        let isName = name.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        guard isName, steps.isEmpty else {
            throw TransformationError(
                .unknownAttribute(
                    isName
                        ? attribute + String(decoding: text[min(position, text.count)...], as: UTF8.self)
                        : attribute,
                    hint: Self.hint(attribute)),
                pointer: pointer, offset: start)
        }
        return (.attribute(attribute), [])
    }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    private func error(_ reason: String, at offset: Int? = nil) -> TransformationError {
        TransformationError(.path(reason), pointer: pointer, offset: offset ?? position)
    }

    private mutating func step() throws(TransformationError) -> EventPath.Step {
        switch next {
        case UInt8(ascii: "."):
            position += 1
            if next == UInt8(ascii: "*") {
                position += 1
                return .members
            }
            return .name(try dottedName())
        case UInt8(ascii: "["):
            position += 1
            return try bracket()
        default: throw error("a step begins with '.' or '['")
        }
    }

    private mutating func dottedName() throws(TransformationError) -> [UInt8] {
        let start = position
        while let byte = next, byte != UInt8(ascii: "."), byte != UInt8(ascii: "[") {
            guard byte > 0x20, byte != 0x7F, !"]'\"*<>()?,\\".utf8.contains(byte) else {
                throw error("this character needs a name in brackets, as in $.data['odd name']")
            }
            position += 1
        }
        guard position > start else { throw error("a name is missing after '.'") }
        return Array(text[start..<position])
    }

    private mutating func bracket() throws(TransformationError) -> EventPath.Step {
        let step: EventPath.Step
        switch next {
        case UInt8(ascii: "*"):
            position += 1
            step = .elements
        case UInt8(ascii: "'"), UInt8(ascii: "\""): step = .name(try quotedName())
        default: step = .index(try index())
        }
        guard next == UInt8(ascii: "]") else { throw error("']' is missing") }
        position += 1
        return step
    }

    private mutating func quotedName() throws(TransformationError) -> [UInt8] {
        let quote = text[position]
        let start = position
        position += 1
        var name: [UInt8] = []
        while let byte = next {
            position += 1
            if byte == quote { return name }
            guard byte == UInt8(ascii: "\\") else {
                name.append(byte)
                continue
            }
            guard let escaped = next, escaped == quote || escaped == byte else {
                throw error("a backslash stands before a quote or another backslash only", at: position - 1)
            }
            name.append(escaped)
            position += 1
        }
        throw error("the quote is not closed", at: start)
    }

    private mutating func index() throws(TransformationError) -> Int {
        let start = position
        while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
        let digits = String(decoding: text[start..<position], as: UTF8.self)
        guard digits.count <= 9, digits == "0" || !digits.hasPrefix("0"), let index = Int(digits) else {
            throw error("an index such as [0], [*] or a name in quotes belongs in brackets", at: start)
        }
        return index
    }

    /// What someone who knows EventBridge may mean.
    private static func hint(_ name: String) -> String? {
        switch name {
        case "detail": "data"
        case "detail-type", "detailtype": "type"
        case "resources": "subject"
        default: nil
        }
    }
}
