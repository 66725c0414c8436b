// SPDX-License-Identifier: Apache-2.0

// Every format with texts that are of it and texts that are not; a format without a line here fails the first test.

import JSONSchema
import JSONText
import Testing

/// A format, what is of it, and what is not.
struct FormatCases: CustomTestStringConvertible {
    var name: String
    var accepted: [String]
    var refused: [String]

    var testDescription: String { name }

    init(_ name: String, _ accepted: [String], not refused: [String]) {
        self.name = name
        self.accepted = accepted
        self.refused = refused
    }

    static let all = [
        FormatCases(
            "date-time",
            [
                "2026-11-26T09:00:00Z", "2026-11-26t09:00:00.123z", "2024-02-29T23:59:60Z",
                "2026-01-01T00:59:60+01:00", "1985-04-12T23:20:50.52-23:59",
            ],
            not: [
                "", "2026-11-26", "2026-11-26 09:00:00Z", "2026-11-26T09:00:00", "2026-02-29T09:00:00Z",
                "2026-11-26T24:00:00Z", "2026-11-26T09:00:60Z", "2026-11-26T09:00:00+24:00",
                "2026-11-26T09:00:00.Z",
                "২026-11-26T09:00:00Z",
            ]),
        FormatCases(
            "date", ["2026-11-26", "2000-02-29", "0000-01-01"],
            not: [
                "", "2026-11-31", "1900-02-29", "2026-13-01", "2026-00-10", "26-11-26", "2026-1-1",
                "2026-11-26Z",
            ]),
        FormatCases(
            "time", ["09:00:00Z", "09:00:00.5z", "23:59:60Z", "23:29:60+23:30", "00:00:00-00:00"],
            not: [
                "", "09:00:00", "9:00:00Z", "24:00:00Z", "09:60:00Z", "22:59:60Z", "09:00:00+0100", "09:00Z",
            ]),
        FormatCases(
            "duration", ["P1D", "P1Y2M3DT4H5M6S", "PT36H", "P2W", "PT0S", "P1Y"],
            not: ["", "P", "PT", "1D", "P1S", "P1D2H", "P1W2D", "P2D1Y", "PT1D", "P1.5D", "P-1D", "p1d"]),
        FormatCases(
            "email",
            ["a@b.example", "\"a b\"@b.example", "a+b=c@b.example", "a@[127.0.0.1]", "a@[IPv6:::1]"],
            not: [
                "", "a", "@b.example", "a@", "a@b@c", ".a@b.example", "a..b@c.example", "a b@c.example",
                "é@b.example",
            ]),
        FormatCases(
            "idn-email", ["a@b.example", "é@b.example", "실례@실례.테스트"], not: ["", "a", "é@", "a@b@c"]),
        FormatCases(
            "hostname",
            ["a", "a.example", "1.example", "xn--4gbwdl.xn--wgbh1c", String(repeating: "a", count: 63)],
            not: [
                "", "-a.example", "a-.example", "a_b.example", "a..example", "é.example",
                String(repeating: "a", count: 64),
            ]),
        FormatCases(
            "idn-hostname", ["a.example", "é.example", "실례.테스트", "l·l"],
            not: ["", "-é.example", "a..b", "a·l", "\u{302E}a"]),
        FormatCases(
            "ipv4", ["127.0.0.1", "255.255.255.255", "0.0.0.0"],
            not: [
                "", "127.0.0", "127.0.0.1.1", "256.0.0.1", "127.0.0.01", "0x7f.0.0.1", "127.0.0.1 ",
                "1.2.3.-4",
            ]),
        FormatCases(
            "ipv6", ["::1", "::", "1:2:3:4:5:6:7:8", "::ffff:192.168.0.1", "1::8", "2001:DB8::a"],
            not: [
                "", ":", "1:2:3:4:5:6:7", "1::2::3", "12345::", "::g", "::1%eth0", "::127.0.0.256",
                "1:2:3:4:5:6:7:8:9",
            ]),
        FormatCases(
            "uri",
            ["https://b.example/a?b=c#d", "urn:isbn:1", "mailto:a@b.example", "http://[::1]:80/", "a:"],
            not: [
                "", "/a", "b.example", "https://b.example/a b", "https://b.example/é", "1a:b", "http://[::1",
                "a:%2",
            ]),
        FormatCases(
            "uri-reference", ["", "/a", "a", "?b", "#c", "//b.example", "https://b.example/"],
            not: ["a b", "é", "\\a", "#a#b", "%zz"]),
        FormatCases(
            "iri", ["https://é.example/ü?ö#ä", "https://b.example/"],
            not: ["", "/é", "https://b.example/a b", "é:a"]),
        FormatCases("iri-reference", ["", "/é", "#ö", "https://é.example/"], not: ["a b", "\\é", "%zz"]),
        FormatCases(
            "uuid",
            [
                "123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000",
                "123E4567-E89B-12D3-A456-426614174000",
            ],
            not: [
                "", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400",
                "123e4567-e89b-12d3-a456-42661417400g", "{123e4567-e89b-12d3-a456-426614174000}",
                "123e4567-e89b-12d3-a4564-26614174000",
            ]),
        FormatCases(
            "uri-template", ["", "/a/{b}", "/{?b,c*}", "{+d:3}", "{/e}{#f}"],
            not: ["{", "}", "{}", "{a b}", "{a:0}", "{a:b}"]),
        FormatCases("json-pointer", ["", "/", "/a/0", "/~0~1", "//"], not: ["a", "#", "/~", "/~2", "/a~"]),
        FormatCases(
            "relative-json-pointer", ["0", "1/a", "2#", "10/~1"],
            not: ["", "/a", "-1", "01", "1a", "0##", "1/~2"]),
        FormatCases(
            "regex", ["", "^a+$", "(?<=a)b", "(a)\\1", "\\p{L}", "[^x]", "\\p{Script=Greek}"],
            not: ["(", "a**", "[z-a]", "\\p{Nothing}", "a{2,1}", "(?x)"]),
    ]
}

@Suite("Formats")
struct FormatTests {
    @Test("each has cases") func complete() {
        #expect(Set(FormatCases.all.map(\.name)) == Set(StringFormats.names))
    }

    @Test("accept and refuse where they are checked, and nowhere else", arguments: FormatCases.all)
    func cases(cases: FormatCases) throws {
        var options = SchemaOptions()
        options.assertsFormats = true
        let schema: JSONValue = ["format": .string(cases.name)]
        let asserting = try Schema.compile(schema, options: options)
        let annotating = try Schema.compile(schema)
        for text in cases.accepted {
            #expect(asserting.isValid(JSONValue.string(text).serialized()), "\(text)")
            #expect(StringFormats.accepts(text, format: cases.name) == true, "\(text)")
        }
        for text in cases.refused {
            #expect(!asserting.isValid(JSONValue.string(text).serialized()), "\(text)")
            #expect(annotating.isValid(JSONValue.string(text).serialized()), "\(text)")
        }
        // Formats are about strings.
        for other: JSONValue in [1, nil, true, [], [:]] { #expect(asserting.isValid(other.serialized())) }
    }
}
