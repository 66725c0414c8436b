// SPDX-License-Identifier: Apache-2.0

// What the comparison says is so: no document contradicts a proof, and every witness is one. Schemas by chance and mutations of them, in
// all three drafts, documents by chance.

import JSONSchema
import JSONSchemaEvolution
import JSONText
import SlowJSONSchema
import TestThreads
import Testing

private struct RandomVersions {
    var random: RandomSchemas<SeededGenerator>

    init(seed: UInt64) { random = RandomSchemas(chance: SeededGenerator(seed: seed)) }

    /// Two schemas that have much in common.
    mutating func pair() -> (JSONValue, JSONValue) {
        let first = random.schema()
        var second = first
        for _ in 0..<Int.random(in: 0...3, using: &random.chance) { second = mutated(second, 0) }
        if random.isChosen(10) { second = random.schema() }
        return random.isChosen(50) ? (dated(first), dated(second)) : (dated(second), dated(first))
    }

    private mutating func dated(_ schema: JSONValue) -> JSONValue {
        guard random.isChosen(25), var object = schema.object else { return schema }
        object["$schema"] = .string(
            random.pick([
                "https://json-schema.org/draft/2019-09/schema", "http://json-schema.org/draft-07/schema",
            ]))
        return .object(object)
    }

    private mutating func mutated(_ value: JSONValue, _ depth: Int) -> JSONValue {
        switch value {
        case .object(var object):
            guard !object.members.isEmpty else { return mutatedRules(object, depth) }
            let member = random.pick(object.members)
            let isSchema = member.name != "enum" && member.name != "const" && member.name != "$ref"
            if isSchema, random.isChosen(75), member.value.object != nil || member.value.array != nil {
                object[member.name] = mutated(member.value, depth + 1)
                return .object(object)
            }
            return mutatedRules(object, depth)
        case .array(var elements):
            guard !elements.isEmpty else { return value }
            let index = Int.random(in: elements.indices, using: &random.chance)
            if random.isChosen(20), elements.count > 1 {
                elements.remove(at: index)
            } else if random.isChosen(20) {
                elements.append(elements[index])
                elements[index] = mutated(elements[index], depth + 1)
            } else {
                elements[index] = mutated(elements[index], depth + 1)
            }
            return .array(elements)
        case .bool(let value): return random.isChosen(50) ? .bool(!value) : random.schema(2)
        case .number: return random.pick([0, 1, 2, 3])
        default: return value
        }
    }

    private mutating func mutatedRules(_ rules: JSONObject, _ depth: Int) -> JSONValue {
        var rules = rules
        if random.isChosen(50), let member = rules.members.randomElement(using: &random.chance),
            member.name != "$defs"
        {
            rules[member.name] = nil
        } else {
            random.addRule(to: &rules, max(depth, 1))
        }
        return .object(rules)
    }
}

/// How a comparison of two schemas went.
private enum Verdict { case refused, compatible, witnessed, undecided }

private func check(seed: UInt64, documents: Int = 40) throws -> Verdict {
    var versions = RandomVersions(seed: seed)
    let (writer, reader) = versions.pair()
    let accepting: SchemaValidator
    let refusing: SchemaValidator
    do throws(SchemaError) {
        accepting = try Schema.compile(writer)
        refusing = try Schema.compile(reader)
    } catch {
        return .refused
    }
    let found = try differences(writer, reader)
    guard found.isEmpty else {
        return found.contains { $0.witness != nil } ? .witnessed : .undecided
    }
    let guess = try SchemaComparison.guess(writer: writer, reader: reader)
    #expect(guess == nil, "seed \(seed): \(guess ?? .null) by \(writer) and not by \(reader)")
    for _ in 0..<documents {
        let document = versions.random.document()
        let text = document.serialized()
        guard try accepting.accepts(text) else { continue }
        #expect(try refusing.accepts(text), "seed \(seed): \(document) by \(writer) and not by \(reader)")
    }
    return .compatible
}

@Suite("The comparison is sound", .ownThread)
struct SoundnessTests {
    @Test("for schemas and mutations of them by chance", arguments: UInt64(0)..<8)
    func soundness(block: UInt64) throws {
        var counts: [Verdict: Int] = [:]
        for seed in seedsToTry(block: block, of: 800) {
            counts[try check(seed: seed), default: 0] += 1
        }
        // That it says something at all.
        #expect(counts[.compatible, default: 0] > 10)
        #expect(counts[.witnessed, default: 0] > 10)
        #expect(counts[.undecided, default: 0] < counts[.witnessed, default: 0])
    }

    @Test("and says of every schema that it accepts what it accepts", arguments: UInt64(0)..<2)
    func reflexivity(block: UInt64) throws {
        for seed in seedsToTry(block: block, of: 1_000) {
            var random = RandomSchemas(chance: SeededGenerator(seed: seed))
            let schema = random.schema()
            guard (try? Schema.compile(schema)) != nil else { continue }
            let found = try differences(schema, schema)
            #expect(found.isEmpty, "seed \(seed): \(schema): \(found)")
        }
    }
}
