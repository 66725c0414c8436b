// SPDX-License-Identifier: Apache-2.0

// The front door: schema text in, a validator out.

public import JSONText

/// JSON Schema, drafts 2020-12, 2019-09 and 7.
public enum Schema {
    /// Compiles a schema to a program that judges documents by their bytes.
    ///
    /// - Parameters:
    ///   - bytes: the schema as JSON text.
    ///   - options: dialect, formats, limits.
    ///   - library: what references to other documents may lead to. Nothing is ever fetched.
    /// - Throws: `SchemaError` with the place in the schema.
    public static func compile(
        _ bytes: some Sequence<UInt8>, options: SchemaOptions = SchemaOptions(),
        library: SchemaLibrary = SchemaLibrary()
    ) throws(SchemaError) -> SchemaValidator {
        let value = try SchemaLibrary.parse(Array(bytes), at: options.baseURI, limits: options.limits)
        return try compile(value, options: options, library: library)
    }

    /// Compiles a schema that is already parsed.
    public static func compile(
        _ schema: JSONValue, options: SchemaOptions = SchemaOptions(),
        library: SchemaLibrary = SchemaLibrary()
    ) throws(SchemaError) -> SchemaValidator {
        var compiler = SchemaCompiler(options: options, library: library)
        return SchemaValidator(program: try compiler.compile(schema))
    }
}

/// Schemas by URI: what references to other documents may lead to. The meta-schemas of the drafts are always there.
public struct SchemaLibrary: Sendable {
    private(set) var documents: [String: JSONValue] = [:]
    private let limits: SchemaLimits

    /// Creates an empty library; `limits` hold for what is added to it.
    public init(limits: SchemaLimits = SchemaLimits()) { self.limits = limits }

    /// Adds a schema under a URI, in place of what was there.
    ///
    /// - Throws: `SchemaError` if the text is not JSON or too large. Whether it is a schema shows when it is referred to.
    public mutating func add(_ bytes: some Sequence<UInt8>, at uri: String) throws(SchemaError) {
        documents[URIReference(uri).withoutFragment] = try Self.parse(Array(bytes), at: uri, limits: limits)
    }

    /// Adds a schema that is already parsed.
    public mutating func add(_ schema: JSONValue, at uri: String) {
        documents[URIReference(uri).withoutFragment] = schema
    }

    /// Adds a schema that is already parsed under a reference, as it is seen from the URI `base`.
    public mutating func add(_ schema: JSONValue, at reference: String, relativeTo base: String) {
        let uri = URIReference(reference).resolved(against: URIReference(base))
        documents[uri.withoutFragment] = schema
    }

    /// A text as a library would hold it.
    ///
    /// - Throws: `SchemaError` if the text is not JSON or too large.
    public static func document(
        _ bytes: [UInt8], limits: SchemaLimits = SchemaLimits()
    ) throws(SchemaError) -> JSONValue {
        try parse(bytes, at: "", limits: limits)
    }

    static func parse(
        _ bytes: [UInt8], at location: String, limits: SchemaLimits
    ) throws(SchemaError) -> JSONValue {
        guard bytes.count <= limits.schemaBytes else {
            throw SchemaError(.tooLarge(what: "bytes of the schema", limit: limits.schemaBytes), at: location)
        }
        do {
            return try JSONValue(parsing: bytes, duplicateNames: .rejected, depthLimit: limits.schemaDepth)
        } catch {
            throw SchemaError(.notJSON(error), at: location)
        }
    }
}
