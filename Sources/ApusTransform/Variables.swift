// SPDX-License-Identifier: Apache-2.0

// The variables of a transformation: those of `input_paths`, and those that are always there, under EventBridge's names and ours.

/// A variable and where its value comes from.
struct Variable: Sendable, Hashable {
    /// Where a value comes from.
    enum Source: Sendable, Hashable {
        /// The event in the JSON format.
        case event
        /// The same without the data.
        case eventWithoutData
        /// An attribute's text.
        case attribute(String)
        /// The data at a path, by the path's number.
        case data(path: Int, isList: Bool)
        /// When the event arrived in its topic.
        case arrived
        /// The rule's name.
        case rule
        /// The rule's path in the HTTP API.
        case ruleReference
        /// The name of the topic that the event is in.
        case topic
    }

    let name: String
    /// The path as it was written; the name for variables that have none.
    let path: String
    let source: Source

    /// The variables that need not be defined.
    static func reserved(_ name: String) -> Source? {
        switch name {
        case "apus.event.json", "aws.events.event.json": .event
        case "apus.event", "aws.events.event": .eventWithoutData
        case "apus.arrived", "aws.events.event.ingestion-time": .arrived
        case "apus.rule", "aws.events.rule-name": .rule
        case "aws.events.rule-arn": .ruleReference
        case "apus.topic": .topic
        default: nil
        }
    }
}

/// The variables that templates may use, and those that they do.
struct Variables: Sendable {
    private let defined: [String: EventPath]
    /// Those in use, by their number.
    private(set) var used: [Variable] = []
    /// The paths into the data of those in use.
    private(set) var paths = PathSet()

    init(_ defined: [String: EventPath]) { self.defined = defined }

    /// The number of a variable, nil if it is not known.
    mutating func use(_ name: String) -> Int? {
        if let number = used.firstIndex(where: { $0.name == name }) { return number }
        if let source = Variable.reserved(name) {
            used.append(Variable(name: name, path: name, source: source))
            return used.count - 1
        }
        return defined[name].map { use($0, as: name) }
    }

    /// The number of the variable for a path.
    mutating func use(_ path: EventPath, as name: String) -> Int {
        let source: Variable.Source
        switch path.root {
        case .event: source = .event
        case .attribute(let name): source = .attribute(name)
        case .data: source = .data(path: paths.insert(path.steps), isList: path.isList)
        }
        used.append(Variable(name: name, path: path.text, source: source))
        return used.count - 1
    }

    /// The names that can be used, for messages.
    var known: [String] { defined.keys.sorted() }
}

/// Finds variables in the text of templates.
enum VariableText {
    /// The name of the variable that begins with `<` at `start`, and the place after its `>`; nil if this is no variable.
    static func name(_ text: [UInt8], at start: Int) -> (name: String, end: Int)? {
        guard start < text.count, text[start] == UInt8(ascii: "<") else { return nil }
        return name(text, from: start + 1, closing: UInt8(ascii: ">"))
    }

    /// The name that begins at `start`, and the place after the byte that closes it.
    static func name(_ text: [UInt8], from start: Int, closing: UInt8) -> (name: String, end: Int)? {
        var end = start
        while end < text.count, isNameByte(text[end]) || text[end] == UInt8(ascii: ".") { end += 1 }
        guard end > start, end < text.count, text[end] == closing else { return nil }
        return (String(decoding: text[start..<end], as: UTF8.self), end + 1)
    }

    /// Whether the byte can stand in the name of a variable.
    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
