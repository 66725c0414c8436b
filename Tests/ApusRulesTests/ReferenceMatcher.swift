// SPDX-License-Identifier: Apache-2.0

// The meaning of patterns once more, as plainly as it can be written: a walk over the pattern's JSON and the
// event's tree, sharing no code with the module but its JSON values. What the compiled matcher must agree with.

import JSONText

/// A value of an event, names possibly repeated; numbers keep their text.
enum Tree {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case attribute(String)
    case array([Tree])
    case object([(name: String, value: Tree)])
}

/// Patterns as conditions on trees.
enum ReferenceMatcher {
    /// What is asked at one place, without `$or`.
    struct Condition {
        var leaves: [[JSONValue]] = []
        var fields: [(name: String, condition: Condition)] = []

        func merged(_ other: Condition) -> Condition {
            var copy = self
            copy.leaves += other.leaves
            for (name, condition) in other.fields {
                if let index = copy.fields.firstIndex(where: { same($0.name, name) }) {
                    copy.fields[index].condition = copy.fields[index].condition.merged(condition)
                } else {
                    copy.fields.append((name, condition))
                }
            }
            return copy
        }
    }

    static func matches(_ pattern: JSONValue, _ event: Tree, dataIsReadable: Bool = true) -> Bool {
        conditions(pattern).contains { condition in
            guard dataIsReadable || !condition.fields.contains(where: { $0.name == "data" }) else {
                return false
            }
            let (witness, absence) = holds(condition, event)
            return witness || absence
        }
    }

    private static func conditions(_ pattern: JSONValue) -> [Condition] {
        switch pattern {
        case .array(let tests): return [Condition(leaves: [tests])]
        case .object(let object):
            var result = [Condition()]
            for member in object.members {
                let parts: [Condition]
                if member.name == "$or" {
                    parts = (member.value.array ?? []).flatMap(conditions)
                } else {
                    parts = conditions(member.value).map { Condition(fields: [(member.name, $0)]) }
                }
                result = result.flatMap { left in parts.map { left.merged($0) } }
            }
            return result
        default: return []
        }
    }

    private static func holds(_ condition: Condition, _ value: Tree?) -> (witness: Bool, absence: Bool) {
        var parts: [(witness: Bool, absence: Bool)] = []
        let scalars = value.map(scalars) ?? []
        for tests in condition.leaves {
            let isAbsenceWanted = tests.contains { $0["exists"] == false }
            parts.append(
                (
                    scalars.contains { scalar in
                        tests.contains { $0["exists"] != false && passes(scalar, $0) }
                    },
                    isAbsenceWanted && scalars.isEmpty
                ))
        }
        if !condition.fields.isEmpty {
            let elements = value.map(elements) ?? []
            let each = (elements.isEmpty ? [Tree.null] : elements).map { element in
                combine(
                    condition.fields.map { name, inner in
                        guard case .object(let members) = element else { return holds(inner, nil) }
                        return holds(inner, .array(members.filter { same($0.name, name) }.map(\.value)))
                    })
            }
            parts.append((each.contains { $0.witness }, each.allSatisfy { $0.absence }))
        }
        return combine(parts)
    }

    private static func combine(
        _ parts: [(witness: Bool, absence: Bool)]
    ) -> (witness: Bool, absence: Bool) {
        let all = parts.allSatisfy { $0.witness || $0.absence }
        return (all && parts.contains { $0.witness }, parts.allSatisfy { $0.absence })
    }

    private static func scalars(_ tree: Tree) -> [Tree] {
        switch tree {
        case .array(let elements): elements.flatMap(scalars)
        case .object: []
        default: [tree]
        }
    }

    private static func elements(_ tree: Tree) -> [Tree] {
        if case .array(let elements) = tree { elements.flatMap(self.elements) } else { [tree] }
    }

    private static func same(_ left: String, _ right: String) -> Bool {
        Array(left.utf8) == Array(right.utf8)
    }

    // MARK: - Tests of a single value

    private static func passes(_ value: Tree, _ test: JSONValue) -> Bool {
        guard case .object(let object) = test, let member = object.members.first else {
            return equals(value, test)
        }
        let operand = member.value
        switch member.name {
        case "exists": return true
        case "anything-but":
            if case .object(let inner) = operand, let member = inner.members.first {
                let operands = member.value.array ?? [member.value]
                return !operands.contains { passesText(value, member.name, $0) }
            }
            return !(operand.array ?? [operand]).contains { equals(value, $0) }
        case "numeric": return passesRange(value, operand.array ?? [])
        default: return passesText(value, member.name, operand)
        }
    }

    private static func passesText(_ value: Tree, _ name: String, _ operand: JSONValue) -> Bool {
        guard var text = text(value) else { return false }
        var wanted = operand.string ?? ""
        if let folded = operand["equals-ignore-case"]?.string {
            text = text.lowercased()
            wanted = folded.lowercased()
        }
        switch name {
        case "prefix": return text.utf8.starts(with: wanted.utf8)
        case "suffix": return text.utf8.reversed().starts(with: wanted.utf8.reversed())
        case "equals-ignore-case": return same(text.lowercased(), wanted.lowercased())
        case "wildcard": return wildcard(Array(wanted.utf8)[...], Array(text.utf8)[...])
        case "cidr": return cidr(wanted, text)
        default: return false
        }
    }

    /// Tries every length for a star; the generator escapes nothing.
    private static func wildcard(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == 0x2A {
            return (text.startIndex...text.endIndex).contains { wildcard(pattern.dropFirst(), text[$0...]) }
        }
        return text.first == first && wildcard(pattern.dropFirst(), text.dropFirst())
    }

    /// IPv4 only: the generator makes no other.
    private static func cidr(_ block: String, _ text: String) -> Bool {
        let parts = block.split(separator: "/")
        guard parts.count == 2, let length = UInt32(parts[1]), let base = version4(String(parts[0])),
            let address = version4(text)
        else { return false }
        return length == 0 || base >> (32 - length) == address >> (32 - length)
    }

    private static func version4(_ text: String) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) }
        return parts.count == 4 ? parts.reduce(0) { $0 << 8 | UInt32($1) } : nil
    }

    private static func passesRange(_ value: Tree, _ operands: [JSONValue]) -> Bool {
        guard let number = number(value) else { return false }
        return stride(from: 0, to: operands.count, by: 2).allSatisfy { index in
            let bound = operands[index + 1].number?.double ?? .nan
            return switch operands[index].string {
            case "<": number < bound
            case "<=": number <= bound
            case ">": number > bound
            case ">=": number >= bound
            default: number == bound
            }
        }
    }

    private static func equals(_ value: Tree, _ wanted: JSONValue) -> Bool {
        switch (value, wanted) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.attribute(let left), .bool(let right)): left == String(right)
        case (_, .string(let right)): text(value).map { same($0, right) } ?? false
        case (_, .number(let right)): number(value) != nil && number(value) == right.double
        default: false
        }
    }

    private static func text(_ value: Tree) -> String? {
        switch value {
        case .string(let text), .attribute(let text): text
        default: nil
        }
    }

    /// Doubles do here: the generator's numbers are few and small.
    private static func number(_ value: Tree) -> Double? {
        switch value {
        case .number(let text), .attribute(let text): JSONNumber(text)?.double
        default: nil
        }
    }
}

private func same(_ left: String, _ right: String) -> Bool { Array(left.utf8) == Array(right.utf8) }
