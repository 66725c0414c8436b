// SPDX-License-Identifier: Apache-2.0

// The meta-schemas, written out here by ourselves: each is there, is a schema by itself, and refuses what is none.

import JSONSchema
import JSONText
import Testing

@Suite("Meta-schemas")
struct MetaSchemaTests {
    @Test(
        "are there and can be referred to",
        arguments: SchemaDraft.allCases.map(\.rawValue)
            + ["core", "applicator", "validation", "meta-data", "format", "content"].map {
                "https://json-schema.org/draft/2019-09/meta/\($0)"
            }
            + [
                "core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation",
                "format-assertion", "content",
            ].map { "https://json-schema.org/draft/2020-12/meta/\($0)" })
    func presence(uri: String) throws {
        let validator = try Schema.compile(["$ref": .string(uri)])
        #expect(validator.isValid(Array("{\"title\": \"x\", \"$comment\": \"y\"}".utf8)))
        #expect(!validator.isValid(Array("3".utf8)))
    }

    @Test("hold schemas to the rules of their draft", arguments: SchemaDraft.allCases)
    func rules(draft: SchemaDraft) throws {
        let validator = try Schema.compile(["$ref": .string(draft.rawValue)])
        for wrong in [
            "{\"type\": 1}", "{\"minimum\": \"1\"}", "{\"maxItems\": -1}", "{\"uniqueItems\": 1}",
            "{\"properties\": []}",
            "{\"items\": {\"not\": {\"pattern\": 1}}}", "{\"enum\": 1}", "{\"$ref\": 1}", "{\"if\": 1}",
            "{\"multipleOf\": 0}",
        ] {
            #expect(!validator.isValid(Array(wrong.utf8)), "\(wrong)")
        }
        #expect(
            validator.isValid(
                Array("{\"properties\": {\"a\": {\"allOf\": [true, {\"minItems\": 2.0}]}}}".utf8)))
    }
}
