// SPDX-License-Identifier: Apache-2.0

// Seeded random values: a failing test names its seed, and the seed replays it.

import JSONText

/// Steele, Lea and Flood's SplitMix64: tiny, good enough for tests, the same everywhere.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension JSONValue {
    static func random(depth: Int, using generator: inout SplitMix64) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &generator) {
        case 0: return nil
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .number(JSONNumber(Int64.random(in: .min ... .max, using: &generator)))
        case 3:
            let double = Double(Int.random(in: -1_000_000...1_000_000, using: &generator)) / 1024
            return .number(JSONNumber(double) ?? JSONNumber(0))
        case 4: return .string(.random(using: &generator))
        case 5:
            let count = Int.random(in: 0...4, using: &generator)
            return .array((0..<count).map { _ in .random(depth: depth - 1, using: &generator) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                object[.random(using: &generator)] = .random(depth: depth - 1, using: &generator)
            }
            return .object(object)
        }
    }
}

extension String {
    static func random(using generator: inout SplitMix64) -> String {
        let alphabet: [Character] = [
            "a", "b", "\"", "\\", "/", "\n", "\u{1}", "é", "€", "😀", "{", "]", ",", " ",
        ]
        return String(
            (0..<Int.random(in: 0...20, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            })
    }
}
