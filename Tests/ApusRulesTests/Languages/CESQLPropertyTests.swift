// SPDX-License-Identifier: Apache-2.0

// Random expressions against an interpreter written once more, as plainly as possible; and the patterns that they are compiled to: never
// narrower than the expression, and the same where they say so.

import CloudEvents
import TestThreads
import Testing

@testable import ApusRules

/// An expression that a test made, and its meaning.
indirect enum ReferenceExpression {
    case literal(CESQLValue)
    case attribute(String)
    case exists(String)
    case not(ReferenceExpression)
    case minus(ReferenceExpression)
    case binary(String, ReferenceExpression, ReferenceExpression)
    case like(ReferenceExpression, String, not: Bool)
    case within(ReferenceExpression, [ReferenceExpression], not: Bool)
    case call(String, [ReferenceExpression])

    var text: String {
        switch self {
        case .literal(let value): value.description
        case .attribute(let name): name
        case .exists(let name): "(EXISTS \(name))"
        case .not(let inner): "(NOT \(inner.text))"
        case .minus(let inner): "(- \(inner.text))"
        case .binary(let sign, let left, let right): "(\(left.text) \(sign) \(right.text))"
        case .like(let inner, let pattern, let not): "(\(inner.text) \(not ? "NOT " : "")LIKE '\(pattern)')"
        case .within(let inner, let set, let not):
            "(\(inner.text) \(not ? "NOT " : "")IN (\(set.map(\.text).joined(separator: ", "))))"
        case .call(let name, let arguments): "\(name)(\(arguments.map(\.text).joined(separator: ", ")))"
        }
    }

    /// The value; nil for an error.
    func value(_ attributes: [String: String]) -> CESQLValue? {
        switch self {
        case .literal(let value): return value
        case .attribute(let name): return attributes[name].map { .string($0) }
        case .exists(let name): return .boolean(attributes[name] != nil)
        case .not(let inner):
            guard let value = inner.value(attributes), let flag = Self.flag(value) else { return nil }
            if case .integer = value { return nil }
            return .boolean(!flag)
        case .minus(let inner):
            guard let value = inner.value(attributes).flatMap(Self.number), value != .min else { return nil }
            return .integer(-value)
        case .binary(let sign, let left, let right): return Self.binary(sign, left, right, attributes)
        case .like(let inner, let pattern, let not):
            guard let value = inner.value(attributes) else { return nil }
            return .boolean(Self.like(Array(pattern)[...], Array(Self.text(value))[...]) != not)
        case .within(let inner, let set, let not):
            guard let value = inner.value(attributes) else { return nil }
            for element in set {
                guard let other = element.value(attributes).flatMap({ Self.cast($0, like: value) }) else {
                    return nil
                }
                if other == value { return .boolean(!not) }
            }
            return .boolean(not)
        case .call(let name, let arguments):
            var values: [CESQLValue] = []
            for argument in arguments {
                guard let value = argument.value(attributes) else { return nil }
                values.append(value)
            }
            switch name {
            case "INT": return Self.number(values[0]).map { .integer($0) }
            case "BOOL": return Self.flag(values[0]).map { .boolean($0) }
            case "STRING": return .string(Self.text(values[0]))
            case "LENGTH": return .integer(Int32(Self.text(values[0]).unicodeScalars.count))
            default: return .string(values.map(Self.text).joined())
            }
        }
    }

    private static func binary(
        _ sign: String, _ left: ReferenceExpression, _ right: ReferenceExpression,
        _ attributes: [String: String]
    ) -> CESQLValue? {
        guard let first = left.value(attributes) else { return nil }
        switch sign {
        case "AND", "OR":
            guard let flag = flag(first) else { return nil }
            if flag == (sign == "OR") { return .boolean(flag) }
            return right.value(attributes).flatMap(self.flag).map { .boolean($0) }
        default: break
        }
        guard let second = right.value(attributes) else { return nil }
        switch sign {
        case "XOR":
            guard let left = flag(first), let right = flag(second) else { return nil }
            return .boolean(left != right)
        case "=": return cast(first, like: second).map { .boolean($0 == second) }
        case "!=": return cast(first, like: second).map { .boolean($0 != second) }
        default: break
        }
        guard let left = number(first).map({ Int64($0) }), let right = number(second).map({ Int64($0) })
        else { return nil }
        switch sign {
        case "<": return .boolean(left < right)
        case ">=": return .boolean(left >= right)
        case "+": return Int32(exactly: left + right).map { .integer($0) }
        case "*": return Int32(exactly: left * right).map { .integer($0) }
        default: return right == 0 ? nil : Int32(exactly: left / right).map { .integer($0) }
        }
    }

    private static func text(_ value: CESQLValue) -> String {
        switch value {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .boolean(let flag): "\(flag)"
        }
    }

    private static func number(_ value: CESQLValue) -> Int32? {
        switch value {
        case .string(let text): text.wholeMatch(of: #/[+-]?[0-9]+/#) == nil ? nil : Int32(text)
        case .integer(let number): number
        case .boolean(let flag): flag ? 1 : 0
        }
    }

    private static func flag(_ value: CESQLValue) -> Bool? {
        switch value {
        case .string(let text): Bool(text.lowercased())
        case .integer(let number): number != 0
        case .boolean(let flag): flag
        }
    }

    private static func cast(_ value: CESQLValue, like other: CESQLValue) -> CESQLValue? {
        switch other {
        case .string: .string(text(value))
        case .integer: number(value).map { .integer($0) }
        case .boolean: flag(value).map { .boolean($0) }
        }
    }

    /// Tries every length for a percent sign.
    private static func like(_ pattern: ArraySlice<Character>, _ text: ArraySlice<Character>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        let rest = pattern.dropFirst()
        switch first {
        case "%": return (text.startIndex...text.endIndex).contains { like(rest, text[$0...]) }
        case "_": return !text.isEmpty && like(rest, text.dropFirst())
        case "\\" where rest.first == "%" || rest.first == "_":
            return text.first == rest.first && like(rest.dropFirst(), text.dropFirst())
        default: return text.first == first && like(rest, text.dropFirst())
        }
    }
}

struct CESQLCases {
    var generator: SeededGenerator

    private static let names = ["id", "source", "aa", "bb", "cc"]
    private static let texts = [
        "", "x", "xy", "yx", "true", "FALSE", "5", "+05", "-7", "5.0", "99999999999", "x%y",
    ]
    private static let patterns = ["%", "x", "x%", "%x", "%x%", "x_", "_", "%_y", "x\\%y", "", "_%_", "t%e"]

    mutating func attributes() -> [String: String] {
        var result = [
            "id": generator.pick(["x", "5", "true", "xy"]), "source": generator.pick(["x", "y", "5"]),
        ]
        for name in Self.names.dropFirst(2) where generator.chance(2, in: 3) {
            result[name] = generator.pick(Self.texts)
        }
        return result
    }

    mutating func condition(depth: Int = 0) -> ReferenceExpression {
        switch generator.below(depth < 4 ? 12 : 6) {
        case 0: .exists(generator.pick(Self.names))
        case 1: .like(operand(depth: depth), generator.pick(Self.patterns), not: generator.chance(1, in: 2))
        case 2:
            .within(
                operand(depth: depth), (0...generator.below(3)).map { _ in operand(depth: depth + 2) },
                not: generator.chance(1, in: 2))
        case 3, 4, 5:
            .binary(
                generator.pick(["=", "!=", "<", ">="]), operand(depth: depth), operand(depth: depth))
        case 6, 7, 8, 9:
            .binary(
                generator.pick(["AND", "OR", "XOR"]), condition(depth: depth + 1), condition(depth: depth + 1)
            )
        case 10: .not(generator.chance(1, in: 4) ? operand(depth: depth + 1) : condition(depth: depth + 1))
        default: operand(depth: depth)
        }
    }

    private mutating func operand(depth: Int) -> ReferenceExpression {
        switch generator.below(depth < 4 ? 16 : 11) {
        case 0...5: .attribute(generator.pick(Self.names))
        case 6, 7: .literal(.string(generator.pick(Self.texts)))
        case 8, 9: .literal(.integer(Int32(generator.pick([0, 1, 5, -7, 4, 6]))))
        case 10: .literal(.boolean(generator.chance(1, in: 2)))
        case 11: .call(generator.pick(["INT", "BOOL", "STRING", "LENGTH"]), [operand(depth: depth + 1)])
        case 12: .call("CONCAT", [operand(depth: depth + 1), operand(depth: depth + 2)])
        case 13: .minus(operand(depth: depth + 1))
        case 14:
            .binary(generator.pick(["+", "*", "/"]), operand(depth: depth + 1), operand(depth: depth + 1))
        default: condition(depth: depth + 1)
        }
    }
}

@Suite(.ownThread) struct CESQLPropertyTests {
    private static func event(_ attributes: [String: String]) throws -> CloudEvent {
        try CloudEvent(
            id: attributes["id"] ?? "", source: attributes["source"] ?? "", type: "t",
            extensions: CloudEventExtensions(
                attributes.filter { $0.key != "id" && $0.key != "source" }.map { ($0.key, .string($0.value)) }
            ))
    }

    @Test(arguments: 0..<8)
    func `random expressions have the value that a plain interpreter gives them`(block: UInt64) throws {
        var exact = 0
        var passed = 0
        for seed in seedsToTry(block: block, of: 100) {
            var cases = CESQLCases(generator: SeededGenerator(seed: seed))
            let reference = cases.condition()
            let expression = try CESQLExpression(parsing: reference.text)
            #expect(try Pattern(parsing: expression.pattern.text) == expression.pattern)
            let matcher = RuleMatcher([(id: 1, pattern: expression.pattern)])
            exact += expression.isPatternExact ? 1 : 0
            for _ in 0..<12 {
                let attributes = cases.attributes()
                let event = try Self.event(attributes)
                let value = reference.value(attributes)
                let result = expression.evaluate(event)
                #expect(
                    result.errors.isEmpty == (value != nil),
                    "seed \(seed): \(reference.text) on \(attributes)")
                if let value {
                    #expect(result.value == value, "seed \(seed): \(reference.text) on \(attributes)")
                }
                let passes = value == .boolean(true)
                passed += passes ? 1 : 0
                let isCandidate = matcher.matches(event) == [1]
                #expect(
                    isCandidate || !passes,
                    "seed \(seed): \(reference.text) on \(attributes) is not found by \(expression.pattern)")
                #expect(
                    !expression.isPatternExact || isCandidate == passes,
                    "seed \(seed): \(reference.text) on \(attributes) is not \(expression.pattern)")
                #expect(expression.matches(event) == passes)
                #expect(expression.explain(event).isMatched == passes)
            }
        }
        #expect(exact > casesToTry(of: 10), "hardly any expression is a pattern")
        #expect(passed > casesToTry(of: 50), "the cases hardly ever match")
    }
}
