// SPDX-License-Identifier: Apache-2.0

// The compiled matcher, the explainer and the reference must agree on everything.

import JSONText
import TestThreads
import Testing

@testable import ApusRules

@Suite(.ownThread) struct MatcherPropertyTests {
    @Test(arguments: 0..<8)
    func `the matcher agrees with the reference on random patterns and events`(block: UInt64) throws {
        var scratch = MatchScratch()
        // Small ones, so that events of this size have several.
        scratch.memory.pointee.batchEntries = block % 2 == 0 ? 128 : Int(block)
        scratch.memory.pointee.batchKeys = block % 4 < 2 ? 64 : Int(block)
        var matches = 0
        for seed in seedsToTry(block: block, of: 12) {
            var cases = RandomCases(seed: seed)
            let patterns = (0..<14).map { _ in cases.pattern() }
            let rules = try patterns.enumerated().compactMap { index, pattern in
                try Self.parse(pattern).map { (id: index, pattern: $0) }
            }
            let matcher = RuleMatcher(rules)
            for _ in 0..<14 {
                let event = SampleEvent(&cases)
                let found = event.match(matcher, &scratch)
                let expected = rules.map(\.id).filter {
                    ReferenceMatcher.matches(
                        patterns[$0], event.tree, dataIsReadable: event.isDataReadable)
                }
                #expect(found == expected, "seed \(seed), event \(event), patterns \(patterns)")
                matches += found.count
            }
        }
        #expect(matches > casesToTry(of: 100), "the cases hardly ever match")
    }

    @Test(arguments: 0..<4)
    func `a pattern matches alone as it does among others`(block: UInt64) throws {
        var scratch = MatchScratch()
        for seed in seedsToTry(block: block, of: 6, from: 10_000) {
            var cases = RandomCases(seed: seed)
            let rules = try (0..<8).compactMap { index in
                try Self.parse(cases.pattern()).map { (id: index, pattern: $0) }
            }
            let together = RuleMatcher(rules)
            let alone = rules.map { RuleMatcher([$0]) }
            for _ in 0..<8 {
                let event = SampleEvent(&cases)
                let found = event.match(together, &scratch)
                #expect(found == alone.flatMap { event.match($0, &scratch) }, "seed \(seed), event \(event)")
                let explained = rules.filter { event.explainer.matches($0.pattern) }.map(\.id)
                #expect(found == explained, "seed \(seed), event \(event)")
            }
        }
    }

    @Test(arguments: 0..<4)
    func `rules that come and go leave nothing behind`(block: UInt64) throws {
        var scratch = MatchScratch()
        for seed in seedsToTry(block: block, of: 4, from: 20_000) {
            var cases = RandomCases(seed: seed)
            var program = MatchProgram()
            var rules: [(id: Int, pattern: Pattern)] = []
            for id in 0..<60 {
                if let pattern = try Self.parse(cases.pattern()) {
                    rules.append((id, pattern))
                    program.add(id: id, pattern: pattern)
                }
                if rules.count > 8 {
                    let gone = rules.remove(at: Int.random(in: rules.indices, using: &cases.generator))
                    program.remove(id: gone.id)
                }
                let event = SampleEvent(&cases)
                let expected = rules.filter { event.explainer.matches($0.pattern) }.map(\.id)
                #expect(event.match(program, &scratch) == expected, "seed \(seed), event \(event)")
            }
            for rule in rules { program.remove(id: rule.id) }
            #expect(program.nodes.count == 1 && program.code.used == 0)
            #expect(program.tests.count == 0 && program.clauses.count == 0 && program.rules.isEmpty)
            #expect(program.dataReaders == 0 && program.restless.isEmpty && program.absenceNodes.isEmpty)
            #expect(program.keys.count == 0 && program.names.count == 0 && program.ranges.count == 0)
            #expect(program.clauses.count == 0)
        }
    }

    /// Nil for the few random patterns that are refused with good reason (`numeric` without room).
    private static func parse(_ pattern: JSONValue) throws -> Pattern? {
        do {
            let parsed = try Pattern(parsing: pattern.description)
            #expect(try Pattern(parsing: parsed.text) == parsed, "the canonical text is not stable")
            return parsed
        } catch {
            guard case .invalidOperand("numeric", _) = error.reason else { throw error }
            return nil
        }
    }
}

/// A random event, as bytes and as a tree; one in eight has data that is broken.
struct SampleEvent: CustomStringConvertible {
    let attributes: [(name: String, text: String)]
    let data: [UInt8]
    let tree: Tree
    let isDataReadable: Bool

    init(_ cases: inout RandomCases) {
        let attributes = cases.attributes()
        var members = attributes.map { (name: $0.name, value: Tree.attribute($0.text)) }
        var data: [UInt8] = []
        var isReadable = true
        if Int.random(in: 0..<10, using: &cases.generator) > 0 {
            let value = cases.value()
            data = Array(cases.write(value).utf8)
            if Int.random(in: 0..<8, using: &cases.generator) == 0 {
                data[Int.random(in: 0..<data.count, using: &cases.generator)] = 0x7D
                isReadable = (try? JSONValue(parsing: data)) != nil
            }
            // A byte that changed a text but broke nothing makes another tree: read that one.
            members.append(("data", isReadable ? Tree(reading: data) ?? value : value))
        }
        self.attributes = attributes
        self.data = data
        self.tree = .object(isReadable ? members : members.filter { $0.name != "data" })
        self.isDataReadable = isReadable
    }

    var description: String { "\(attributes) \(String(decoding: data, as: UTF8.self))" }

    func match(_ matcher: RuleMatcher, _ scratch: inout MatchScratch) -> [Int] {
        match(matcher.program, &scratch)
    }

    func match(_ matcher: MatchProgram, _ scratch: inout MatchScratch) -> [Int] {
        let names = attributes.map { Array($0.name.utf8) }
        let texts = attributes.map { Array($0.text.utf8) }
        return data.withUnsafeBytes { data in
            var input = MatchInput()
            input.data = data
            return match(matcher, names[...], texts[...], input, &scratch)
        }
    }

    /// Nests the closures that keep the attributes' bytes in place.
    private func match(
        _ matcher: MatchProgram, _ names: ArraySlice<[UInt8]>, _ texts: ArraySlice<[UInt8]>,
        _ input: MatchInput,
        _ scratch: inout MatchScratch
    ) -> [Int] {
        guard let name = names.first, let text = texts.first else {
            let memory = scratch.memory
            matcher.match(input, memory)
            return memory.pointee.matched.withElements { Array($0) }
        }
        return name.withUnsafeBytes { name in
            text.withUnsafeBytes { text in
                var input = input
                input.append(name: name, value: text)
                return match(matcher, names.dropFirst(), texts.dropFirst(), input, &scratch)
            }
        }
    }

    var explainer: Explainer {
        Explainer(
            attributes: attributes.map { ($0.name, $0.text) }, data: data, kind: .json)
    }
}

extension Tree {
    /// Reads JSON, keeping repeated names.
    init?(reading bytes: [UInt8]) {
        guard let value = EventValue(json: bytes) else { return nil }
        self.init(value)
    }

    private init(_ value: EventValue) {
        switch value {
        case .scalar(.null): self = .null
        case .scalar(.bool(let value)): self = .bool(value)
        case .scalar(.string(let text)): self = .string(String(decoding: text, as: UTF8.self))
        case .scalar(.number(let number)): self = .number(String(decoding: number.text, as: UTF8.self))
        case .attribute(let text): self = .attribute(String(decoding: text, as: UTF8.self))
        case .several(let values): self = .array(values.map { Tree($0) })
        case .object(let members):
            self = .object(members.map { (String(decoding: $0.name, as: UTF8.self), Tree($0.value)) })
        }
    }
}
