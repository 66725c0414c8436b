// SPDX-License-Identifier: Apache-2.0

// The parts of the matcher, each against something simpler.

import JSONText
import TestThreads
import Testing

@testable import ApusRules

@Suite struct IndexTests {
    @Test func `decimal keys are equal and ordered as the numbers are`() {
        let ascending = [
            ["-1e999"], ["-100", "-1e2"], ["-12"], ["-1.5", "-15e-1"], ["-1.25"], ["-1"],
            ["-0.001", "-1E-3"],
            ["0", "-0", "0.0e5", "0e-99"], ["1e-999"], ["0.001", "0.0010"], ["0.12"], ["0.123"],
            ["1", "1.0", "1e0", "10e-1", "0.1E+1"], ["9.99"], ["10"], ["9007199254740992"],
            ["9007199254740993"],
            ["1e17"], ["1e999"], ["1e99999999999999999999", "1e99999999999999999998"],
        ]
        let keys = ascending.map { $0.map { DecimalKey.bytes(of: Array($0.utf8)) } }
        for group in keys { #expect(Set(group).count == 1) }
        for (left, right) in zip(keys, keys.dropFirst()) {
            #expect(left[0].lexicographicallyPrecedes(right[0]))
        }
    }

    @Test func `the range tree finds what trying every range finds, however it was changed`() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<casesToTry(of: 200) {
            var tree = RangeTree()
            var root = RangeTree.none
            var ranges: [(range: NumericRange, step: UInt32)] = []
            for step in 0..<Int.random(in: 1...24, using: &generator) {
                let range = Self.range(&generator)
                ranges.append((range, UInt32(step)))
                tree.insert(ClausePlan.entry(of: range, step: UInt32(step), test: 7), into: &root)
                guard Int.random(in: 0..<3, using: &generator) == 0 else { continue }
                let gone = ranges.remove(at: Int.random(in: ranges.indices, using: &generator))
                let entry = ClausePlan.entry(of: gone.range, step: gone.step, test: 0)
                #expect(tree.remove(entry, from: &root)?.test == 7)
                #expect(tree.remove(entry, from: &root) == nil)
            }
            for number in -5...5 {
                for half in ["", ".5"] {
                    let number = PatternNumber(text: Array("\(number)\(half)".utf8))
                    let text = number.text.withUnsafeBytes { NumberText($0).double($0) }
                    var found: [UInt32] = []
                    tree.withReader {
                        $0.find(text.value, isExact: text.isExact, in: root) { entry, mustBeTried in
                            #expect(!mustBeTried)
                            found.append(entry.step)
                        }
                    }
                    #expect(found.sorted() == ranges.filter { $0.range.contains(number) }.map(\.step))
                }
            }
        }
    }

    @Test func `numbers get the same key exactly when they are equal, and doubles keep their order`() {
        let texts = [
            "0", "-0", "0.0e5", "1", "1.0", "1e0", "10e-1", "0.1E+1", "-1", "12", "120", "1.2e2", "0.012",
            "9007199254740993", "9007199254740992", "9007199254740993.0", "123456789012345678", "1e19",
            "1e300",
            "10000000000000000000", "12345678901234567890123", "12345678901234567890124", "1e999", "1e998",
            "-1e999", "1e-999", "0.1", "0.10", "0.1000000000000000055511151231257827",
            "100000000000000000000000000000001", "1e99999999999999999999",
        ]
        let numbers = texts.map { PatternNumber(text: Array($0.utf8)) }
        for left in numbers {
            for right in numbers {
                let isEqual = ClausePlan.key(of: left) == ClausePlan.key(of: right)
                #expect(isEqual == (left == right), "\(left.text) \(right.text)")
                let (first, second) = (double(left), double(right))
                if left.key.lexicographicallyPrecedes(right.key) {
                    #expect(first.value <= second.value)
                    #expect(!(first.isExact && second.isExact) || first.value < second.value)
                }
            }
        }
    }

    private func double(_ number: PatternNumber) -> (value: Double, isExact: Bool) {
        number.text.withUnsafeBytes { NumberText($0).double($0) }
    }

    private static func range(_ generator: inout SeededGenerator) -> NumericRange {
        while true {
            var range = NumericRange()
            for isLower in [true, false] where Bool.random(using: &generator) {
                let text = String(Int.random(in: -4...4, using: &generator))
                let bound = NumericRange.Bound(
                    number: PatternNumber(text: Array(text.utf8)), isIncluded: Bool.random(using: &generator))
                if isLower { range.lower = bound } else { range.upper = bound }
            }
            if range.lower != nil || range.upper != nil, !range.isEmpty { return range }
        }
    }

    @Test(arguments: [ByteTable.Direction.forward, .backward])
    func `tables find their keys in their scope only, also when others are gone`(
        direction: ByteTable.Direction
    ) {
        let keys = (0..<casesToTry(of: 12_000)).map {
            Array("key number \($0)".utf8.prefix($0 % 20)) + Array(String($0).utf8)
        }
        var table = ByteTable(seed: 42)
        for (index, key) in keys.enumerated() {
            let place = table.insert(UInt32(index % 3), key, direction)
            table[place].value = UInt32(index)
        }
        for round in 0..<2 {
            for (index, key) in keys.enumerated() {
                let isGone = round == 1 && index % 7 != 0
                let place = table.find(UInt32(index % 3), key, direction)
                #expect(place.map { table[$0].value } == (isGone ? nil : UInt32(index)))
                #expect(table.find(UInt32((index + 1) % 3), key, direction) == nil)
                #expect(table.find(UInt32(index % 3), key + [0], direction) == nil)
            }
            for (index, key) in keys.enumerated() where round == 0 && index % 7 != 0 {
                if let place = table.find(UInt32(index % 3), key, direction) { table.remove(at: place) }
            }
        }
    }

    @Test func `a place that was found stays where it is when the table turns out to be shared`() {
        // With this many tables, some have keys that are not where their hashes begin, around the end of the table too.
        for seed in 0..<UInt64(casesToTry(of: 20_000)) {
            var table = ByteTable(seed: seed)
            let keys = (0..<7).map { Array("key \($0)".utf8) }
            for (index, key) in keys.enumerated() {
                let place = table.insert(1, key, .forward)
                table[place].value = UInt32(index)
            }
            let before = table
            for (index, key) in keys.enumerated() where index % 2 == 0 {
                guard let place = table.find(1, key, .forward) else {
                    Issue.record("a key is gone")
                    continue
                }
                // The first change copies what `before` has, too.
                table[place].value += 100
                table[countsAt: place].links = UInt32(index)
            }
            for (index, key) in keys.enumerated() {
                let value = UInt32(index + (index % 2 == 0 ? 100 : 0))
                #expect(table.find(1, key, .forward).map { table[$0].value } == value)
                #expect(before.find(1, key, .forward).map { before[$0].value } == UInt32(index))
            }
        }
    }

    @Test func `keys are the same only if all of them is`() {
        let text = Array("key n405".utf8)
        let words = text.withUnsafeBytes { ByteTable.words(ByteTable.address($0), $0.count) }
        let slot = ByteTable.Slot(scope: 5, count: 8, first: words.0, last: words.1)
        #expect(slot.isShort(5, 8, words))
        for bit in 0..<64 {
            #expect(!slot.isShort(5, 8, (words.0 ^ 1 << bit, words.1)))
            #expect(!slot.isShort(5, 8, (words.0, words.1 ^ 1 << bit)))
            // As a byte of a text of eight bytes differs.
            #expect(!slot.isShort(5, 8, (words.0 ^ 1 << bit, words.1 ^ 1 << bit)))
            guard bit < 32 else { continue }
            #expect(!slot.isShort(5 ^ 1 << bit, 8, words))
            #expect(!slot.isShort(5, 8 ^ 1 << bit, words))
        }
    }

    @Test func `a name is met only if all of it stands there`() {
        let name = Array("primaryReference1".utf8)
        let opening = MatchProgram.Opening(name: name)
        for place in 0...name.count {
            for bit in 0..<7 {
                var text = Array("\"primaryReference1\":        ".utf8)
                if place > 0 { text[place] ^= 1 << UInt8(bit) }
                let isMet = text.withUnsafeBytes { text in
                    withUnsafePointer(to: opening) {
                        MatchProgram.Opening.stands($0, at: ByteTable.address(text))
                    }
                }
                #expect(isMet == (place == 0))
            }
        }
    }

    @Test func `long names that differ in the case of a letter are different fields`() throws {
        var matcher = RuleMatcher()
        matcher.add(id: 1, pattern: try Pattern(parsing: #"{"data":{"primaryReference1":["x"]}}"#))
        var scratch = MatchScratch()
        func matches(_ name: String) -> [Int] {
            Array("{\"\(name)\":\"x\",\"others\":\"to be long enough\"}".utf8).withUnsafeBytes { data in
                var input = MatchInput()
                input.data = data
                return matcher.match(input, scratch: &scratch)
            }
        }
        // What was seen first is expected to come again.
        #expect(matches("primaryReference1") == [1])
        #expect(matches("PrimaryReference1").isEmpty)
        #expect(matches("primaryReference1") == [1])
    }

    @Test func `wildcards stay linear on repetitive text`() throws {
        let wildcard = try #require(Wildcard(Array("*a*a*aaaaab*".utf8)))
        let text = Array(repeating: UInt8(ascii: "a"), count: 100_000)
        #expect(!text.withUnsafeBytes { wildcard.matches($0) })
        #expect((text + Array("b".utf8)).withUnsafeBytes { wildcard.matches($0) })
    }

    @Test(arguments: [
        ("1.2.3.4", "01020304"), ("255.0.0.1", "ff000001"), ("::", String(repeating: "0", count: 32)),
        ("::1", String(repeating: "0", count: 31) + "1"), ("1::", "0001" + String(repeating: "0", count: 28)),
        ("2001:db8::a:b", "20010db80000000000000000000a000b"),
        ("::ffff:1.2.3.4", "00000000000000000000ffff01020304"),
        ("1:2:3:4:5:6:7:8", "00010002000300040005000600070008"),
    ])
    func `addresses are read`(text: String, hex: String) throws {
        let address = try #require(Array(text.utf8).withUnsafeBytes { Address($0) })
        let digits = address.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(digits == hex)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.a", ":", ":1", "1:", ":::", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "1:2:3:4:5:6:7:8::", "::1.2.3", "1.2.3.4::",
    ])
    func `what is no address is refused`(text: String) {
        #expect(Array(text.utf8).withUnsafeBytes { Address($0) } == nil)
    }

    @Test func `the pass accepts exactly what the scanner accepts`() {
        var generator = SeededGenerator(seed: 3)
        let bytes = Array("{}[]\",:\\u0aDd8-+.eE019 truefalsn\u{1}é".utf8)
        var accepted = 0
        for seed in 0..<casesToTry(of: 1500) {
            var cases = RandomCases(seed: UInt64(seed))
            var text = Array(cases.write(cases.value()).utf8)
            for _ in 0..<Int.random(in: 0...2, using: &generator) {
                let place = Int.random(in: 0...text.count, using: &generator)
                if Bool.random(using: &generator), place < text.count {
                    text.remove(at: place)
                } else {
                    text.insert(bytes.randomElement(using: &generator) ?? 0, at: place)
                }
            }
            let expected = (try? JSONValue(parsing: text)) != nil
            let found = text.withUnsafeBytes { bytes in
                let pass = JSONPass(bytes)
                return pass.skipValue(0, depth: 0).map { pass.skipWhitespace($0) == pass.end } ?? false
            }
            #expect(found == expected, "\(String(decoding: text, as: UTF8.self))")
            accepted += found ? 1 : 0
        }
        #expect((casesToTry(of: 400)..<casesToTry(of: 1300)).contains(accepted))
    }

    @Test func `depth is limited where the scanner limits it`() {
        #expect(JSONPass.depthLimit == JSONScanner.defaultDepthLimit)
        for depth in 126...130 {
            let text = Array(
                (String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
            let found = text.withUnsafeBytes { JSONPass($0).skipValue(0, depth: 0) != nil }
            #expect(found == (depth <= JSONPass.depthLimit))
        }
    }
}
