// SPDX-License-Identifier: Apache-2.0

// Transformations the slow and plain way: trees, no pass, no shared paths. Random cases are made so that the reference never has to parse
// a path or a template: it works on what they were written from.

import JSONText
import TestThreads

/// A JSON value that keeps members of the same name apart.
indirect enum Tree {
    case scalar(JSONValue)
    case array([Tree])
    case object([(name: String, value: Tree)])

    /// What a reader sees that lets the last of several members count.
    var value: JSONValue {
        switch self {
        case .scalar(let value): value
        case .array(let elements): .array(elements.map(\.value))
        case .object(let members):
            .object(members.reduce(into: JSONObject()) { $0[$1.name] = $1.value.value })
        }
    }
}

/// A step of a path, as the case was made from.
enum ReferenceStep {
    case name(String)
    case index(Int)
    case elements
    case members

    var text: String {
        switch self {
        case .name(let name):
            name.allSatisfy { $0.isASCII && $0.isLetter } && !name.isEmpty
                ? ".\(name)" : "['\(name.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))']"
        case .index(let index): "[\(index)]"
        case .elements: "[*]"
        case .members: ".*"
        }
    }
}

extension Tree {
    /// Everything that a path leads to.
    func follow(_ steps: ArraySlice<ReferenceStep>) -> [Tree] {
        guard let step = steps.first else { return [self] }
        let next: [Tree]
        switch (step, self) {
        case (.name(let name), .object(let members)):
            next = members.last { $0.name == name }.map { [$0.value] } ?? []
        case (.index(let index), .array(let elements)):
            next = elements.indices.contains(index) ? [elements[index]] : []
        case (.elements, .array(let elements)): next = elements
        case (.members, .object(let members)): next = members.map(\.value)
        default: next = []
        }
        return next.flatMap { $0.follow(steps.dropFirst()) }
    }
}

/// A template, as the case was made from.
indirect enum ReferenceTemplate {
    case constant(JSONValue)
    case variable(Int)
    case string([ReferencePiece])
    case array([ReferenceTemplate])
    case object([(name: String, value: ReferenceTemplate)])
}

enum ReferencePiece {
    case text(String)
    case variable(Int)
}

/// The value of a variable: its tree's value as it is seen whole, and its text with members as they were written.
struct ReferenceValue {
    var value: JSONValue?
    /// What stands in a string: the characters after the string was read back.
    var characters: String
}

extension ReferenceTemplate {
    /// The template's text, with `space` between its parts.
    func text(_ space: () -> String) -> String {
        switch self {
        case .constant(let value): value.description
        case .variable(let number): "<v\(number)>"
        case .string(let pieces):
            "\""
                + pieces.map { piece in
                    switch piece {
                    case .text(let text): String(JSONValue.string(text).description.dropFirst().dropLast())
                    case .variable(let number): "<v\(number)>"
                    }
                }.joined() + "\""
        case .array(let elements):
            "[" + space() + elements.map { $0.text(space) + space() }.joined(separator: ",") + "]"
        case .object(let members):
            "{" + space()
                + members.map { "\(JSONValue.string($0.name))\(space()):\(space())\($0.value.text(space))" }
                .joined(separator: "," + space()) + space() + "}"
        }
    }

    /// What comes out.
    func fill(_ values: [ReferenceValue]) -> JSONValue {
        switch self {
        case .constant(let value): value
        case .variable(let number): values[number].value ?? .null
        case .string(let pieces):
            .string(
                pieces.map { piece in
                    switch piece {
                    case .text(let text): text
                    case .variable(let number): values[number].characters
                    }
                }.joined())
        case .array(let elements): .array(elements.map { $0.fill(values) })
        case .object(let members):
            .object(members.reduce(into: JSONObject()) { $0[$1.name] = $1.value.fill(values) })
        }
    }
}

/// Writes trees with random white space and escapes.
struct TreeWriter {
    var generator: SeededGenerator

    mutating func space() -> String {
        [" ", "", "\n", "\t ", ""].randomElement(using: &generator) ?? ""
    }

    mutating func write(_ tree: Tree) -> String {
        switch tree {
        case .scalar(.string(let text)): return write(text)
        case .scalar(let value): return value.description
        case .array(let elements):
            return "[" + space() + elements.map { write($0) + space() }.joined(separator: "," + space()) + "]"
        case .object(let members):
            return "{" + space()
                + members.map { write($0.name) + space() + ":" + space() + write($0.value) }
                .joined(separator: space() + ",") + space() + "}"
        }
    }

    private mutating func write(_ text: String) -> String {
        guard Int.random(in: 0..<4, using: &generator) == 0 else { return JSONValue.string(text).description }
        return "\"" + text.utf16.map { "\\u" + String(UInt32($0) + 0x10000, radix: 16).dropFirst() }.joined()
            + "\""
    }

    /// What an object or array loses in a string: white space, and the quotes around texts.
    static func characters(_ tree: Tree) -> String {
        switch tree {
        case .scalar(.string(let text)): text
        case .scalar(let value): value.description
        case .array(let elements): "[" + elements.map { characters($0) }.joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { $0.name + ":" + characters($0.value) }.joined(separator: ",") + "}"
        }
    }
}
