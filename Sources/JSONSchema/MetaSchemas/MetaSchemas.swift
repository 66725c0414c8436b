// SPDX-License-Identifier: Apache-2.0

// The meta-schemas of the drafts, which schemas are held against and may refer to. They are written out here from the
// specifications: same rules, own words.

import JSONText

enum MetaSchemas {
    /// The document of a URI without fragment.
    static func document(_ uri: String) -> JSONValue? { documents[uri] }

    private static let documents: [String: JSONValue] = {
        var result: [String: JSONValue] = [:]
        for text in [draft7] + draft2019 + draft2020 {
            guard let value = try? JSONValue(parsing: text), let id = value["$id"]?.string else { continue }
            result[URIReference(id).withoutFragment] = value
        }
        return result
    }()

    /// All there are, by URI.
    static var all: [String: JSONValue] { documents }

    /// What schemas of a dialect are held against; nil if its meta-schema is not there.
    static func validator(_ dialect: Dialect, library: SchemaLibrary) throws(SchemaError) -> SchemaValidator?
    {
        if dialect.metaSchema == dialect.draft.rawValue {
            switch dialect.draft {
            case .draft7: return compiled7
            case .draft2019: return compiled2019
            case .draft2020: return compiled2020
            }
        }
        guard let document = library.documents[dialect.metaSchema] else { return nil }
        var options = SchemaOptions()
        options.baseURI = dialect.metaSchema
        return try compile(document, options, library)
    }

    private static let compiled7 = own(.draft7)
    private static let compiled2019 = own(.draft2019)
    private static let compiled2020 = own(.draft2020)

    private static func own(_ draft: SchemaDraft) -> SchemaValidator? {
        guard let document = documents[draft.rawValue] else { return nil }
        var options = SchemaOptions()
        options.baseURI = draft.rawValue
        options.limits.schemaDepth = 512
        options.limits.documentDepth = 512
        options.limits.steps = 20_000_000
        return try? compile(document, options, SchemaLibrary())
    }

    /// Compiles a meta-schema, which is not held against another.
    private static func compile(
        _ document: JSONValue, _ options: SchemaOptions, _ library: SchemaLibrary
    ) throws(SchemaError) -> SchemaValidator {
        var compiler = SchemaCompiler(options: options, library: library)
        return SchemaValidator(program: try compiler.compile(document, isMetaSchema: true))
    }
}
