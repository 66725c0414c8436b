// SPDX-License-Identifier: Apache-2.0

// When two values are the same to JSON Schema: numbers by what they are, objects whatever the order of their members.

import JSONText

enum JSONEquality {
    /// Whether two values are certainly the same.
    static func equal(_ left: JSONValue, _ right: JSONValue) -> Bool { compare(left, right, unsure: false) }

    /// Whether two values may be the same: not so only if that is certain.
    static func mayEqual(_ left: JSONValue, _ right: JSONValue) -> Bool { compare(left, right, unsure: true) }

    private static func compare(_ left: JSONValue, _ right: JSONValue, unsure: Bool) -> Bool {
        switch (left, right) {
        case (.number(let left), .number(let right)):
            guard left != right else { return true }
            guard let first = ExactNumber(left), let second = ExactNumber(right) else { return unsure }
            return first == second
        case (.array(let left), .array(let right)):
            return left.count == right.count
                && zip(left, right).allSatisfy { compare($0, $1, unsure: unsure) }
        case (.object(let left), .object(let right)):
            return left.members.count == right.members.count
                && left.members.allSatisfy { member in
                    right[member.name].map { compare(member.value, $0, unsure: unsure) } ?? false
                }
        default: return left == right
        }
    }
}
