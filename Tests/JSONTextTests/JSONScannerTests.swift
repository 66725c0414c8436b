// SPDX-License-Identifier: Apache-2.0

// The grammar of RFC 8259, both sides of each rule, and the trusted skipper against the strict one.

import JSONText
import TestThreads
import Testing

private func reason(_ text: String, depthLimit: Int = 128) -> JSONError.Reason? {
    reason(Array(text.utf8), depthLimit: depthLimit)
}

private func reason(_ bytes: [UInt8], depthLimit: Int = 128) -> JSONError.Reason? {
    bytes.withUnsafeBytes { bytes in
        var scanner = JSONScanner(bytes, depthLimit: depthLimit)
        do throws(JSONError) {
            try scanner.skipValue()
            try scanner.expectEnd()
            return nil
        } catch { return error.reason }
    }
}

@Suite struct JSONScannerTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-0", "-1.5e+10", "1E5", "10", "\"\"", "\"é😀\"", "[]", "{}",
        " [ 1 , 2 ] ",
        "{\"a\":{\"b\":[null,{}]}}", "\t\r\n1\n", #""\"\\\/\b\f\n\r\t\u0000\uD83D\uDE00""#, "[[],[[]],{}]",
        "{\"\":0}", "\"\u{7F}\"", "123456789012345678901234567890",
    ])
    func `valid text is accepted`(_ text: String) {
        #expect(reason(text) == nil)
    }

    @Test(arguments: [
        "", " ", "nul", "tru", "nulll", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity",
        "-Infinity",
        "\"", "\"\\\"", "'a'", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"", "{\"a\":",
        "{\"a\":1", "{\"a\":1,}",
        "{a:1}", "{1:1}", "{\"a\" 1}", "{,}", "]", "}", "1 2", "[]]", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"",
        "\"\n\"",
        "\"\t\"", "\u{FEFF}1", "/**/1", "[1]//", "\u{A0}1",
    ])
    func `invalid text is refused`(_ text: String) {
        #expect(reason(text) != nil)
    }

    @Test(arguments: [
        #""\uD800""#, #""\uDC00""#, #""\uD800\uD800""#, #""\uD800x""#, #""\uDC00\uD800""#, #""\uD800\n""#,
    ])
    func `half of a surrogate pair is refused`(_ text: String) {
        #expect(reason(text) == .unpairedSurrogate)
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xE2, 0x82],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are refused`(_ bytes: [UInt8]) {
        #expect(reason([0x22] + bytes + [0x22]) == .invalidUTF8)
    }

    @Test(
        arguments: [
            [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80],
            [0xF0, 0x90, 0x80, 0x80],
            [0xF4, 0x8F, 0xBF, 0xBF],
        ] as [[UInt8]])
    func `the limits of UTF-8 are accepted`(_ bytes: [UInt8]) {
        #expect(reason([0x22] + bytes + [0x22]) == nil)
    }

    @Test func `a control character is refused at any place in a string`() {
        for length in 0..<20 {
            let text = Array("\"".utf8) + Array(repeating: 0x61, count: length) + [0x1F, 0x22]
            #expect(reason(text) == .controlCharacter(0x1F))
        }
    }

    @Test func `nesting is accepted up to the limit and refused beyond`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(reason(nested(128)) == nil)
        #expect(reason(nested(129)) == .tooDeep(limit: 128))
        #expect(reason(nested(3), depthLimit: 2) == .tooDeep(limit: 2))
        #expect(reason(nested(512), depthLimit: 1_000_000) == nil)
        #expect(reason(nested(100_000), depthLimit: 1_000_000) == .tooDeep(limit: 512))
    }

    @Test func `an error names the byte`() {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"a": 01}"#) }
        #expect(error?.offset == 6)
        #expect(error?.description == "not a JSON number at byte 6")
        let unexpected = #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"a"; 1}"#) }
        #expect(unexpected?.description == "found ';' where ':' is expected at byte 4")
    }

    @Test func `a skipped value keeps its bytes`() {
        let text = #"{"a" : [ 1.0 , {"x":"]"} ] , "b":"\u0041"}"#
        Array(text.utf8).withUnsafeBytes { bytes in
            var found: [String] = []
            #expect(throws: Never.self) {
                var scanner = JSONScanner(bytes)
                try scanner.beginObject()
                while let name = try scanner.nextName() {
                    let range = try scanner.skipValue()
                    found.append(
                        scanner.string(name) + "=" + String(decoding: scanner.bytes(range), as: UTF8.self))
                }
                try scanner.expectEnd()
            }
            #expect(found == [#"a=[ 1.0 , {"x":"]"} ]"#, #"b="\u0041""#])
        }
    }

    @Test func `names are compared by value`() {
        Array(#"["data","dat\u0061","date"]"#.utf8).withUnsafeBytes { bytes in
            var answers: [Bool] = []
            #expect(throws: Never.self) {
                var scanner = JSONScanner(bytes)
                try scanner.beginArray()
                while try scanner.nextElement() {
                    answers.append(scanner.string(try scanner.scanString(), equals: "data"))
                }
            }
            #expect(answers == [true, true, false])
        }
    }

    @Test func `the trusted skipper ends where the strict one does`() {
        var generator = SplitMix64(state: 7)
        for _ in 0..<casesToTry(of: 300) {
            let value = JSONValue.random(depth: 4, using: &generator)
            let text = value.serialized(pretty: Bool.random(using: &generator))
            (text + Array(" ,1".utf8)).withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                #expect(JSONBytes.skipTrustedValue(base, 0, bytes.count) == text.count)
            }
        }
    }

    @Test func `the trusted skipper stays inside any bytes`() {
        var generator = SplitMix64(state: 8)
        let alphabet = Array(#"{}[]",:\u0 1ntf"#.utf8)
        for _ in 0..<casesToTry(of: 2_000) {
            let bytes = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            bytes.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                #expect((0...bytes.count).contains(JSONBytes.skipTrustedValue(base, 0, bytes.count)))
            }
        }
    }
}
