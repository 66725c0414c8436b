// SPDX-License-Identifier: Apache-2.0

// Why a schema cannot be used, and why a document cannot be judged. Both name the place, so that whoever
// wrote the schema can go there.

public import JSONText

/// Why a schema was refused.
public struct SchemaError: Error, Hashable, Sendable {
    /// What is wrong.
    public enum Reason: Hashable, Sendable {
        /// The text is not JSON.
        case notJSON(JSONError)
        /// A limit of `SchemaLimits` is exceeded.
        case tooLarge(what: String, limit: Int)
        /// `$schema` names a dialect that is neither known nor registered.
        case unknownDialect(String)
        /// The meta-schema requires a vocabulary that is not known.
        case unknownVocabulary(String)
        /// The schema breaks the rules of its dialect, as its meta-schema has them.
        case notASchema(Violation)
        /// A keyword has a value that it cannot have.
        case invalidKeyword(String, expected: String)
        /// A reference leads to nothing that is there or registered.
        case unresolvedReference(String)
        /// A reference that is not a URI reference, or an identifier that is none.
        case invalidURI(String)
        /// Two schemas of the document have the same identifier or anchor.
        case duplicateIdentifier(String)
        /// References lead back to where they began without going on in the document.
        case endlessReference
        /// A regular expression that is not one.
        case invalidPattern(RegexError)
        /// A regular expression that cannot be run in linear time.
        case unsupportedPattern(RegexError)
    }

    /// What is wrong.
    public let reason: Reason
    /// Where: the URI of the schema's resource, if it has one, with a JSON pointer as fragment.
    public let location: String

    /// Creates an error for a place in a schema.
    public init(_ reason: Reason, at location: String) {
        self.reason = reason
        self.location = location
    }
}

extension SchemaError: CustomStringConvertible {
    /// A sentence for people: what and where.
    public var description: String { "\(reason) (at \(location.isEmpty ? "#" : location))" }
}

extension SchemaError.Reason: CustomStringConvertible {
    /// What is wrong, in words, without the place.
    public var description: String {
        switch self {
        case .notJSON(let error): "the schema is not JSON: \(error)"
        case .tooLarge(let what, let limit): "\(what): at most \(limit) are accepted"
        case .unknownDialect(let uri):
            "'$schema' names '\(uri)', which is neither JSON Schema 2020-12, 2019-09 or draft 7 nor registered"
        case .unknownVocabulary(let uri):
            "the meta-schema requires the vocabulary '\(uri)', which is not known"
        case .notASchema(let violation):
            "not a valid schema: \(violation.instanceLocation.isEmpty ? "" : violation.instanceLocation + " ")"
                + violation.message
        case .invalidKeyword(let keyword, let expected): "'\(keyword)' must be \(expected)"
        case .unresolvedReference(let uri):
            "the reference '\(uri)' leads to nothing that is in the schema or registered"
        case .invalidURI(let text): "'\(text)' is not a URI reference that can stand here"
        case .duplicateIdentifier(let name): "two schemas are called '\(name)'"
        case .endlessReference:
            "references lead back to this schema without going on in the document, so that checking would never end"
        case .invalidPattern(let error): "not a regular expression: \(error)"
        case .unsupportedPattern(let error): "the regular expression cannot be used: \(error)"
        }
    }
}

/// Why a document could not be judged by a schema.
public enum ValidationError: Error, Hashable, Sendable {
    /// The document is not JSON, or nested deeper than allowed.
    case notJSON(JSONError)
    /// Judging takes more steps than `SchemaLimits.steps`.
    case tooCostly(limit: Int)
    /// Schemas and document together are nested deeper than `SchemaLimits.evaluationDepth`.
    case tooDeep(limit: Int)
}

extension ValidationError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .notJSON(let error): "not JSON: \(error)"
        case .tooCostly(let limit): "checking against the schema takes more than \(limit) steps"
        case .tooDeep(let limit): "checking against the schema goes deeper than \(limit) levels"
        }
    }
}
