// SPDX-License-Identifier: Apache-2.0

// RabbitMQ's bindings by example and against plain interpreters; and the time that patterns made to explode take.

import CloudEvents
import JSONText
import TestThreads
import Testing

@testable import ApusRules

@Suite struct RabbitMQTopicTests {
    private func matches(_ pattern: String, _ key: String) throws -> Bool {
        let topic = try #require(TopicPattern(Array(pattern.utf8)))
        return Array(key.utf8).withUnsafeBytes { topic.matches($0) }
    }

    @Test(arguments: [
        ("a.b", "a.b", true), ("a.b", "a", false), ("a.b", "a.b.c", false), ("A", "a", false),
        ("*", "a", true),
        ("*", "a.b", false), ("*.b", "a.b", true), ("a.*.c", "a.b.c", true), ("a.*.c", "a.c", false),
        ("a.*.c", "a..c", true), ("#", "a", true), ("#", "a.b.c", true), ("#", ".", true), ("a.#", "a", true),
        ("a.#", "a.b.c", true), ("a.#", "ab", false), ("#.c", "c", true), ("#.c", "a.b.c", true),
        ("#.c", "bc", false),
        ("a.#.c", "a.c", true), ("a.#.c", "a.b.b.c", true), ("a.#.c", "a.b", false), ("#.b.#", "a.b.c", true),
        ("#.b.#", "b", true), ("#.b.#", "a.c", false), ("*.#", "a", true), ("#.*", "a.b", true),
        ("#.#", "a", true),
        ("#.#.#.a", "b.b.a", true), ("*.*.#", "a", false), ("a.*.#.d", "a.b.d", true),
        ("a.*.#.d", "a.d", false),
        ("a..b", "a..b", true), ("a.", "a.", true), ("a.", "a", false), (".#", ".a", true),
        (".#", "a", false),
        ("..#", ".", true), ("a#.b", "a#.b", true), ("a#.b", "ax.b", false), ("a*", "a*", true),
        ("a*", "ab", false),
    ])
    func `words, one word, any words`(pattern: String, key: String, expected: Bool) throws {
        #expect(try matches(pattern, key) == expected)
        try expect(Pattern(rabbitMQTopic: pattern), expected, on: sampleEvent(type: key), "\(pattern) \(key)")
    }

    @Test func `the empty key has no words`() throws {
        #expect(try matches("", ""))
        #expect(try matches("#", ""))
        #expect(try matches("#.#", ""))
        #expect(try !matches("*", ""))
        #expect(try !matches(".#", ""))
        for (pattern, expected) in [("#", true), ("", true), ("*", false), (".#", false), ("#.", false)] {
            let pattern = try Pattern(rabbitMQTopic: pattern, attribute: "key")
            try expect(pattern, expected, on: sampleEvent([("key", "")]))
            // No attribute is no key.
            try expect(pattern, false, on: sampleEvent())
        }
    }

    @Test func `a wildcard at one end is looked up, not tried`() throws {
        func text(_ key: String) throws -> String { try Pattern(rabbitMQTopic: key, attribute: "key").text }
        #expect(try text("a.b") == #"{"key":["a.b"]}"#)
        #expect(try text("a.b.#") == #"{"key":["a.b",{"prefix":"a.b."}]}"#)
        #expect(try text("#.a.b") == #"{"key":["a.b",{"suffix":".a.b"}]}"#)
        #expect(try text("#.#") == #"{"key":[{"exists":true}]}"#)
        #expect(try text("a.*") == #"{"key":[{"topic":"a.*"}]}"#)
    }

    @Test func `what cannot be a binding is refused`() throws {
        #expect(throws: Never.self) { try Pattern(rabbitMQTopic: String(repeating: ".", count: 255)) }
        var error = #expect(throws: RuleLanguageError.self) {
            try Pattern(rabbitMQTopic: String(repeating: "a", count: 256))
        }
        #expect(
            error?.description
                == "RabbitMQ topic pattern: longer than 255 bytes (at byte 255, line 1, column 256)")
        error = #expect(throws: RuleLanguageError.self) {
            try Pattern(rabbitMQTopic: "a", attribute: "routing_key")
        }
        #expect(error?.reason == .noAttribute("routing_key"))
    }

    /// Every way to give `#` some words.
    private static func plain(_ pattern: ArraySlice<Substring>, _ key: ArraySlice<Substring>) -> Bool {
        guard let first = pattern.first else { return key.isEmpty }
        switch first {
        case "#": return (key.startIndex...key.endIndex).contains { plain(pattern.dropFirst(), key[$0...]) }
        case "*": return !key.isEmpty && plain(pattern.dropFirst(), key.dropFirst())
        default: return key.first == first && plain(pattern.dropFirst(), key.dropFirst())
        }
    }

    private static func words(_ text: String) -> ArraySlice<Substring> {
        text.isEmpty ? [] : text.split(separator: ".", omittingEmptySubsequences: false)[...]
    }

    @Test func `random patterns match what a plain interpreter matches`() throws {
        var generator = SeededGenerator(seed: 7)
        var matched = 0
        for _ in 0..<casesToTry(of: 3000) {
            let pattern = (0..<generator.below(7)).map { _ in generator.pick(["a", "b", "", "*", "#", "#"]) }
                .joined(separator: ".")
            let key = (0..<generator.below(8)).map { _ in generator.pick(["a", "b", "c", ""]) }.joined(
                separator: ".")
            let expected = Self.plain(Self.words(pattern), Self.words(key))
            matched += expected ? 1 : 0
            #expect(try matches(pattern, key) == expected, "\(pattern) on \(key)")
            let selected = try RuleMatcher([
                (id: 1, pattern: Pattern(rabbitMQTopic: pattern, attribute: "key"))
            ])
            .matches(sampleEvent([("key", .string(key))]))
            #expect(selected == (expected ? [1] : []), "\(pattern) on \(key)")
        }
        #expect(matched > casesToTry(of: 300))
    }

    @Test func `many runs do not multiply`() throws {
        // With backtracking, this would take longer than the world has.
        let pattern = String(repeating: "#.a.", count: 62) + "b"
        let key = String(repeating: "a.", count: 30_000) + "c"
        #expect(try !matches(pattern, key))
        let like = try #require(LikePattern(Array((String(repeating: "%a_", count: 160) + "b").utf8)))
        #expect(!Array(String(repeating: "a", count: 30_000).utf8).withUnsafeBytes { like.matches($0) })
    }
}

@Suite struct RabbitMQHeadersTests {
    private static func message() throws -> CloudEvent {
        try sampleEvent([("format", "pdf"), ("size", 5), ("xid", "7"), ("flag", true), ("storeid", "a")])
    }

    @Test(arguments: [
        (#"{"format":"pdf","size":5}"#, true), (#"{"format":"pdf","size":6}"#, false),
        (#"{"size":5.0}"#, true),
        (#"{"x-match":"all","Store-Id":"a"}"#, true), (#"{"x-match":"any","format":"zip","size":5}"#, true),
        (#"{"x-match":"any","format":"zip","size":6}"#, false), (#"{"flag":true}"#, true),
        (#"{"flag":false}"#, false),
        (#"{"format":null}"#, true), (#"{"colour":null}"#, false),
        (#"{"x-match":"any","colour":null,"flag":null}"#, true),
        // Names that begin with x- count only if told so.
        (#"{"x-id":"8","size":5}"#, true), (#"{"x-match":"all-with-x","x-id":"8","size":5}"#, false),
        (#"{"x-match":"all-with-x","x-id":"7","size":5}"#, true), (#"{"x-match":"any","x-id":"7"}"#, false),
        (#"{"x-match":"any-with-x","x-id":"7"}"#, true), ("{}", true), (#"{"x-match":"any"}"#, false),
        (#"{"x-match":"any-with-x"}"#, false), (#"{"x-match":"all-with-x"}"#, true),
    ])
    func `arguments of a binding`(arguments: String, expected: Bool) throws {
        try expect(Pattern(rabbitMQArguments: arguments), expected, on: Self.message(), arguments)
    }

    @Test func `headers and their joining can be given as values`() throws {
        let headers: [(name: String, value: RabbitMQHeaderValue)] = [
            ("format", .string("zip")), ("size", .number(JSONNumber(5))), ("colour", .void),
            ("flag", .boolean(true)),
        ]
        try expect(Pattern(rabbitMQHeaders: headers, match: .any), true, on: Self.message())
        try expect(Pattern(rabbitMQHeaders: headers, match: .all), false, on: Self.message())
        try expect(Pattern(rabbitMQHeaders: [headers[1], headers[3]]), true, on: Self.message())
        let error = #expect(throws: RuleLanguageError.self) {
            try Pattern(rabbitMQHeaders: [("a-b", .void), ("a_b", .void)])
        }
        #expect(error?.reason == .sameAttribute("a_b", "a-b", attribute: "ab"))
        #expect(error?.path == "a_b")
    }

    @Test(arguments: [
        ("[]", "", 0, "an object of headers is expected"),
        (#"{"x-match":"some"}"#, "x-match", 11, "'x-match' takes all, any, all-with-x, any-with-x"),
        (#"{"x-match":5}"#, "x-match", 11, "'x-match' takes"),
        (#"{"a":[1]}"#, "a", 5, "'a' takes a string, a number, true, false or null"),
        (#"{"a":{}}"#, "a", 5, "'a' takes"), (#"{"a":1,"a":2}"#, "a", 7, "appears twice"),
        (#"{"-":1}"#, "-", 1, "is not the name"),
        (#"{"a-b":1, "ab":2}"#, "ab", 10, "are both the attribute 'ab'"),
        (#"{"a":1"#, "", 6, "ends too early"), (#"{"a":1} x"#, "", 8, "something follows"),
    ])
    func `what is malformed is refused`(arguments: String, path: String, offset: Int, message: String) throws
    {
        let error = #expect(throws: RuleLanguageError.self) { try Pattern(rabbitMQArguments: arguments) }
        #expect(error?.offset == offset, "\(String(describing: error))")
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
        #expect(message.contains("ends") || error?.path == path)
    }

    @Test func `headers are bounded`() throws {
        func arguments(_ count: Int) -> String {
            "{" + (0..<count).map { "\"h\($0)\":1" }.joined(separator: ",") + "}"
        }
        #expect(throws: Never.self) { try Pattern(rabbitMQArguments: arguments(256)) }
        let error = #expect(throws: RuleLanguageError.self) { try Pattern(rabbitMQArguments: arguments(257)) }
        #expect(error?.reason == .tooMany("headers", limit: 256))
    }

    @Test func `random bindings match what a plain interpreter matches`() throws {
        let names = ["a", "b", "x-c", "D_d"]
        let attributes = ["a": "a", "b": "b", "x-c": "xc", "D_d": "dd"]
        let values: [JSONValue] = ["t", "5", 5, 6, true, nil]
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<casesToTry(of: 1500) {
            var binding = JSONObject()
            for name in names where generator.chance(1, in: 2) { binding[name] = generator.pick(values) }
            let kind = generator.pick(RabbitMQHeadersMatch.allCases)
            binding["x-match"] = .string(kind.rawValue)
            var headers: [String: String] = [:]
            for name in names where generator.chance(2, in: 3) {
                headers[name] = generator.pick(["t", "5", "6", "true", ""])
            }
            let outcomes = binding.members
                .filter {
                    $0.name != "x-match"
                        && (kind == .allWithX || kind == .anyWithX || !$0.name.hasPrefix("x-"))
                }
                .map { member in
                    guard let text = headers[member.name] else { return false }
                    return member.value == .null || member.value.string == text
                        || member.value.number?.text == text
                        || member.value.bool.map { String($0) } == text
                }
            let expected =
                kind == .all || kind == .allWithX ? outcomes.allSatisfy { $0 } : outcomes.contains(true)
            let event = try sampleEvent(
                headers.map { (attributes[$0.key] ?? "", CloudEventValue.string($0.value)) })
            try expect(
                Pattern(rabbitMQArguments: JSONValue.object(binding).description), expected, on: event,
                "\(binding) on \(headers)")
        }
    }
}
