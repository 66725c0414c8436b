// SPDX-License-Identifier: Apache-2.0

// The pattern language by example: matcher and explainer must give the expected answer.

import CloudEvents
import Testing

@testable import ApusRules

@Suite struct PatternMeaningTests {
    static func event(
        data: String?, contentType: String? = "application/json", extensions: [(String, CloudEventValue)] = []
    ) throws -> CloudEvent {
        try CloudEvent(
            id: "1", source: "/shop", type: "order.placed", subject: "orders/7", dataContentType: contentType,
            extensions: CloudEventExtensions(extensions), data: data.map { CloudEventData(text: $0) })
    }

    private func expect(
        _ pattern: String, _ expected: Bool, on event: CloudEvent,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let pattern = try Pattern(parsing: pattern)
        let matcher = RuleMatcher([(id: 5, pattern: pattern)])
        #expect(
            matcher.matches(event) == (expected ? [5] : []), "\(pattern)", sourceLocation: sourceLocation)
        #expect(pattern.explain(event).isMatched == expected, "\(pattern)", sourceLocation: sourceLocation)
    }

    private func expectData(
        _ leaf: String, _ value: String, _ expected: Bool, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try expect(
            "{\"data\":{\"a\":[\(leaf)]}}", expected, on: Self.event(data: "{\"a\":\(value)}"),
            sourceLocation: sourceLocation)
    }

    @Test func `attributes match by their text`() throws {
        let event = try Self.event(data: nil, extensions: [("count", 5), ("flag", true), ("name", "5.0")])
        try expect(#"{"type":["order.placed"],"source":["/shop"]}"#, true, on: event)
        try expect(#"{"type":["order.placed"],"source":["/other"]}"#, false, on: event)
        try expect(#"{"type":["x",{"prefix":"order."}],"id":["1"]}"#, true, on: event)
        try expect(#"{"count":[5.0],"flag":[true],"name":[5]}"#, true, on: event)
        try expect(#"{"count":["5"],"flag":["true"]}"#, true, on: event)
        try expect(#"{"count":["5.0"]}"#, false, on: event)
        try expect(#"{"time":[{"exists":false}],"subject":[{"exists":true}]}"#, true, on: event)
        try expect(#"{"count":[{"numeric":[">",4,"<",6]}]}"#, true, on: event)
        try expect(#"{"specversion":["1.0"]}"#, true, on: event)
        try expect("{}", true, on: event)
    }

    @Test func `values match by kind and numbers by value`() throws {
        try expectData("1", "1.0", true)
        try expectData("1e0", "10E-1", true)
        try expectData("-0", "0.000e9", true)
        try expectData("9007199254740993", "9007199254740992", false)
        try expectData("0.1", "0.10000000000000001", false)
        try expectData("1e400", "10e399", true)
        try expectData("\"1\"", "1", false)
        try expectData("true", "true", true)
        try expectData("true", "\"true\"", false)
        try expectData("null", "null", true)
        try expectData("\"\"", "\"\"", true)
        try expectData("\"\"", "null", false)
        try expectData("\"é\"", #""\u00e9""#, true)
        try expectData("\"é\"", #""e\u0301""#, false)
        try expectData(#""\ud83d\ude00""#, "\"😀\"", true)
    }

    @Test func `operators on text`() throws {
        try expectData(#"{"prefix":"ab"}"#, "\"abc\"", true)
        try expectData(#"{"prefix":"ab"}"#, "\"a\"", false)
        try expectData(#"{"prefix":"1"}"#, "12", false)
        try expectData(#"{"prefix":{"equals-ignore-case":"ÄB"}}"#, "\"äbc\"", true)
        try expectData(#"{"suffix":".png"}"#, "\"a.png\"", true)
        try expectData(#"{"suffix":{"equals-ignore-case":".PNG"}}"#, "\"a.png\"", true)
        try expectData(#"{"equals-ignore-case":"Straße"}"#, "\"STRAßE\"", true)
        try expectData(#"{"wildcard":"a*b*c"}"#, "\"a..b..b..c\"", true)
        try expectData(#"{"wildcard":"a*b*c"}"#, "\"abd\"", false)
        try expectData(#"{"wildcard":"a*a"}"#, "\"a\"", false)
        try expectData(#"{"wildcard":"a\\*"}"#, "\"a*\"", true)
        try expectData(#"{"wildcard":"a\\*"}"#, "\"ab\"", false)
        try expectData(#"{"wildcard":"*"}"#, "\"\"", true)
    }

    @Test func `operators on numbers and addresses`() throws {
        try expectData(#"{"numeric":[">",0,"<=",5]}"#, "5.0", true)
        try expectData(#"{"numeric":[">",0,"<=",5]}"#, "0", false)
        try expectData(#"{"numeric":["<",-1.5]}"#, "-1.51", true)
        try expectData(#"{"numeric":["<",-1.5]}"#, "-1.49", false)
        try expectData(#"{"numeric":["=",3.018e2]}"#, "301.8", true)
        try expectData(#"{"numeric":["=",3]}"#, "\"3\"", false)
        try expectData(#"{"cidr":"10.0.0.0/24"}"#, "\"10.0.0.255\"", true)
        try expectData(#"{"cidr":"10.0.0.0/24"}"#, "\"10.0.1.0\"", false)
        try expectData(#"{"cidr":"2001:db8::/32"}"#, "\"2001:DB8:1::5\"", true)
        try expectData(#"{"cidr":"0.0.0.0/0"}"#, "\"::1\"", false)
    }

    @Test func `anything-but wants a value, just not those`() throws {
        try expectData(#"{"anything-but":["x","y"]}"#, "\"z\"", true)
        try expectData(#"{"anything-but":["x","y"]}"#, "\"y\"", false)
        try expectData(#"{"anything-but":1}"#, "1.0", false)
        try expectData(#"{"anything-but":1}"#, "\"1\"", true)
        try expectData(#"{"anything-but":"x"}"#, "null", true)
        try expectData(#"{"anything-but":"x"}"#, "[]", false)
        try expectData(#"{"anything-but":"x"}"#, #"["x","y"]"#, true)
        try expectData(#"{"anything-but":{"prefix":["x","y"]}}"#, "\"yz\"", false)
        try expectData(#"{"anything-but":{"wildcard":"a*z"}}"#, "\"abz\"", false)
    }

    @Test func `exists asks about values, not about objects`() throws {
        try expectData(#"{"exists":true}"#, "null", true)
        try expectData(#"{"exists":true}"#, "{\"b\":1}", false)
        try expectData(#"{"exists":false}"#, "{\"b\":1}", true)
        try expectData(#"{"exists":false}"#, "[[]]", true)
        try expectData(#"{"exists":false}"#, "[[0]]", false)
        try expectData(#""x",{"exists":false}"#, "\"x\"", true)
        try expectData(#""x",{"exists":false}"#, "\"y\"", false)
        try expect(#"{"data":{"b":{"c":[{"exists":false}]}}}"#, true, on: Self.event(data: #"{"a":1}"#))
        try expect(#"{"data":{"b":{"c":[{"exists":false}]}}}"#, true, on: Self.event(data: #"{"b":1}"#))
        try expect(#"{"data":{"b":{"c":[{"exists":false}]}}}"#, true, on: Self.event(data: nil))
        try expect(
            #"{"data":{"b":{"c":[{"exists":false}]}}}"#, false, on: Self.event(data: #"{"b":{"c":1}}"#))
    }

    @Test func `fields of different array elements do not combine`() throws {
        let pattern = #"{"data":{"items":{"kind":["book"],"count":[2]}}}"#
        try expect(
            pattern, false,
            on: Self.event(data: #"{"items":[{"kind":"book","count":1},{"kind":"pen","count":2}]}"#))
        try expect(
            pattern, true,
            on: Self.event(data: #"{"items":[{"kind":"pen","count":1},{"count":2,"kind":"book"}]}"#))
        let lacking = #"{"data":{"items":{"kind":["book"],"gift":[{"exists":false}]}}}"#
        try expect(
            lacking, true, on: Self.event(data: #"{"items":[{"kind":"book"},{"kind":"pen","gift":true}]}"#))
        try expect(
            lacking, false, on: Self.event(data: #"{"items":[{"kind":"book","gift":1},{"kind":"pen"}]}"#))
        let none = #"{"data":{"items":{"gift":[{"exists":false}]}}}"#
        try expect(none, false, on: Self.event(data: #"{"items":[{"kind":"book"},{"gift":true}]}"#))
        try expect(none, true, on: Self.event(data: #"{"items":[{"kind":"book"},{"kind":"pen"}]}"#))
    }

    @Test func `repeated names count like an array`() throws {
        try expect(#"{"data":{"a":[1]}}"#, true, on: Self.event(data: #"{"a":1,"a":2}"#))
        try expect(#"{"data":{"a":[2]}}"#, true, on: Self.event(data: #"{"a":1,"a":2}"#))
        try expect(
            #"{"data":{"a":{"x":[1],"y":[2]}}}"#, false, on: Self.event(data: #"{"a":{"x":1},"a":{"y":2}}"#))
    }

    @Test func `alternatives are joined by or at any level`() throws {
        let pattern = #"""
            {"type":["order.placed"],
             "$or":[{"subject":["x"]},{"data":{"a":[1],"$or":[{"b":[1]},{"c":[{"exists":false}]}]}}]}
            """#
        try expect(pattern, true, on: Self.event(data: #"{"a":1,"b":1,"c":0}"#))
        try expect(pattern, true, on: Self.event(data: #"{"a":1,"b":2}"#))
        try expect(pattern, false, on: Self.event(data: #"{"a":1,"b":2,"c":0}"#))
        try expect(pattern, false, on: Self.event(data: #"{"b":1}"#))
    }

    @Test func `data itself can be tested`() throws {
        try expect(#"{"data":["x"]}"#, true, on: Self.event(data: "\"x\""))
        try expect(#"{"data":[2]}"#, true, on: Self.event(data: "[1,2]"))
        try expect(#"{"data":[{"exists":false}]}"#, true, on: Self.event(data: nil))
        try expect(#"{"data":{"a":[1],"b":[2]}}"#, false, on: Self.event(data: #"[{"a":1},{"b":2}]"#))
    }

    @Test(arguments: [
        #"{"a":1,"b":}"#, #"{"a":1"#, #"{"a":1}x"#, #"{"a":1,"b":01}"#, #"{"a":1,"b":"\x"}"#,
        #"{"a":1,"b":"\ud800"}"#, #"{"a":1,"b":[}"#, #"{"a":1,"b":{"c"}}"#, #"{"a":1,}"#, #"{"a":1,"b":nul}"#,
        #"{"a":1,"b":"# + String(repeating: "[", count: 200) + String(repeating: "]", count: 200) + "}",
    ])
    func `data that is not JSON matches no pattern on data`(data: String) throws {
        let event = try Self.event(data: data)
        try expect(#"{"data":{"a":[1]}}"#, false, on: event)
        try expect(#"{"data":{"z":[{"exists":false}]}}"#, false, on: event)
        try expect(#"{"data":[{"exists":false}]}"#, false, on: event)
        try expect(#"{"$or":[{"id":["1"]},{"data":{"a":[1]}}]}"#, true, on: event)
        try expect(#"{"id":["1"]}"#, true, on: event)
    }

    @Test func `the content type decides whether data is JSON`() throws {
        let pattern = #"{"data":{"a":[1]}}"#
        try expect(pattern, false, on: Self.event(data: #"{"a":1}"#, contentType: "text/plain"))
        try expect(pattern, true, on: Self.event(data: #"{"a":1}"#, contentType: "application/vnd.x+json"))
        try expect(pattern, true, on: Self.event(data: #"{"a":1}"#, contentType: nil))
    }

    @Test func `names are read as JSON says also where they were met before`() throws {
        // The pattern's names are a backslash and an n, a quote, and a control character; in data such bytes mean something else.
        let pattern = try Pattern(parsing: #"{"data":{"a\\n":[1],"b\"":[1],"c\u0001":[1]}}"#)
        let matcher = RuleMatcher([(id: 1, pattern: pattern)])
        var scratch = MatchScratch()
        func isMatch(_ data: String) -> Bool {
            Array(data.utf8).withUnsafeBytes { bytes in
                var input = MatchInput()
                input.data = bytes
                return matcher.match(input, scratch: &scratch) == [1]
            }
        }
        for _ in 0..<2 {
            #expect(isMatch(#"{"a\\n":1,"b\"":1,"c\u0001":1}"#))
            #expect(!isMatch(#"{"a\n":1,"b\"":1,"c\u0001":1}"#))
            #expect(!isMatch(#"{"a\\n":1,"b"":1,"c\u0001":1}"#))
            #expect(!isMatch("{\"a\\\\n\":1,\"b\\\"\":1,\"c\u{1}\":1}"))
        }
    }

    @Test func `rules come and go, and one may have several patterns`() throws {
        let event = try Self.event(data: #"{"a":1}"#)
        let onType = try Pattern(parsing: #"{"type":["order.placed"]}"#)
        let onData = try Pattern(parsing: #"{"data":{"a":[1]}}"#)
        var matcher = RuleMatcher([(id: 9, pattern: onData), (id: 3, pattern: onType)])
        #expect(matcher.matches(event) == [3, 9])
        let before = matcher
        matcher.add(id: 3, pattern: onData)
        matcher.add(id: 1, pattern: .matchAll)
        #expect(matcher.matches(event) == [1, 3, 9])
        matcher.remove(id: 3)
        matcher.remove(id: 4)
        #expect(matcher.matches(event) == [1, 9])
        #expect(before.matches(event) == [3, 9])
        #expect(RuleMatcher().matches(event) == [])
    }
}
