// SPDX-License-Identifier: Apache-2.0

// Beginnings and ends of texts that stop at a mark are looked for by where the marks are; whatever else is in a text, they must be found where a slow
// look finds them, and texts must be read to their ends and no further.

import TestThreads
import Testing

@testable import ApusRules

@Suite struct MarkTests {
    private static let alphabet = Array("aZ09/.:-_~ @[`{}\u{7F}é".utf8)

    private func text(_ length: Int, _ generator: inout some RandomNumberGenerator) -> [UInt8] {
        (0..<length).map { _ in Self.alphabet.randomElement(using: &generator) ?? 0x61 }
    }

    private static func isMark(_ byte: UInt8) -> Bool {
        let scalar = Unicode.Scalar(byte)
        return byte > 0x1F && byte < 0x7F && !scalar.properties.isAlphabetic && !(0x30...0x39).contains(byte)
    }

    @Test func `lengths are sifted by the marks of a text, whatever stands around it`() {
        var generator = SeededGenerator(seed: 5)
        let all = UInt64.max >> 1
        for length in 0...150 {
            for _ in 0..<casesToTry(of: 40) {
                let text = text(length, &generator)
                // Bytes before and behind must not count.
                let around = [0x2F] + text + [UInt8](repeating: 0x2F, count: 20)
                let found = around.withUnsafeBytes { Mark.sift(all, all, ByteTable.address($0) + 1, length) }
                for candidate in 1..<KeyLengths.bitCount {
                    let (isPrefix, isSuffix) = (
                        candidate <= length && Self.isMark(text[candidate - 1]),
                        candidate <= length && Self.isMark(text[length - candidate])
                    )
                    #expect(found.prefixes >> UInt64(candidate) & 1 == (isPrefix ? 1 : 0))
                    let bit = KeyLengths.bitCount - candidate
                    #expect(Mark.suffixLength(bit) == candidate)
                    #expect(found.suffixes >> UInt64(bit) & 1 == (isSuffix ? 1 : 0))
                }
            }
        }
    }

    @Test(arguments: ["prefix", "suffix"])
    func `beginnings and ends of any length are found, with a mark or without`(operation: String) throws {
        var generator = SeededGenerator(seed: 6)
        var rules: [[UInt8]] = []
        for length in 1...70 {
            for mark in ["/", ".", "x"].map({ Array($0.utf8) }) {
                let rest = (1..<length).map { _ in "ab/".utf8.randomElement(using: &generator) ?? 0x61 }
                rules.append(operation == "prefix" ? rest + mark : mark + rest)
            }
        }
        var matcher = RuleMatcher()
        for (index, rule) in rules.enumerated() {
            let text = String(decoding: rule, as: UTF8.self)
            let json = #"{"subject":[{"\#(operation)":"\#(text)"}]}"#
            matcher.add(id: index, pattern: try Pattern(parsing: json))
        }
        var scratch = MatchScratch()
        for removed in [false, true] {
            if removed {
                for index in rules.indices where index % 3 == 0 { matcher.remove(id: index) }
            }
            for index in rules.indices {
                let more = (0..<index % 90).map { _ in "ab/.".utf8.randomElement(using: &generator) ?? 0x61 }
                let subject = operation == "prefix" ? rules[index] + more : more + rules[index]
                let expected = rules.indices.filter { rule in
                    !(removed && rule % 3 == 0)
                        && (operation == "prefix"
                            ? subject.starts(with: rules[rule])
                            : subject.reversed().starts(with: rules[rule].reversed()))
                }
                let found = Array("subject".utf8).withUnsafeBytes { name in
                    subject.withUnsafeBytes { value in
                        var input = MatchInput()
                        input.append(name: name, value: value)
                        return matcher.match(input, scratch: &scratch)
                    }
                }
                #expect(found == expected)
            }
        }
    }

    @Test func `texts in data end where their quotes are, wherever something special stands`() throws {
        for special in ["", "\\\"", "\\u0041", "é", "\u{1F}", "\u{7F}"] {
            for length in 0...40 {
                for place in stride(from: 0, through: length, by: special.isEmpty ? length + 1 : 1) {
                    let written =
                        String(repeating: "a", count: place) + special
                        + String(repeating: "b", count: length - place)
                    let isJSON = special != "\u{1F}"
                    let text =
                        written.replacing("\\\"", with: "\"").replacing("\\u0041", with: "A")
                    let pattern = try Pattern(parsing: #"{"data":{"f":[{"anything-but":["c"]}]}}"#)
                    var matcher = RuleMatcher()
                    matcher.add(id: 1, pattern: pattern)
                    if isJSON {
                        let same = Array("{\"data\":{\"f\":[\"\(written)\"]}}".utf8)
                        matcher.add(
                            id: 2, pattern: try Pattern(parsing: String(decoding: same, as: UTF8.self)))
                    }
                    var scratch = MatchScratch()
                    for after in ["", String(repeating: " ", count: 20)] {
                        let found = Array("{\"f\":\"\(written)\",\"g\":1}\(after)".utf8).withUnsafeBytes {
                            data in
                            var input = MatchInput()
                            input.data = data
                            return matcher.match(input, scratch: &scratch)
                        }
                        #expect(found == (isJSON ? [1, 2] : []), "\(text.debugDescription)")
                    }
                }
            }
        }
    }
}
