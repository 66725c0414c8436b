// SPDX-License-Identifier: Apache-2.0

// What compiling a schema costs is bounded: characters that are looked at, states that are made, schemas that are read. Counted, not timed.

import JSONSchema
import JSONText
import TestThreads
import Testing

@Suite("Compiling is bounded", .ownThread)
struct CompileCostTests {
    private func reason(_ schema: JSONValue) -> SchemaError.Reason? {
        do throws(SchemaError) {
            _ = try Schema.compile(schema)
            return nil
        } catch {
            return error.reason
        }
    }

    private func patterns(_ texts: [String]) -> JSONValue {
        ["allOf": .array(texts.map { ["pattern": .string($0)] })]
    }

    @Test("characters with a property are found by looking at a tenth of all, and they are the right ones")
    func properties() {
        let names = UnicodeProperties.binaryNames
        // Each has a short name and a long one.
        for name in names.prefix(casesToTry(of: names.count)) {
            let fast = UnicodeProperties.probe(name, everyScalar: false)
            #expect(fast?.ranges == UnicodeProperties.probe(name, everyScalar: true)?.ranges, "\(name)")
            #expect((fast?.looked ?? .max) < 110_000, "\(name)")
        }
        let categories = UnicodeProperties.probeCategories(everyScalar: false)
        #expect(categories.looked < 110_000)
        #expect(categories.runs == UnicodeProperties.probeCategories(everyScalar: true).runs)
    }

    @Test("a schema names few properties; categories are one")
    func fewProperties() {
        let limit = SchemaLimits().unicodeProperties
        let names = ["Alphabetic", "Emoji", "Dash", "Cased", "Math", "Uppercase", "Lowercase"]
        let each = names.map { "\\p{\($0)}" }
        #expect(reason(patterns(Array(each.prefix(limit)))) == nil)
        let tooLarge = SchemaError.Reason.tooLarge(
            what: "properties of characters in regular expressions", limit: limit)
        #expect(reason(patterns(each)) == tooLarge)
        #expect(reason(["pattern": .string("[" + each.joined() + "]")]) == tooLarge)
        let categories = ["L", "Lu", "Ll", "N", "P", "S", "Z", "gc=M", "General_Category=Nd"]
        #expect(reason(patterns(categories.map { "\\P{\($0)}" })) == nil)
        // What only looks like one costs nothing but its place.
        #expect(reason(["pattern": "\\\\p{Alphabetic}"]) == nil)
    }

    @Test("many schemas, however small")
    func schemas() {
        let limit = SchemaLimits().schemas
        #expect(
            reason(["anyOf": .array(Array(repeating: true, count: limit))])
                == .tooLarge(what: "schemas in the documents", limit: limit))
        #expect(reason(["anyOf": .array(Array(repeating: true, count: limit - 1))]) == nil)
    }
}
