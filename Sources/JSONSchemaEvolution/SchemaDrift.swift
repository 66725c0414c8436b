// SPDX-License-Identifier: Apache-2.0

// Documents that a schema no longer accepts, and the version that would: each rule that a document breaks is widened by what the
// document needs and nothing more. That the result breaks nobody is proven before it is proposed.

public import JSONSchema
public import JSONText

/// Watches documents drift away from a schema.
public struct SchemaDrift: Sendable {
    /// A new version.
    public struct Proposal: Hashable, Sendable {
        /// The schema: accepts all that the current one accepts, and every document that was looked at and could be accommodated.
        public let schema: JSONValue
        /// What readers of the current version meet in documents of the new one.
        public let forward: [SchemaDifference]
    }

    /// Rounds of widening for one document, and for all of them.
    private static let roundsMax = 64
    private static let roundsInAllMax = 1_000

    private let current: JSONValue
    private let options: SchemaComparison.Options
    private var widened: JSONValue
    private var validator: SchemaValidator
    private var rounds = 0
    /// Documents that were looked at.
    public private(set) var count = 0
    /// Documents that the current schema refuses.
    public private(set) var refused = 0
    /// Documents that break a rule which is not widened, such as `not` or `oneOf`.
    public private(set) var unexplained = 0
    private let original: SchemaValidator

    /// Begins with a schema.
    ///
    /// - Throws: `SchemaError` if it cannot be compiled.
    public init(
        from schema: JSONValue, options: SchemaComparison.Options = SchemaComparison.Options()
    ) throws(SchemaError) {
        current = schema
        widened = schema
        self.options = options
        original = try Schema.compile(schema, options: options.schemas, library: options.library)
        validator = original
    }

    /// Looks at a document; whether the current schema accepts it.
    @discardableResult
    public mutating func add(_ document: JSONValue) -> Bool {
        count += 1
        let bytes = document.serialized()
        let isAccepted = original.isValid(bytes)
        if !isAccepted { refused += 1 }
        guard !validator.isValid(bytes) else { return isAccepted }
        if !accommodate(document, bytes) { unexplained += 1 }
        return isAccepted
    }

    /// A new version that accepts what drifted; nil if nothing did, or nothing can be proposed that is proven to break no reader.
    public func proposal() throws(SchemaError) -> Proposal? {
        guard widened != current else { return nil }
        let backward = try SchemaComparison.check(widened, against: [current], .backward, options: options)
        guard backward.isEmpty else { return nil }
        let forward = try SchemaComparison.check(widened, against: [current], .forward, options: options)
        return Proposal(schema: widened, forward: forward.map(\.difference))
    }

    /// Widens the schema until it accepts the document; whether that was possible.
    private mutating func accommodate(_ document: JSONValue, _ bytes: [UInt8]) -> Bool {
        var schema = widened
        var judge = validator
        for _ in 0..<Self.roundsMax {
            guard rounds < Self.roundsInAllMax else { return false }
            rounds += 1
            guard let found = try? judge.violations(bytes, limit: 20), !found.isEmpty else { return false }
            var changed = false
            for violation in found {
                if let next = SchemaWidening.widened(schema, by: violation, in: document), next != schema {
                    schema = next
                    changed = true
                }
            }
            guard changed,
                let next = try? Schema.compile(schema, options: options.schemas, library: options.library)
            else { return false }
            judge = next
            if judge.isValid(bytes) {
                widened = schema
                validator = judge
                return true
            }
        }
        return false
    }
}
