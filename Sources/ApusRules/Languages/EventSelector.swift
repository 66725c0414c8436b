// SPDX-License-Identifier: Apache-2.0

// What a rule or a subscription can select events by: a pattern, which all languages but one are compiled to, or a CESQL expression,
// of which a pattern says as much as it can. The matcher holds the pattern; only what CESQL has beyond it is asked of each candidate.

public import CloudEvents

/// A condition on events, in whichever language it was written.
public enum EventSelector: Sendable, Hashable {
    /// An event pattern, or what was compiled to one.
    case pattern(Pattern)
    /// A CESQL expression.
    case cesql(CESQLExpression)

    /// Parses a CESQL expression as a condition.
    ///
    /// - Throws: `RuleLanguageError` if it is none, also if it calls functions that do not exist, asks for `data`, or never is true
    ///   or false: such an expression is correct, but no event would ever pass.
    public init(cesql text: String, limits: CESQLLimits = CESQLLimits()) throws(RuleLanguageError) {
        let expression = try CESQLExpression(parsing: text, limits: limits)
        try Self.check(expression.root, of: Array(text.utf8))
        guard expression.root.type == .boolean else {
            throw RuleLanguageError(
                .notACondition(type: expression.root.type.rawValue), in: .cesql,
                offset: expression.root.range.lowerBound, of: Array(text.utf8))
        }
        self = .cesql(expression)
    }

    private static func check(_ term: CESQLTerm, of text: [UInt8]) throws(RuleLanguageError) {
        switch term.node {
        case .call(let name, let arguments) where CESQLFunction(name, argumentCount: arguments.count) == nil:
            throw RuleLanguageError(
                .unknownFunction(name, arguments: arguments.count, known: CESQLFunction.signatures),
                in: .cesql, offset: term.range.lowerBound, of: text)
        case .attribute("data"), .exists("data"):
            throw RuleLanguageError(
                .dataIsNoAttribute, in: .cesql, offset: term.range.lowerBound, of: text)
        default: for part in term.parts { try check(part, of: text) }
        }
    }

    /// What the matcher is to look for: every event that is selected matches it.
    public var pattern: Pattern {
        switch self {
        case .pattern(let pattern): pattern
        case .cesql(let expression): expression.pattern
        }
    }

    /// Whether every event that matches the pattern is selected, so that ``confirms(_:)`` need not be asked.
    public var isPatternExact: Bool {
        switch self {
        case .pattern: true
        case .cesql(let expression): expression.isPatternExact
        }
    }

    /// Whether an event that matches the pattern is selected.
    public func confirms(_ candidate: MatchInput) -> Bool {
        switch self {
        case .pattern: true
        case .cesql(let expression): expression.isPatternExact || expression.matches(candidate)
        }
    }

    /// Whether an event is selected. For single events; for many, put the patterns into a ``RuleMatcher``.
    public func matches(_ event: CloudEvent) -> Bool {
        switch self {
        case .pattern(let pattern): Explainer(event).matches(pattern)
        case .cesql(let expression): expression.matches(event)
        }
    }

    /// Compares an event with the condition, part by part. Slow: for people, not for routing.
    public func explain(_ event: CloudEvent) -> MatchExplanation {
        switch self {
        case .pattern(let pattern): pattern.explain(event)
        case .cesql(let expression): expression.explain(event)
        }
    }
}

extension EventSelector: CustomStringConvertible {
    /// The condition as text.
    public var description: String {
        switch self {
        case .pattern(let pattern): pattern.text
        case .cesql(let expression): expression.text
        }
    }
}
