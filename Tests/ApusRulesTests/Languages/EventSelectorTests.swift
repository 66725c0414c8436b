// SPDX-License-Identifier: Apache-2.0

// CESQL as a condition: what it is compiled to, what is left to evaluate, what is refused, and how it is explained.

import CloudEvents
import Testing

@testable import ApusRules

@Suite struct EventSelectorTests {
    @Test(arguments: [
        ("type = 'order.placed'", #"{"type":["order.placed"]}"#),
        ("type != 'a'", #"{"type":[{"anything-but":"a"}]}"#),
        ("type = 'a' AND subject = 'b'", #"{"subject":["b"],"type":["a"]}"#),
        ("type = 'a' OR type = 'b'", #"{"type":["a","b"]}"#),
        ("type IN ('a', 5, TRUE)", #"{"type":["a","5","true"]}"#),
        ("type NOT IN ('a', 'b')", #"{"type":[{"anything-but":["a","b"]}]}"#),
        ("type LIKE 'order.%'", #"{"type":[{"prefix":"order."}]}"#),
        ("type LIKE '%.placed'", #"{"type":[{"suffix":".placed"}]}"#),
        (#"type LIKE 'a\%'"#, #"{"type":["a%"]}"#), ("type LIKE 'a_%'", #"{"type":[{"like":"a_%"}]}"#),
        ("type LIKE '%'", #"{"type":[{"exists":true}]}"#),
        ("NOT (type LIKE 'a%')", #"{"type":[{"anything-but":{"prefix":"a"}}]}"#),
        ("count > 5", #"{"count":[{"integer":[">=",6]}]}"#),
        ("INT(count) <= -1", #"{"count":[{"integer":["<=",-1]}]}"#),
        ("count = 5", #"{"count":[{"integer":["=",5]}]}"#),
        ("NOT (count = 5)", #"{"count":[{"integer":["<=",4]},{"integer":[">=",6]}]}"#),
        ("5 = count", #"{"count":["5"]}"#), ("flag = TRUE", #"{"flag":[{"equals-ignore-case":"true"}]}"#),
        ("EXISTS time", #"{"time":[{"exists":true}]}"#), ("NOT EXISTS time", #"{"time":[{"exists":false}]}"#),
        ("EXISTS aa AND aa = 'x'", #"{"$and":[{"aa":["x"]}],"aa":[{"exists":true}]}"#),
        // Without `aa` there is an error, and no event passes.
        ("aa = 'x' OR id = 'y'", #"{"$or":[{"aa":["x"]},{"aa":[{"anything-but":"x"}],"id":["y"]}]}"#),
        ("id = 'y' OR aa = 'x'", #"{"$or":[{"id":["y"]},{"aa":["x"]}]}"#),
        ("TRUE", "{}"), ("1 = 2", #"{"id":[{"exists":false}]}"#),
    ])
    func `what patterns can say becomes a pattern`(text: String, pattern: String) throws {
        let selector = try EventSelector(cesql: text)
        #expect(selector.pattern.text == pattern)
        #expect(selector.isPatternExact)
    }

    @Test(arguments: [
        ("hop < ttl", #"{"hop":[{"exists":true}],"ttl":[{"exists":true}]}"#),
        ("type = 'a' AND LENGTH(subject) > 3", #"{"subject":[{"exists":true}],"type":["a"]}"#),
        ("type = 'a' OR LENGTH(subject) > 3", #"{"$or":[{"type":["a"]},{"subject":[{"exists":true}]}]}"#),
    ])
    func `the rest is a wider pattern and an evaluation`(text: String, pattern: String) throws {
        let selector = try EventSelector(cesql: text)
        #expect(selector.pattern.text == pattern)
        #expect(!selector.isPatternExact)
    }

    @Test func `candidates are confirmed by what is left`() throws {
        let selector = try EventSelector(cesql: "hop < ttl")
        func confirms(_ attributes: [(String, String)]) -> Bool {
            var input = MatchInput()
            var bytes: [UInt8] = []
            for (name, text) in attributes { bytes += Array(name.utf8) + Array(text.utf8) }
            return bytes.withUnsafeBytes { all in
                var start = 0
                for (name, text) in attributes {
                    let middle = start + name.utf8.count
                    let end = middle + text.utf8.count
                    input.append(
                        name: UnsafeRawBufferPointer(rebasing: all[start..<middle]),
                        value: UnsafeRawBufferPointer(rebasing: all[middle..<end]))
                    start = end
                }
                return selector.confirms(input)
            }
        }
        #expect(confirms([("hop", "9"), ("ttl", "10")]))
        #expect(!confirms([("hop", "10"), ("ttl", "9")]))
        #expect(!confirms([("hop", "x"), ("ttl", "9")]))
        #expect(try selector.matches(sampleEvent([("hop", 1), ("ttl", 2)])))
        #expect(
            try EventSelector.pattern(Pattern(parsing: #"{"hop":[1]}"#)).matches(sampleEvent([("hop", 1)])))
    }

    @Test func `every attribute is a text, however the event came`() throws {
        let expression = try CESQLExpression(parsing: "flag")
        let typed = try sampleEvent([("flag", true)])
        #expect(expression.evaluate(typed).isTrue)
        #expect(!expression.matches(typed))
        for flag in [CloudEventValue.boolean(true), "true"] {
            #expect(try CESQLExpression(parsing: "flag = TRUE").matches(sampleEvent([("flag", flag)])))
        }
    }

    @Test(arguments: [
        ("1 + 2", "the value is always an Integer"), ("subject", "the value is always a String"),
        ("LOWER(type)", "the value is always a String"),
        ("NOPE(type) = 'a'", "no function NOPE takes 1 arguments"),
        ("id = 'a' OR LENGTH() = 1", "no function LENGTH takes 0 arguments"),
        ("data = 'x'", "CESQL sees attributes only"), ("EXISTS data", "CESQL sees attributes only"),
    ])
    func `conditions that no event could meet are refused`(text: String, message: String) throws {
        let error = #expect(throws: RuleLanguageError.self) { try EventSelector(cesql: text) }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test func `the table shows each part`() throws {
        let selector = try EventSelector(cesql: "type LIKE 'order.%' AND NOT (hop < ttl OR EXISTS time)")
        let expected = """
            not matched
              yes  type      expected "type LIKE 'order.%'"  got "order.placed"
              no   hop, ttl  expected "NOT (hop < ttl)"      got "1", "2"
              yes  time      expected "NOT (EXISTS time)"    got absent
            """
        #expect(try selector.explain(sampleEvent([("hop", 1), ("ttl", 2)])).description == expected)
    }

    @Test func `errors are told in the explanation`() throws {
        let explanation = try EventSelector(cesql: "aa = 'x' OR type = 'order.placed'").explain(sampleEvent())
        #expect(!explanation.isMatched)
        #expect(explanation.fields.map(\.isMatched) == [false, true])
        #expect(
            explanation.note
                == "Errors keep the event out: MissingAttributeError at byte 0: there is no attribute 'aa'.")
    }

    @Test func `an expression whose pattern would be too large is evaluated`() throws {
        // In disjunctive form this has 2 to the 14th combinations.
        let text = (0..<14).map { "(id = '\($0)' OR source = '\($0)')" }.joined(separator: " AND ")
        let selector = try EventSelector(cesql: text)
        #expect(!selector.isPatternExact)
        #expect(try !selector.matches(sampleEvent()))
        #expect(RuleMatcher([(id: 1, pattern: selector.pattern)]).matches(try sampleEvent()) == [1])
    }
}
