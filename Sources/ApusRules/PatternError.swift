// SPDX-License-Identifier: Apache-2.0

// Why a text is not a pattern, and where: the reason, the path of the field and the byte of the text.

public import JSONText

/// The refusal of a text as an event pattern.
public struct PatternError: Error, Sendable, Hashable {
    /// What is wrong.
    public enum Reason: Sendable, Hashable {
        /// The text is not JSON.
        case json(JSONError.Reason)
        /// The text is longer than `limit` bytes.
        case tooLong(limit: Int)
        /// There are more than `limit` fields with alternatives.
        case tooManyLeaves(limit: Int)
        /// There are more than `limit` alternatives.
        case tooManyAlternatives(limit: Int)
        /// The `$or` lists multiply to more than `limit` combinations.
        case tooManyCombinations(limit: Int)
        /// The combinations of the `$or` lists together have more than `limit` bytes.
        case combinationsTooLarge(limit: Int)
        /// The pattern is something other than an object.
        case patternIsNotAnObject
        /// A field has a plain value where a list of alternatives belongs.
        case alternativesAreNotAList
        /// A list of alternatives is empty: nothing could match it.
        case noAlternatives
        /// An object below the top has no fields.
        case noFields
        /// A list stands among the alternatives.
        case listAmongAlternatives
        /// A name that no CloudEvents attribute can have; `hint` names what may be meant.
        case unknownAttribute(String, hint: String?)
        /// An attribute is given fields, though only `data` has them.
        case attributeHasNoFields(String, hint: String?)
        /// An operator that is not known; `known` lists those that are.
        case unknownOperator(String, known: [String])
        /// An object among the alternatives does not hold exactly one operator.
        case notOneOperator
        /// An operator has an operand of the wrong kind.
        case invalidOperand(operator: String, expected: String)
    }

    /// What is wrong.
    public let reason: Reason

    /// The field, its names joined by dots; empty at the top.
    public let path: String

    /// The place, in bytes from the start of the text.
    public let offset: Int

    /// Creates an error for a place in a pattern's text.
    public init(_ reason: Reason, path: String, offset: Int) {
        self.reason = reason
        self.path = path
        self.offset = offset
    }
}

extension PatternError: CustomStringConvertible {
    /// A sentence for people: the field, the reason and the place.
    public var description: String {
        let place = path.isEmpty ? "pattern" : "pattern field '\(path)'"
        return "\(place): \(reason) (at byte \(offset))"
    }
}

extension PatternError.Reason: CustomStringConvertible {
    /// The reason in words, with what to do about it.
    public var description: String {
        switch self {
        case .json(let reason): "\(reason)"
        case .tooLong(let limit): "longer than \(limit) bytes"
        case .tooManyLeaves(let limit): "more than \(limit) fields"
        case .tooManyAlternatives(let limit): "more than \(limit) alternatives"
        case .tooManyCombinations(let limit): "$or multiplies to more than \(limit) combinations"
        case .combinationsTooLarge(let limit): "$or multiplies to more than \(limit) bytes"
        case .patternIsNotAnObject: "a pattern is an object, such as {\"type\": [\"order.placed\"]}"
        case .alternativesAreNotAList: "alternatives stand in a list: write [\"x\"], not \"x\""
        case .noAlternatives: "an empty list matches nothing"
        case .noFields: "an empty object says nothing; to ask for presence use [{\"exists\": true}]"
        case .listAmongAlternatives: "a list cannot be an alternative"
        case .unknownAttribute(let name, let hint):
            "'\(name)' cannot be an attribute (lower-case letters and digits)\(Self.meant(hint))"
        case .attributeHasNoFields(let name, let hint):
            "attribute '\(name)' has no fields; only 'data' does\(Self.meant(hint))"
        case .unknownOperator(let name, let known):
            "unknown operator '\(name)'; known are \(known.joined(separator: ", "))"
        case .notOneOperator: "an object among the alternatives holds exactly one operator"
        case .invalidOperand(let name, let expected): "'\(name)' takes \(expected)"
        }
    }

    private static func meant(_ hint: String?) -> String {
        hint.map { "; did you mean '\($0)'?" } ?? ""
    }
}
