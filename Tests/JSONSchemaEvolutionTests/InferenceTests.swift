// SPDX-License-Identifier: Apache-2.0

// What samples become: every sample is accepted, memory is bounded, and drift is answered with a version that breaks nobody.

import JSONSchema
import JSONSchemaEvolution
import JSONText
import SlowJSONSchema
import TestThreads
import Testing

private func inferred(
    _ documents: [String], options: SchemaInference.Options = SchemaInference.Options()
) -> JSONValue {
    var inference = SchemaInference(options: options)
    for document in documents { inference.add(json(document)) }
    return inference.schema
}

@Suite("Schemas from samples")
struct InferenceTests {
    @Test("kinds, formats, required members, null, elements")
    func shapes() {
        let schema = inferred([
            #"{"id":"123e4567-e89b-12d3-a456-426614174000","at":"2026-01-31T10:00:00Z","total":3,"note":null,"lines":[{"sku":"a","n":1}]}"#,
            #"{"id":"123e4567-e89b-12d3-a456-426614174001","at":"2026-01-31T10:00:01+01:00","total":3.5,"note":"x","lines":[{"sku":"b"},{"sku":"c","n":2}],"by":"a@b.example"}"#,
        ])
        #expect(
            schema
                == json(
                    #"""
                    {"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{
                      "at":{"type":"string","format":"date-time"},
                      "by":{"type":"string","format":"email"},
                      "id":{"type":"string","format":"uuid"},
                      "lines":{"type":"array","items":{"type":"object",
                        "properties":{"n":{"type":"integer"},"sku":{"type":"string"}},"required":["sku"]}},
                      "note":{"type":["null","string"]},
                      "total":{"type":"number"}},
                     "required":["at","id","lines","note","total"]}
                    """#))
    }

    @Test("few different strings become an enum, many do not")
    func enums() {
        let few = (0..<40).map { #"{"state":"\#(["open", "paid", "shipped"][$0 % 3])"}"# }
        #expect(
            inferred(few)["properties"]?["state"]
                == json(#"{"type":"string","enum":["open","paid","shipped"]}"#))
        let nullable = few + ["{\"state\":null}"]
        #expect(
            inferred(nullable)["properties"]?["state"]?["enum"] == json(#"["open","paid","shipped",null]"#))
        let many = (0..<40).map { #"{"state":"s\#($0)"}"# }
        #expect(inferred(many)["properties"]?["state"] == json(#"{"type":"string"}"#))
    }

    @Test("members whose names are values make a dictionary")
    func dictionaries() {
        let documents = (0..<50).map { row in
            "{" + (0..<10).map { "\"k\(row * 10 + $0)\":{\"n\":\($0)}" }.joined(separator: ",") + "}"
        }
        #expect(
            inferred(documents)["additionalProperties"]
                == json(#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#))
        #expect(inferred(documents)["properties"] == nil)
    }

    @Test("shares and closed objects as asked for")
    func settings() {
        var options = SchemaInference.Options()
        options.requiredShare = 0.5
        options.closesObjects = true
        let schema = inferred([#"{"a":1,"b":1}"#, #"{"a":1}"#, #"{"a":1}"#], options: options)
        #expect(schema["required"] == ["a"])
        #expect(schema["additionalProperties"] == false)
    }

    @Test("what is kept is bounded, and what was left out is not spoken of")
    func bounds() throws {
        var options = SchemaInference.Options()
        options.placesMax = 20
        options.depthMax = 3
        var inference = SchemaInference(options: options)
        let deep = json(#"{"a":{"b":{"c":{"d":{"e":1}}}}}"#)
        inference.add(deep)
        var wide = JSONObject()
        for index in 0..<100 { wide["w\(index)"] = ["x": 1] }
        inference.add(.object(wide))
        #expect(inference.isTruncated)
        #expect(inference.schema.description.utf8.count < 2_000)
        let validator = try Schema.compile(inference.schema)
        #expect(validator.isValid(deep.serialized()))
        #expect(validator.isValid(JSONValue.object(wide).serialized()))
    }

    @Test("every sample is accepted by what was made of it", .ownThread, arguments: UInt64(0)..<4)
    func samples(block: UInt64) throws {
        for seed in seedsToTry(block: block, of: 1_000) {
            var random = RandomSchemas(chance: SeededGenerator(seed: seed))
            var options = SchemaInference.Options()
            options.closesObjects = random.isChosen(50)
            options.propertiesMax = random.pick([2, 3, 200])
            options.placesMax = random.pick([4, 10_000])
            options.depthMax = random.pick([1, 2, 32])
            options.enumRepetitions = 1
            var inference = SchemaInference(options: options)
            let documents = (0..<8).map { _ in random.document() }
            for document in documents { inference.add(document) }
            var asserting = SchemaOptions()
            asserting.assertsFormats = true
            let validator = try Schema.compile(inference.schema, options: asserting)
            for document in documents {
                #expect(
                    try validator.accepts(document.serialized()),
                    "seed \(seed): \(document) by \(inference.schema)")
            }
        }
    }
}

@Suite("Documents that drift from a schema")
struct DriftTests {
    private let schema = json(
        #"""
        {"type":"object","required":["id","state"],"properties":{"id":{"type":"integer","minimum":1},
         "state":{"enum":["open","paid"]},"lines":{"items":{"$ref":"#/$defs/line"}}},"additionalProperties":false,
         "$defs":{"line":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}}
        """#)

    @Test("are answered with a version that accepts them and all that was accepted")
    func proposal() throws {
        var drift = try SchemaDrift(from: schema)
        let accepted = drift.add(json(#"{"id":1,"state":"open"}"#))
        #expect(accepted)
        #expect(try drift.proposal() == nil)
        let drifted = [
            #"{"id":"a-1","state":"shipped","by":"x"}"#, #"{"id":0,"state":"open","lines":[{"n":1.5},{}]}"#,
            #"{"id":2}"#,
        ]
        for document in drifted {
            let accepted = drift.add(json(document))
            #expect(!accepted)
        }
        #expect(drift.refused == 3)
        #expect(drift.unexplained == 0)
        let proposal = try #require(try drift.proposal())
        #expect(
            proposal.schema
                == json(
                    #"""
                    {"type":"object","required":["id"],"properties":{"id":{"type":["integer","string"]},
                     "state":{"enum":["open","paid","shipped"]},"lines":{"items":{"$ref":"#/$defs/line"}},"by":{"type":"string"}},
                     "additionalProperties":false,
                     "$defs":{"line":{"type":"object","properties":{"n":{"type":"number"}}}}}
                    """#))
        #expect(proposal.forward.map(\.kind).contains(.closedObject))
        let validator = try Schema.compile(proposal.schema)
        for document in drifted { #expect(validator.isValid(Array(document.utf8))) }
    }

    @Test("that no rule is widened for are counted")
    func unexplained() throws {
        var drift = try SchemaDrift(from: json(#"{"not":{"type":"string"}}"#))
        drift.add("x")
        #expect(drift.unexplained == 1)
        #expect(try drift.proposal() == nil)
    }

    @Test("by chance, too: the proposal accepts what it says", .ownThread, arguments: UInt64(0)..<2)
    func random(block: UInt64) throws {
        for seed in seedsToTry(block: block, of: 600) {
            var random = RandomSchemas(chance: SeededGenerator(seed: seed))
            guard var drift = try? SchemaDrift(from: random.schema()) else { continue }
            var documents: [JSONValue] = []
            for _ in 0..<6 {
                let document = random.document()
                let before = drift.unexplained
                drift.add(document)
                if drift.unexplained == before { documents.append(document) }
            }
            guard let proposal = try drift.proposal() else { continue }
            let validator = try Schema.compile(proposal.schema)
            for document in documents {
                #expect(
                    try validator.accepts(document.serialized()),
                    "seed \(seed): \(document) by \(proposal.schema)")
            }
        }
    }
}
