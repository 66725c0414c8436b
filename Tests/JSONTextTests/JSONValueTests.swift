// SPDX-License-Identifier: Apache-2.0

// The value tree, numbers and the writer: what is written reads back, and numbers stay as written.

import JSONText
import TestThreads
import Testing

@Suite struct JSONValueTests {
    @Test func `a tree reads back after writing, compact and pretty`() throws {
        var generator = SplitMix64(state: 42)
        for _ in 0..<casesToTry(of: 300) {
            let value = JSONValue.random(depth: 4, using: &generator)
            #expect(try JSONValue(parsing: value.serialized()) == value)
            #expect(try JSONValue(parsing: value.serialized(pretty: true)) == value)
        }
    }

    @Test func `random bytes never crash the parser and mutated text parses or throws`() {
        var generator = SplitMix64(state: 43)
        for _ in 0..<casesToTry(of: 2_000) {
            var text = JSONValue.random(depth: 3, using: &generator).serialized()
            for _ in 0..<3 where !text.isEmpty {
                text[Int.random(in: 0..<text.count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            guard let value = try? JSONValue(parsing: text) else { continue }
            #expect((try? JSONValue(parsing: value.serialized())) == value)
        }
    }

    @Test(arguments: ["0", "-0", "1.0", "1e0", "1E+2", "123456789012345678901234567890", "0.1000"])
    func `numbers stay as written`(_ text: String) throws {
        #expect(try JSONValue(parsing: text).serialized() == Array(text.utf8))
    }

    @Test func `numbers give their values`() throws {
        #expect(JSONNumber("9223372036854775807")?.int64 == .max)
        #expect(JSONNumber("9223372036854775808")?.int64 == nil)
        #expect(JSONNumber("1.0")?.int64 == nil)
        #expect(JSONNumber("1.5e3")?.double == 1500)
        #expect(JSONNumber("1e999")?.double == nil)
        #expect(JSONNumber("01") == nil)
        #expect(JSONNumber("1 ") == nil)
        #expect(JSONNumber(" 1") == nil)
        #expect(JSONNumber("") == nil)
        #expect(JSONNumber(Double.infinity) == nil)
        #expect(JSONNumber(1.5)?.text == "1.5")
        #expect(JSONNumber(-12).text == "-12")
    }

    @Test func `the last of repeated members wins, or the text is refused`() throws {
        let text = #"{"a":1,"b":2,"a":3}"#
        #expect(try JSONValue(parsing: text) == ["a": 3, "b": 2])
        let error = #expect(throws: JSONError.self) {
            try JSONValue(parsing: text, duplicateNames: .rejected)
        }
        #expect(error?.reason == .duplicateName("a"))
    }

    @Test func `repeated members are found in large objects`() throws {
        let members = (0..<100).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        let text = "{\(members),\"k50\":-1}"
        let value = try JSONValue(parsing: text)
        #expect(value.object?.members.count == 100)
        #expect(value["k50"] == -1)
        #expect(value["k99"] == 99)
        #expect(throws: JSONError.self) { try JSONValue(parsing: text, duplicateNames: .rejected) }
    }

    @Test func `members are set, replaced and removed`() {
        var object = JSONObject()
        object["a"] = 1
        object["b"] = [true, nil]
        object["a"] = "x"
        #expect(JSONValue.object(object).description == #"{"a":"x","b":[true,null]}"#)
        object["a"] = nil
        object["c"] = nil
        #expect(JSONValue.object(object).description == #"{"b":[true,null]}"#)
    }

    @Test func `escapes resolve and are written back`() throws {
        let value = try JSONValue(parsing: #""\u0041\u00e9\u20AC\ud83d\ude00\"\\\/\b\f\n\r\t\u0001""#)
        #expect(value.string == "Aé€😀\"\\/\u{8}\u{C}\n\r\t\u{1}")
        #expect(value.description == #""Aé€😀\"\\/\b\f\n\r\t\u0001""#)
    }

    @Test func `pretty text breaks lines and keeps empty containers short`() {
        let value: JSONValue = ["a": [1, [], [:]], "b": ["c": "d"]]
        let text = String(decoding: value.serialized(pretty: true), as: UTF8.self)
        #expect(text == "{\n  \"a\": [\n    1,\n    [],\n    {}\n  ],\n  \"b\": {\n    \"c\": \"d\"\n  }\n}")
    }

    @Test func `the writer places commas`() {
        var writer = JSONWriter(appendingTo: Array("x".utf8))
        writer.beginObject()
        writer.key("n" as StaticString)
        writer.integer(Int64.min)
        writer.key("a\"b")
        writer.beginArray()
        writer.bool(true)
        writer.null()
        writer.double(.nan)
        writer.raw(Array("{}".utf8))
        writer.integer(UInt64.max)
        writer.endArray()
        writer.endObject()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"x{"n":-9223372036854775808,"a\"b":[true,null,null,{},18446744073709551615]}"#)
    }
}
