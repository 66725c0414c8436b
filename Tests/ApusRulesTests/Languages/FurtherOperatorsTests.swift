// SPDX-License-Identifier: Apache-2.0

// The operators of patterns that EventBridge does not have.

import CloudEvents
import JSONText
import TestThreads
import Testing

@testable import ApusRules

@Suite struct FurtherOperatorsTests {
    private func expectData(
        _ leaf: String, _ value: String, _ expected: Bool, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try expect(
            Pattern(parsing: "{\"data\":{\"a\":[\(leaf)]}}"), expected,
            on: sampleEvent(data: "{\"a\":\(value)}"),
            "on \(value)", sourceLocation: sourceLocation)
    }

    @Test func `contains finds a text anywhere`() throws {
        try expectData(#"{"contains":"bc"}"#, #""abcd""#, true)
        try expectData(#"{"contains":"bc"}"#, #""aBCd""#, false)
        try expectData(#"{"contains":"bc"}"#, #"["x","bc"]"#, true)
        try expectData(#"{"contains":""}"#, #""""#, true)
        try expectData(#"{"contains":"5"}"#, "5", false)
        try expectData(#"{"contains":{"equals-ignore-case":"ÉT"}}"#, #""l'étage""#, true)
        try expectData(#"{"contains":"*"}"#, #""a*b""#, true)
        try expectData(#"{"anything-but":{"contains":["x","y"]}}"#, #""abc""#, true)
        try expectData(#"{"anything-but":{"contains":["x","b"]}}"#, #""abc""#, false)
        try expectData(#"{"anything-but":{"contains":{"equals-ignore-case":"B"}}}"#, #""abc""#, false)
    }

    @Test func `topic, like and integer read texts`() throws {
        try expectData(#"{"topic":"a.*.#"}"#, #""a.b.c.d""#, true)
        try expectData(#"{"topic":"a.*.#"}"#, #""a""#, false)
        try expectData(#"{"like":"_b%"}"#, #""abc""#, true)
        try expectData(#"{"like":"a\\%"}"#, #""a%""#, true)
        try expectData(#"{"anything-but":{"like":"_b%"}}"#, #""abc""#, false)
        try expectData(#"{"integer":[">=",5,"<",7]}"#, #""+006""#, true)
        try expectData(#"{"integer":[">=",5,"<",7]}"#, #""7""#, false)
        try expectData(#"{"integer":[">=",5]}"#, #""5.0""#, false)
        try expectData(#"{"integer":["=",-5]}"#, #""-05""#, true)
        try expectData(#"{"anything-but":{"integer":[["<",0],[">",9]]}}"#, #""5""#, true)
        try expectData(#"{"anything-but":{"integer":["<",0]}}"#, #""-5""#, false)
        try expectData(#"{"anything-but":{"numeric":[["<",0],[">",9]]}}"#, "10", false)
        try expectData(#"{"anything-but":{"numeric":[">",9]}}"#, "9", true)
        let event = try sampleEvent([("count", 6)])
        try expect(Pattern(parsing: #"{"count":[{"integer":[">",5]}]}"#), true, on: event)
    }

    @Test func `element and value look into texts that are JSON arrays`() throws {
        let list = #""[\"a\",5,true,null]""#
        try expectData(#"{"element":["a"]}"#, list, true)
        try expectData(#"{"element":[5.0]}"#, list, true)
        try expectData(#"{"element":[null]}"#, list, true)
        try expectData(#"{"element":["b",{"prefix":"["}]}"#, list, false)
        try expectData(#"{"element":["a"]}"#, #""a""#, false)
        try expectData(#"{"element":["a"]}"#, #""[\"a\"""#, false)
        try expectData(#"{"value":["a"]}"#, #""a""#, true)
        try expectData(#"{"value":[{"anything-but":"a"}]}"#, #""[\"a\"]""#, false)
        try expectData(#"{"value":[{"anything-but":"a"}]}"#, #""[a]""#, true)
    }

    @Test func `none asks all values, or that there is none`() throws {
        try expectData(#"{"none":["a",{"prefix":"b"}]}"#, #"["c","d"]"#, true)
        try expectData(#"{"none":["a",{"prefix":"b"}]}"#, #"["c","bd"]"#, false)
        try expectData(#"{"none":["a"]}"#, "[]", true)
        try expectData(#"{"none":[{"anything-but":"a"}]}"#, #"["a"]"#, true)
        try expectData(#"{"none":[{"anything-but":"a"}]}"#, #"["a","b"]"#, false)
        try expect(Pattern(parsing: #"{"data":{"a":[{"none":[1]}]}}"#), true, on: sampleEvent(data: "{}"))
        try expect(Pattern(parsing: #"{"data":{"a":[{"none":[1]}]}}"#), true, on: sampleEvent())
        try expect(Pattern(parsing: #"{"data":{"a":[{"none":[1]}]}}"#), false, on: sampleEvent(data: "{"))
        // Beside other fields it means the same object of an array, alone all of them.
        let data = #"{"l":[{"k":1,"v":"x"},{"k":2,"v":"y"}]}"#
        let same = try Pattern(parsing: #"{"data":{"l":{"k":[2],"v":[{"none":["x"]}]}}}"#)
        try expect(same, true, on: sampleEvent(data: data))
        let other = try Pattern(parsing: #"{"data":{"l":{"k":[1],"v":[{"none":["x"]}]}}}"#)
        try expect(other, false, on: sampleEvent(data: data))
        let alone = try Pattern(parsing: #"{"data":{"l":{"v":[{"none":["x"]}]}}}"#)
        try expect(alone, false, on: sampleEvent(data: data))
    }

    @Test func `and joins conditions on one field`() throws {
        let pattern = try Pattern(
            parsing:
                #"{"$and":[{"type":[{"suffix":"ed"}]},{"$or":[{"id":["A-1"]},{"id":["B"]}]}],"type":[{"prefix":"order"}]}"#
        )
        try expect(pattern, true, on: sampleEvent())
        try expect(pattern, false, on: sampleEvent(type: "order.new"))
        try expect(pattern, false, on: sampleEvent(type: "x.placed"))
        // Objects at one field are one object.
        let merged = try Pattern(parsing: #"{"data":{"l":{"$and":[{"k":[1]},{"v":["y"]}]}}}"#)
        try expect(merged, false, on: sampleEvent(data: #"{"l":[{"k":1,"v":"x"},{"k":2,"v":"y"}]}"#))
        try expect(merged, true, on: sampleEvent(data: #"{"l":[{"k":1,"v":"y"}]}"#))
    }

    @Test(arguments: [
        (#"{"id":[{"none":["a"]},"b"]}"#, "'none' takes a list of alternatives"),
        (#"{"id":[{"none":[{"exists":true}]}]}"#, "'none' takes"),
        (#"{"id":[{"none":[]}]}"#, "an empty list matches nothing"),
        (#"{"id":[{"none":"a"}]}"#, "'none' takes"),
        (#"{"id":[{"element":[{"element":["a"]}]}]}"#, "'element' takes a list of tests of one value"),
        (#"{"id":[{"value":[{"exists":true}]}]}"#, "'value' takes"),
        (#"{"id":[{"integer":[">",1.5]}]}"#, "'integer' takes bounds that are integers"),
        (#"{"id":[{"integer":[">",2147483647]}]}"#, "'integer' takes bounds"),
        (#"{"id":[{"contains":5}]}"#, "'contains' takes a string"),
        (#"{"$and":[]}"#, "'$and' takes a list of objects"),
        (#"{"$and":{}}"#, "'$and' takes a list of objects"),
        (#"{"$and":[{}]}"#, "an empty object says nothing"),
    ])
    func `operands are checked`(text: String, message: String) throws {
        let error = #expect(throws: PatternError.self) { try Pattern(parsing: text) }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test func `too long topics and LIKE patterns are refused`() throws {
        for (name, count) in [("topic", 256), ("like", 513)] {
            let text = String(repeating: "a", count: count)
            #expect(throws: PatternError.self) {
                try Pattern(parsing: "{\"id\":[{\"\(name)\":\"\(text)\"}]}")
            }
            #expect(throws: Never.self) {
                try Pattern(parsing: "{\"id\":[{\"\(name)\":\"\(text.dropLast())\"}]}")
            }
        }
    }

    @Test func `and does not multiply without bound`() throws {
        let choice = #"{"$or":[{"id":["a"]},{"id":["b"]}]}"#
        let text = "{\"$and\":[\(Array(repeating: choice, count: 10).joined(separator: ","))]}"
        let error = #expect(throws: PatternError.self) { try Pattern(parsing: text) }
        #expect(error?.reason == .tooManyCombinations(limit: 1000))
    }
}
