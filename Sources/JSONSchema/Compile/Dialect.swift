// SPDX-License-Identifier: Apache-2.0

// Which keywords a schema has: by its draft and the vocabularies of its meta-schema.

/// The rules a resource is written by.
struct Dialect: Hashable, Sendable {
    /// Sets of keywords that a meta-schema can switch off.
    struct Vocabularies: OptionSet, Hashable, Sendable {
        let rawValue: UInt8
        static let core = Vocabularies(rawValue: 1)
        static let applicator = Vocabularies(rawValue: 2)
        static let unevaluated = Vocabularies(rawValue: 4)
        static let validation = Vocabularies(rawValue: 8)
        static let formatAnnotation = Vocabularies(rawValue: 16)
        static let formatAssertion = Vocabularies(rawValue: 32)
        static let content = Vocabularies(rawValue: 64)
        static let metadata = Vocabularies(rawValue: 128)
        static let standard: Vocabularies = [
            .core, .applicator, .unevaluated, .validation, .formatAnnotation, .content, .metadata,
        ]
    }

    let draft: SchemaDraft
    var vocabularies = Vocabularies.standard
    /// The meta-schema's URI, without fragment.
    let metaSchema: String

    init(_ draft: SchemaDraft) {
        self.draft = draft
        metaSchema = draft.rawValue
    }

    init(_ draft: SchemaDraft, vocabularies: Vocabularies, metaSchema: String) {
        self.draft = draft
        self.vocabularies = vocabularies
        self.metaSchema = metaSchema
    }

    /// The vocabulary of a URI.
    static func vocabulary(_ uri: String) -> Vocabularies? {
        for (prefix, isNew) in [
            ("https://json-schema.org/draft/2020-12/vocab/", true),
            ("https://json-schema.org/draft/2019-09/vocab/", false),
        ] where uri.hasPrefix(prefix) {
            switch uri.dropFirst(prefix.count) {
            case "core": return .core
            // In 2019-09 the keywords for what is unevaluated are applicators like others.
            case "applicator": return isNew ? .applicator : [.applicator, .unevaluated]
            case "unevaluated" where isNew: return .unevaluated
            case "validation": return .validation
            case "format-annotation" where isNew: return .formatAnnotation
            case "format-assertion" where isNew: return .formatAssertion
            case "format" where !isNew: return .formatAnnotation
            case "content": return .content
            case "meta-data": return .metadata
            default: return nil
            }
        }
        return nil
    }
}

/// Where schemas are inside schemas.
enum Subschemas {
    static let single: Set<String> = [
        "additionalItems", "items", "contains", "additionalProperties", "propertyNames", "not", "if", "then",
        "else",
        "unevaluatedItems", "unevaluatedProperties", "contentSchema",
    ]
    static let lists: Set<String> = ["allOf", "anyOf", "oneOf", "prefixItems", "items"]
    static let named: Set<String> = [
        "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies",
    ]
}
