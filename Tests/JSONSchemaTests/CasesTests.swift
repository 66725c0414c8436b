// SPDX-License-Identifier: Apache-2.0

// Cases of our own, on the same ground as the official suite: a schema, documents that it accepts, and documents that it does not.

import FoundationEssentials
import JSONSchema
import JSONText
import Testing

@Suite("Schemas accept and refuse")
struct CasesTests {
    static let names = ["applicators", "values", "references", "unevaluated", "drafts"]

    private static func read(_ name: String) throws -> [JSONValue] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases")
        let text = try Data(contentsOf: folder.appending(path: name + ".json"))
        return try #require(try JSONValue(parsing: Array(text)).array)
    }

    @Test("what the cases say", arguments: names)
    func cases(name: String) throws {
        let cases = try Self.read(name)
        #expect(!cases.isEmpty)
        for one in cases {
            try check(one, in: one["draft"]?.string.flatMap { Self.drafts[$0] } ?? .draft2020)
        }
    }

    @Test("what the cases of each keyword say, in every draft that has it", arguments: SchemaDraft.allCases)
    func keywords(draft: SchemaDraft) throws {
        var (accepting, refusing): (Set<String>, Set<String>) = ([], [])
        for one in try Self.read("keywords") {
            let drafts = one["drafts"]?.array?.compactMap { $0.string.flatMap { Self.drafts[$0] } }
            guard drafts?.contains(draft) ?? true else { continue }
            try check(one, in: draft)
            let keyword = try #require(one["keyword"]?.string)
            if one["valid"]?.array?.isEmpty == false { accepting.insert(keyword) }
            if one["invalid"]?.array?.isEmpty == false { refusing.insert(keyword) }
        }
        #expect(Self.keywords(of: draft).subtracting(accepting) == [])
        #expect(Self.keywords(of: draft).subtracting(refusing).subtracting(Self.remarks) == [])
    }

    // MARK: One case

    private static let drafts: [String: SchemaDraft] = [
        "draft7": .draft7, "draft2019": .draft2019, "draft2020": .draft2020,
    ]

    private func check(_ one: JSONValue, in draft: SchemaDraft) throws {
        let title = "\(draft) \(one["keyword"]?.string ?? ""): \(one["title"]?.string ?? "")"
        var options = SchemaOptions()
        options.draft = draft
        options.assertsContent = one["content"]?.bool ?? false
        var library = SchemaLibrary()
        for member in one["library"]?.object?.members ?? [] { library.add(member.value, at: member.name) }
        let validator = try Schema.compile(try #require(one["schema"]), options: options, library: library)
        for document in one["valid"]?.array ?? [] {
            let violations = try validator.violations(document.serialized())
            #expect(try validator.accepts(document.serialized()), "\(title): \(document): \(violations)")
            // White space makes no difference.
            #expect(try validator.accepts(document.serialized(pretty: true)), "\(title): \(document)")
        }
        for document in one["invalid"]?.array ?? [] {
            #expect(try !validator.accepts(document.serialized()), "\(title): \(document)")
            let violations = try validator.violations(document.serialized(pretty: true))
            #expect(!violations.isEmpty && violations.first?.rule != "schema", "\(title): \(document)")
        }
    }

    // MARK: What there is

    /// What refuses nothing by itself unless it is asked to.
    private static let remarks: Set<String> = [
        "format", "contentEncoding", "contentMediaType", "contentSchema",
    ]

    /// The keywords of a draft that say something of documents, or of where other schemas are.
    private static func keywords(of draft: SchemaDraft) -> Set<String> {
        let all: Set = [
            "type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum",
            "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems",
            "maxProperties", "minProperties", "required", "items", "contains", "properties",
            "patternProperties", "additionalProperties", "propertyNames", "allOf", "anyOf", "oneOf", "not",
            "if", "$ref", "$id", "definitions", "format", "contentEncoding", "contentMediaType",
        ]
        let new: Set = [
            "dependentRequired", "dependentSchemas", "minContains", "maxContains", "unevaluatedItems",
            "unevaluatedProperties", "$anchor", "$defs", "contentSchema",
        ]
        return switch draft {
        case .draft7: all.union(["additionalItems", "dependencies"])
        case .draft2019: all.union(new).union(["additionalItems", "$recursiveRef", "$recursiveAnchor"])
        case .draft2020: all.union(new).union(["prefixItems", "$dynamicRef", "$dynamicAnchor"])
        }
    }
}
