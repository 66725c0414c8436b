// SPDX-License-Identifier: Apache-2.0

// Random patterns and events over so few names and values that they meet often.

import JSONText
import TestThreads

/// Makes patterns and events.
struct RandomCases {
    var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    private static let names = ["a", "b", "c", "dé"]
    private static let attributes = ["id", "source", "type", "ext"]
    private static let texts = [
        "", "x", "xy", "xyz", "yx", "É", "éx", "X", "true", "1", "10.0.0.7", "a\"\\b\n",
    ]
    private static let numbers = ["0", "-0.0", "1", "1.0", "1e0", "10e-1", "2", "-1", "-1.50", "100", "1e2"]

    private mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }
    private mutating func chance(_ part: Int, in whole: Int) -> Bool { below(whole) < part }
    private mutating func pick(_ values: [String]) -> String { values[below(values.count)] }

    // MARK: - Patterns

    mutating func pattern() -> JSONValue {
        var object = JSONObject()
        for _ in 0..<below(3) { object[pick(Self.attributes)] = alternatives() }
        if chance(3, in: 4) { object["data"] = chance(1, in: 8) ? alternatives() : fields(depth: 0) }
        if chance(1, in: 5) {
            object["$or"] = .array((0..<2 + below(2)).map { _ in choice(isTop: true, depth: 0) })
        }
        return .object(object)
    }

    private mutating func choice(isTop: Bool, depth: Int) -> JSONValue {
        guard isTop else { return fields(depth: depth + 1) }
        var object = JSONObject()
        object[pick(Self.attributes)] = alternatives()
        if chance(1, in: 2) { object["data"] = fields(depth: 1) }
        return .object(object)
    }

    private mutating func fields(depth: Int) -> JSONValue {
        var object = JSONObject()
        for _ in 0...below(3) {
            object[pick(Self.names)] =
                depth < 3 && chance(2, in: 5) ? fields(depth: depth + 1) : alternatives()
        }
        if depth < 2, chance(1, in: 10) {
            object["$or"] = .array((0..<2).map { _ in choice(isTop: false, depth: depth) })
        }
        return .object(object)
    }

    mutating func alternatives() -> JSONValue {
        .array((0...below(3)).map { _ in alternative() })
    }

    private mutating func alternative() -> JSONValue {
        switch below(16) {
        case 0: ["prefix": text()]
        case 1: ["suffix": text()]
        case 2: ["equals-ignore-case": text()]
        case 3: ["prefix": ["equals-ignore-case": text()]]
        case 4: ["suffix": ["equals-ignore-case": text()]]
        case 5: ["wildcard": .string(wildcard())]
        case 6: ["cidr": .string("10.0.0.0/\(below(33))")]
        case 7: ["anything-but": chance(1, in: 2) ? [text(), text()] : [number(), number()]]
        case 8: ["anything-but": exception()]
        case 9: ["numeric": range()]
        case 10, 11: ["exists": .bool(chance(1, in: 3))]
        case 12, 13: text()
        case 14: number()
        default: chance(1, in: 2) ? .null : .bool(chance(1, in: 2))
        }
    }

    private mutating func exception() -> JSONValue {
        var object = JSONObject()
        object[pick(["prefix", "suffix", "equals-ignore-case"])] = [text(), text()]
        return .object(object)
    }

    private mutating func text() -> JSONValue { .string(pick(Self.texts)) }

    private mutating func number() -> JSONValue {
        JSONNumber(pick(Self.numbers)).map { .number($0) } ?? .null
    }

    private mutating func wildcard() -> String {
        pick(["*", "x*", "*x", "x*z", "*y*", "xyz", "*x*y*", "x*x"])
    }

    private mutating func range() -> JSONValue {
        switch below(4) {
        case 0: ["=", number()]
        case 1: [.string(pick([">", ">="])), number()]
        case 2: [.string(pick(["<", "<="])), number()]
        default: [.string(pick([">", ">="])), -1, .string(pick(["<", "<="])), 2]
        }
    }

    // MARK: - Events

    mutating func attributes() -> [(name: String, text: String)] {
        (0..<below(4)).map { _ in (pick(Self.attributes), pick(Self.texts + Self.numbers)) }
    }

    mutating func value(depth: Int = 0) -> Tree {
        switch below(depth < 4 ? 10 : 5) {
        case 0: .number(pick(Self.numbers))
        case 1: chance(1, in: 2) ? .null : .bool(chance(1, in: 2))
        case 2, 3, 4: .string(pick(Self.texts))
        case 5: .array((0..<below(4)).map { _ in value(depth: depth + 1) })
        case 6, 7: .array((0..<below(5)).map { _ in object(depth: depth + 2) })
        default: object(depth: depth + 1)
        }
    }

    private mutating func object(depth: Int) -> Tree {
        .object((0..<below(5)).map { _ in (pick(Self.names + ["other"]), value(depth: depth)) })
    }

    /// The value as JSON, with white space and escapes where they are allowed.
    mutating func write(_ tree: Tree) -> String {
        switch tree {
        case .null: return "null"
        case .bool(let value): return String(value)
        case .number(let text): return text
        case .string(let text), .attribute(let text): return quoted(text)
        case .array(let elements):
            return "[" + elements.map { space() + write($0) + space() }.joined(separator: ",") + space() + "]"
        case .object(let members):
            let parts = members.map { space() + quoted($0.name) + space() + ":" + space() + write($0.value) }
            return "{" + parts.joined(separator: space() + ",") + space() + "}"
        }
    }

    private mutating func space() -> String { chance(1, in: 6) ? pick([" ", "\n", "\t ", "\r\n"]) : "" }

    private mutating func quoted(_ text: String) -> String {
        var result = "\""
        for unit in text.unicodeScalars {
            if unit == "\"" || unit == "\\" {
                result += "\\" + String(unit)
            } else if unit.value < 0x20 || (unit.value < 0x10000 && chance(1, in: 20)) {
                let digits = String(unit.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                result.unicodeScalars.append(unit)
            }
        }
        return result + "\""
    }
}
