// SPDX-License-Identifier: Apache-2.0

// CESQL as the rest of Apus sees it.

public import CloudEvents

/// What an evaluation comes to.
public struct CESQLResult: Sendable, Hashable {
    /// The value; there is one even if there are errors.
    public let value: CESQLValue
    /// The errors, at most 16, in the order in which they occurred.
    public let errors: [CESQLError]

    /// Whether the value is true and there is no error: what lets an event pass.
    public var isTrue: Bool { errors.isEmpty && value == .boolean(true) }
}

/// An expression of CloudEvents SQL, version 1.0: a value computed from an event's attributes.
///
/// As a condition it is compiled: what patterns can say of it is its ``pattern``, and if that is not all of it, events that match the
/// pattern are evaluated. See ``EventSelector``.
public struct CESQLExpression: Sendable {
    /// The expression as written.
    public let text: String
    let root: CESQLTerm
    private let limits: CESQLLimits

    /// A pattern that every event matches for which the expression is true.
    public let pattern: Pattern
    /// Whether the expression is true for all events that match the pattern.
    public let isPatternExact: Bool

    /// Parses an expression.
    ///
    /// - Parameters:
    ///   - text: the expression.
    ///   - limits: what it may cost.
    /// - Throws: `RuleLanguageError` with the reason and the place.
    public init(parsing text: String, limits: CESQLLimits = CESQLLimits()) throws(RuleLanguageError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    /// Parses an expression.
    ///
    /// - Parameters:
    ///   - text: the expression, as UTF-8.
    ///   - limits: what it may cost.
    /// - Throws: `RuleLanguageError` with the reason and the place.
    public init(parsing text: [UInt8], limits: CESQLLimits = CESQLLimits()) throws(RuleLanguageError) {
        self.root = try CESQLParser.parse(text, limits: limits)
        self.text = String(decoding: text, as: UTF8.self)
        self.limits = limits
        let compiled = CESQLCompiler(limits: limits).pattern(of: root)
        self.pattern = compiled.pattern
        self.isPatternExact = compiled.isExact
    }

    // MARK: - Evaluation

    /// The value for an event. Extensions that are booleans or integers have these types, as the specification wants.
    public func evaluate(_ event: CloudEvent) -> CESQLResult {
        evaluate { name in
            switch event.extensions[name] {
            case .boolean(let value): .boolean(value)
            case .integer(let value): .integer(value)
            case let value?: .string(value.text)
            case nil: event.attributeTexts.first { $0.name == name }.map { .string($0.text) }
            }
        }
    }

    /// Whether an event passes: the value is true, and there is no error.
    ///
    /// Every attribute is a text here, however the event was published, so that rules do not depend on the protocol it came by.
    public func matches(_ event: CloudEvent) -> Bool { evaluateTexts(of: event).isTrue }

    /// Whether an event passes: the value is true, and there is no error. Every attribute is a text.
    public func matches(_ input: MatchInput) -> Bool {
        evaluate { name in
            input.attributes.first { $0.name.elementsEqual(name.utf8) }
                .map { .string(String(decoding: $0.value, as: UTF8.self)) }
        }.isTrue
    }

    func evaluateTexts(of event: CloudEvent) -> CESQLResult {
        let texts = event.attributeTexts
        return evaluate { name in texts.first { $0.name == name }.map { .string($0.text) } }
    }

    private func evaluate(_ attribute: @escaping (String) -> CESQLValue?) -> CESQLResult {
        var evaluation = CESQLEvaluation(limits: limits, attribute: attribute)
        let outcome = evaluation.outcome(of: root)
        return CESQLResult(value: outcome.value, errors: evaluation.errors)
    }

    func evaluate(_ term: CESQLTerm, _ attribute: @escaping (String) -> CESQLValue?) -> CESQLResult {
        var evaluation = CESQLEvaluation(limits: limits, attribute: attribute)
        let outcome = evaluation.outcome(of: term)
        return CESQLResult(value: outcome.value, errors: evaluation.errors)
    }
}

extension CESQLExpression: Hashable {
    /// Whether the texts are the same.
    public static func == (left: Self, right: Self) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8) && left.limits == right.limits
    }

    /// Hashes the text.
    public func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}

extension CESQLExpression: CustomStringConvertible {
    /// The expression as written.
    public var description: String { text }
}
