// SPDX-License-Identifier: Apache-2.0

// The compiled validator says what the plain evaluation says, for schemas and documents by chance; and what it explains is so.

import JSONSchema
import JSONText
import SlowJSONSchema
import TestThreads
import Testing

@Suite("The compiled validator agrees with a plain evaluation", .ownThread)
struct AgreementTests {
    @Test("for schemas and documents by chance", arguments: UInt64(0)..<8)
    func agreement(block: UInt64) throws {
        var accepted = 0
        for seed in seedsToTry(block: block, of: 2_000) {
            var random = RandomSchemas(chance: SeededGenerator(seed: seed))
            let schema = random.schema()
            let validator: SchemaValidator
            do throws(SchemaError) {
                validator = try Schema.compile(schema)
            } catch {
                #expect(error.reason == .endlessReference, "seed \(seed): \(schema): \(error)")
                continue
            }
            for _ in 0..<12 {
                let document = random.document()
                let text = document.serialized(pretty: random.isChosen(20))
                var slow = SlowJSONSchema(schema)
                let expected = slow.accepts(document)
                guard !slow.isExhausted else { continue }
                let answer = try validator.accepts(text)
                #expect(answer == expected, "seed \(seed): \(schema) for \(document)")
                if answer {
                    accepted += 1
                } else {
                    let violations = try validator.violations(text)
                    #expect(
                        violations.first.map { $0.rule != "schema" } ?? false,
                        "seed \(seed): \(schema) for \(document)")
                }
            }
        }
        #expect(accepted > 100)
    }
}
