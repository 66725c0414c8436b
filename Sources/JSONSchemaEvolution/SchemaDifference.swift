// SPDX-License-Identifier: Apache-2.0

// What one schema accepts and the other may not, told so that whoever changed a schema knows what to do.

public import JSONText

/// One reason why documents of one schema are not all accepted by another.
public struct SchemaDifference: Hashable, Sendable {
    /// What it is about.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Kinds of values.
        case type
        /// `enum` and `const`.
        case values
        /// Bounds of numbers.
        case bounds
        /// `multipleOf`.
        case multiple
        /// Lengths of strings.
        case length
        case pattern
        case format
        /// A member has to be there.
        case required
        /// Members that nothing was said of: now something is.
        case propertyOfOpenObject
        /// Members that may not be there.
        case closedObject
        /// `propertyNames`.
        case names
        /// `minProperties` and `maxProperties`.
        case propertyCount
        /// `dependentRequired` and `dependentSchemas`.
        case dependency
        /// `minItems` and `maxItems`.
        case itemCount
        /// Elements that may not be there.
        case closedArray
        case unique
        case contains
        /// `anyOf`: none of them accepts.
        case alternatives
        /// `oneOf`: more than one accepts, or none.
        case exclusive
        /// `not`.
        case negation
        /// Nothing is accepted.
        case nothing
        /// A keyword that is not compared.
        case undecided
        /// The comparison would take more steps than it may.
        case tooComplex
    }

    /// What it is about.
    public let kind: Kind
    /// Where in documents: a JSON pointer with `*` for any member or element; empty for the whole.
    public let instanceLocation: String
    /// Where in the older schema: the URI of its resource, if it has one, with a JSON pointer as fragment.
    public let oldLocation: String
    /// Where in the newer schema.
    public let newLocation: String
    /// What changed, in words.
    public let message: String
    /// A document that the one schema accepts and the other refuses, if one was found.
    public let witness: JSONValue?

    /// Whether it is not certain: nothing proves that every document is accepted, and none was found that is not.
    public var isUndecided: Bool { witness == nil }
}

extension SchemaDifference: CustomStringConvertible {
    /// A line for people.
    public var description: String {
        let place = instanceLocation.isEmpty ? "the document" : instanceLocation
        return "\(place): \(message)\(isUndecided ? " (undecided)" : "")"
    }
}
