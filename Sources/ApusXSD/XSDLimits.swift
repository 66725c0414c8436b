// SPDX-License-Identifier: Apache-2.0

// How much work and memory a schema and a document may ask for. libxml2 has few bounds of its own, so what it is given is measured before.

/// Bounds on schemas and documents. Every one of them ends in an error that names it.
public struct XSDLimits: Hashable, Sendable {
    /// Bytes of a schema with all its references.
    public var schemaBytes = 1 << 20
    /// Schemas that a schema may refer to, directly and through others.
    public var references = 64
    /// Steps that compiling the content models and the regular expressions may take, as they are estimated before: about 100
    /// million to a second.
    public var compileSteps = 64_000_000
    /// Entries of the tables of all content models together, 12 bytes each: the square of how many elements a model names, summed up.
    public var modelEntries = 4_000_000
    /// Characters of one regular expression.
    public var patternLength = 1_000
    /// Instructions of one regular expression, its repetitions written out, where more than one way through it can match.
    public var patternPositions = 2_000
    /// Bytes of a document. Its elements nest 128 levels at most, and have at most 64 attributes.
    public var documentBytes = 1 << 20
    /// Steps that all regular expressions of a schema may take on all values of a document, where more than one way through them can match.
    public var patternSteps = 5_000_000
    /// Processor time for judging a document.
    public var processorTime: Duration = .seconds(1)
    /// Violations that are told of a document.
    public var violations = 20

    /// The limits that hold unless told otherwise.
    public init() {}
}
