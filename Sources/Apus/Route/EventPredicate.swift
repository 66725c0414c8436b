// SPDX-License-Identifier: Apache-2.0

// Conditions on the fields of an event, written over key paths and turned into an event pattern, which brokers evaluate. The pattern is the truth: what a
// predicate means is what the page of patterns says of it.

import ApusBus
import JSONText

/// A condition on the data of a kind of event.
///
/// ```swift
/// let isLarge: EventPredicate<OrderPlaced> =
///     \.total > 1000 && \.region == "eu" || .hasPrefix(\.orderID, "vip-")
/// ```
///
/// The names of fields are found by writing an event with the codec of its kind and looking for what the key path reads: coding keys, nested values,
/// strategies of the encoder are followed. What reads no single field, such as a computed property, is refused when the predicate is used.
public struct EventPredicate<Root: Event>: Sendable {
    indirect enum Node: Sendable {
        case always
        /// A test of one field, or why there is none.
        case leaf(Result<ResolvedTest, BusError>)
        case not(Node)
        case and(Node, Node)
        case or(Node, Node)
    }

    let node: Node

    init(_ node: Node) { self.node = node }

    /// Holds for every event of the kind.
    public static var always: EventPredicate { EventPredicate(.always) }

    /// The event pattern, as JSON text: the type, and the conditions below `data`.
    ///
    /// - Throws: ``BusError/invalid(_:)`` when a key path is no field of the data, or the data is not JSON.
    public func pattern() throws(BusError) -> String {
        let type = JSONValue.object(JSONObject([("type", .array([.string(Root.type)]))]))
        let condition = try Self.condition(node, isNegated: false)
        return PredicateWriter.join(type, condition).description
    }

    /// The condition as a pattern; negations go down to the fields, where patterns have them.
    private static func condition(_ node: Node, isNegated: Bool) throws(BusError) -> PredicateWriter.Condition
    {
        switch node {
        case .always: return isNegated ? .never : .always
        case .leaf(let leaf):
            let test = try leaf.get()
            let all = isNegated ? test.negated : test.alternatives
            return .all(all.map { .test(path: test.path, alternatives: $0) })
        case .not(let inner): return try condition(inner, isNegated: !isNegated)
        case .and(let left, let right), .or(let left, let right):
            let parts = [
                try condition(left, isNegated: isNegated), try condition(right, isNegated: isNegated),
            ]
            if case .and = node { return isNegated ? .any(parts) : .all(parts) }
            return isNegated ? .all(parts) : .any(parts)
        }
    }
}

/// A test of one field, ready for a pattern.
struct ResolvedTest: Sendable {
    /// The names from the data's root to the field.
    var path: [String]
    /// The condition: one alternative of each list holds.
    var alternatives: [[JSONValue]]
    /// Its opposite, in the same form.
    var negated: [[JSONValue]]
}

extension JSONObject {
    init(_ members: [(String, JSONValue)]) {
        self.init()
        for (name, value) in members { self[name] = value }
    }
}

/// Patterns from conditions.
enum PredicateWriter {
    indirect enum Condition {
        case always
        case never
        case test(path: [String], alternatives: [JSONValue])
        case all([Condition])
        case any([Condition])
    }

    /// A pattern for two conditions that must both hold.
    static func join(_ first: JSONValue, _ condition: Condition) -> JSONValue {
        switch simplified(condition) {
        case .always: return first
        case .never: return all([first, impossible])
        case .all(let parts): return all([first] + parts.map(pattern))
        case let part: return all([first, pattern(part)])
        }
    }

    /// No event has a type and none.
    private static let impossible = JSONValue.object(
        JSONObject([("type", .array([.object(JSONObject([("exists", .bool(false))]))]))]))

    private static func simplified(_ condition: Condition) -> Condition {
        switch condition {
        case .always, .never, .test: return condition
        case .all(let parts):
            var kept: [Condition] = []
            for part in parts.map(simplified) {
                switch part {
                case .always: continue
                case .never: return .never
                case .all(let inner): kept += inner
                case .test, .any: kept.append(part)
                }
            }
            return kept.isEmpty ? .always : kept.count == 1 ? kept[0] : .all(kept)
        case .any(let parts):
            var kept: [Condition] = []
            for part in parts.map(simplified) {
                switch part {
                case .never: continue
                case .always: return .always
                case .any(let inner): kept += inner
                case .test, .all: kept.append(part)
                }
            }
            return kept.isEmpty ? .never : kept.count == 1 ? kept[0] : .any(kept)
        }
    }

    private static func pattern(_ condition: Condition) -> JSONValue {
        switch condition {
        case .always: .object(JSONObject())
        case .never: impossible
        case .test(let path, let alternatives): field(path, alternatives)
        case .all(let parts): all(parts.map(pattern))
        case .any(let parts): .object(JSONObject([("$or", .array(parts.map(pattern)))]))
        }
    }

    private static func field(_ path: [String], _ alternatives: [JSONValue]) -> JSONValue {
        (["data"] + path).reversed().reduce(.array(alternatives)) { inner, name in
            .object(JSONObject([(name, inner)]))
        }
    }

    /// One object where the fields differ, which every broker with patterns understands; `$and` where two conditions are on one field.
    private static func all(_ patterns: [JSONValue]) -> JSONValue {
        var merged: [JSONValue] = []
        for pattern in patterns {
            if let last = merged.last, let both = merge(last, pattern) {
                merged[merged.count - 1] = both
            } else {
                merged.append(pattern)
            }
        }
        return merged.count == 1 ? merged[0] : .object(JSONObject([("$and", .array(merged))]))
    }

    /// Two objects as one, if no field is in both.
    private static func merge(_ left: JSONValue, _ right: JSONValue) -> JSONValue? {
        guard case .object(var object) = left, case .object(let other) = right else {
            return bounds(left, right)
        }
        for member in other.members {
            if let own = object[member.name] {
                guard let both = merge(own, member.value) else { return nil }
                object[member.name] = both
            } else {
                object[member.name] = member.value
            }
        }
        return .object(object)
    }

    /// Two bounds of a number as one range.
    private static func bounds(_ left: JSONValue, _ right: JSONValue) -> JSONValue? {
        guard let low = left.array?.first?["numeric"]?.array,
            let high = right.array?.first?["numeric"]?.array,
            left.array?.count == 1, right.array?.count == 1, low.count == 2, high.count == 2,
            let first = low[0].string, let second = high[0].string
        else { return nil }
        switch (first.first, second.first) {
        case (">", "<"): return .array([.object(JSONObject([("numeric", .array(low + high))]))])
        case ("<", ">"): return .array([.object(JSONObject([("numeric", .array(high + low))]))])
        default: return nil
        }
    }
}
