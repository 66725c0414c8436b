// SPDX-License-Identifier: Apache-2.0

// What the user of a schema decides: how formats are taken, which dialect a schema without `$schema` has,
// how much work and memory a schema may ask for, and what remote references lead to.

/// A published dialect of JSON Schema.
public enum SchemaDraft: String, Hashable, Sendable, CaseIterable {
    /// Draft 7.
    case draft7 = "http://json-schema.org/draft-07/schema"
    /// Draft 2019-09.
    case draft2019 = "https://json-schema.org/draft/2019-09/schema"
    /// Draft 2020-12.
    case draft2020 = "https://json-schema.org/draft/2020-12/schema"
}

/// Bounds on what schemas and documents may ask for. Every one of them ends in an error that names it.
public struct SchemaLimits: Hashable, Sendable {
    /// Bytes of a schema's text, and of each registered one.
    public var schemaBytes = 1 << 20
    /// Nesting of a schema's text, at most 512.
    public var schemaDepth = 128
    /// Schemas (objects and booleans) compiled for one validator, those that references lead to included.
    public var schemas = 16_384
    /// Values of one `enum`.
    public var enumValues = 16_384
    /// Instructions of one regular expression, after repetitions are written out.
    public var regexInstructions = 20_000
    /// Properties of characters (`\p{…}`) that all regular expressions of a schema name, categories counting as one. What has such
    /// a property is looked for once in a process, among a hundred thousand characters.
    public var unicodeProperties = 6
    /// Nesting of a document, at most 512.
    public var documentDepth = 128
    /// Levels of schemas inside schemas that one evaluation may go through, at most 1,000.
    public var evaluationDepth = 1_000
    /// Steps that judging one document may take. A step is a schema applied to a value, a member, an element, a pattern held against a name, 16 bytes that
    /// are looked at again, or a few instructions of a regular expression; none takes more than some tens of nanoseconds.
    public var steps = 1_000_000
    /// Steps that explaining may take why one document is not accepted, beside those of judging it. When they are used up, what was found is told.
    public var explanationSteps = 500_000

    /// The limits that hold unless told otherwise.
    public init() {}
}

/// How a schema is compiled.
public struct SchemaOptions: Hashable, Sendable {
    /// The dialect of schemas without `$schema`.
    public var draft: SchemaDraft = .draft2020
    /// Whether `format` is checked. Otherwise it is an annotation, unless the schema's vocabulary demands the check.
    public var assertsFormats = false
    /// Whether `contentEncoding` and `contentMediaType` are checked (base64 and JSON). Otherwise they are annotations.
    public var assertsContent = false
    /// The URI the schema was got by; its references are relative to it unless it has an `$id`.
    public var baseURI = ""
    /// Bounds.
    public var limits = SchemaLimits()

    /// The options that hold unless told otherwise.
    public init() {}
}
