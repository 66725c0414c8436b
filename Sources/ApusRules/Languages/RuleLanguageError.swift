// SPDX-License-Identifier: Apache-2.0

// Why a text is not a condition in one of the languages, and where: one error for all of them.

public import JSONText

/// A language in which conditions on events can be written.
public enum RuleLanguage: String, Sendable, Hashable, CaseIterable {
    /// SNS filter policies.
    case snsFilterPolicy = "SNS filter policy"
    /// RabbitMQ's binding keys for topic exchanges.
    case rabbitMQTopic = "RabbitMQ topic pattern"
    /// RabbitMQ's binding arguments for headers exchanges.
    case rabbitMQHeaders = "RabbitMQ headers binding"
    /// Event Grid's subject, type and advanced filters.
    case eventGridFilter = "Event Grid filter"
    /// CloudEvents SQL.
    case cesql = "CESQL expression"
}

/// The refusal of a text in one of the languages.
public struct RuleLanguageError: Error, Sendable, Hashable {
    /// What is wrong.
    public enum Reason: Sendable, Hashable {
        /// The text is not JSON.
        case json(JSONError.Reason)
        /// What the language shares with event patterns is broken.
        case pattern(PatternError.Reason)
        /// The text is longer than `limit` bytes.
        case tooLong(limit: Int)
        /// The condition costs more than patterns may; `what` says what of.
        case tooMany(String, limit: Int)
        /// The text is nested deeper than `limit` levels.
        case tooDeep(limit: Int)
        /// A name that leaves nothing an attribute could be called.
        case noAttribute(String)
        /// Two names that mean the same attribute.
        case sameAttribute(String, String, attribute: String)
        /// Objects inside a policy on message attributes.
        case nestedPolicy
        /// A number outside of what the language compares.
        case numberOutOfRange(String, limit: String)
        /// A member that is not known; `known` lists those that are.
        case unknownMember(String, known: [String])
        /// A member that must be there.
        case missingMember(String)
        /// A member with a value of the wrong kind.
        case invalidMember(String, expected: String)
        /// An operator that is not known; `known` lists those that are.
        case unknownOperator(String, known: [String])
        /// Something that cannot stand at its place.
        case unexpected(String, expected: String)
        /// A text without its closing quote.
        case unclosedText
        /// An integer that does not fit into 32 bits.
        case integerTooLarge(String)
        /// A call of a function that does not exist with so many arguments.
        case unknownFunction(String, arguments: Int, known: [String])
        /// The value is never a truth value, so that nothing would match.
        case notACondition(type: String)
        /// `data`, which the language cannot see.
        case dataIsNoAttribute
    }

    /// The language of the text.
    public let language: RuleLanguage
    /// What is wrong.
    public let reason: Reason
    /// The field, its names joined by dots; empty if the language or the place has none.
    public let path: String
    /// The place, in bytes from the start of the text.
    public let offset: Int
    /// The place's line, from 1.
    public let line: Int
    /// The place in its line, in characters (Unicode scalars), from 1.
    public let column: Int

    /// Creates an error for a place in a text.
    init(
        _ reason: Reason, in language: RuleLanguage, path: String = "", offset: Int,
        of text: some Collection<UInt8>
    ) {
        self.language = language
        self.reason = reason
        self.path = path
        self.offset = offset
        let before = text.prefix(offset)
        let line = before.split(separator: 0x0A, omittingEmptySubsequences: false)
        self.line = max(line.count, 1)
        // Bytes that continue a character do not count.
        self.column = (line.last?.count { $0 & 0xC0 != 0x80 } ?? 0) + 1
    }

    /// The refusal of a pattern, in the words of another language.
    init(
        _ error: PatternError, in language: RuleLanguage, of text: some Collection<UInt8>
    ) {
        let reason: Reason =
            if case .json(let reason) = error.reason { .json(reason) } else { .pattern(error.reason) }
        self.init(reason, in: language, path: error.path, offset: error.offset, of: text)
    }
}

extension RuleLanguageError: CustomStringConvertible {
    /// A sentence for people: the language, the field, the reason and the place.
    public var description: String {
        let place = path.isEmpty ? language.rawValue : "\(language.rawValue), '\(path)'"
        return "\(place): \(reason) (at byte \(offset), line \(line), column \(column))"
    }
}

extension RuleLanguageError.Reason: CustomStringConvertible {
    /// The reason in words, with what to do about it.
    public var description: String {
        switch self {
        case .json(let reason): "\(reason)"
        case .pattern(let reason): "\(reason)"
        case .tooLong(let limit): "longer than \(limit) bytes"
        case .tooMany(let what, let limit): "more than \(limit) \(what)"
        case .tooDeep(let limit): "nested deeper than \(limit) levels"
        case .noAttribute(let name):
            "'\(name)' is not the name of an attribute, which has the letters and digits of ASCII"
        case .sameAttribute(let name, let other, let attribute):
            "'\(name)' and '\(other)' are both the attribute '\(attribute)'"
        case .nestedPolicy:
            "a policy on message attributes has no objects inside; for the body, set the scope to MessageBody"
        case .numberOutOfRange(let text, let limit): "\(text) is not within \(limit)"
        case .unknownMember(let name, let known):
            "unknown member '\(name)'; known are \(known.joined(separator: ", "))"
        case .missingMember(let name): "'\(name)' is missing"
        case .invalidMember(let name, let expected): "'\(name)' takes \(expected)"
        case .unknownOperator(let name, let known):
            "unknown operator '\(name)'; known are \(known.joined(separator: ", "))"
        case .unexpected(let found, let expected): "found \(found) where \(expected) is expected"
        case .unclosedText: "the text has no closing quote"
        case .integerTooLarge(let text): "\(text) does not fit into 32 bits"
        case .unknownFunction(let name, let arguments, let known):
            "no function \(name) takes \(arguments) arguments; there are \(known.joined(separator: ", "))"
        case .notACondition(let type):
            "the value is always \(type), never true or false, so that no event would match"
        case .dataIsNoAttribute: "CESQL sees attributes only; use an event pattern for data"
        }
    }
}
