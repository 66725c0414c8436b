// SPDX-License-Identifier: Apache-2.0

// Which characters a place of a regular expression may match, as far as it matters for counting: each of ASCII, and all others as one.
// Where it is not known exactly it is too much rather than too little.

/// A set of characters.
struct CharacterClass: Equatable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    /// Characters beyond ASCII.
    private(set) var hasOthers = false
    /// Whether the part in ASCII is known exactly.
    private(set) var isExact = true

    static let all: CharacterClass = {
        var all = CharacterClass()
        (all.low, all.high, all.hasOthers) = (.max, .max, true)
        return all
    }()

    /// Everything, because it is not known what.
    static let unknown: CharacterClass = {
        var all = CharacterClass.all
        all.isExact = false
        return all
    }()

    init() {}

    /// The characters of a text.
    init(_ text: String, hasOthers: Bool = false) {
        for scalar in text.unicodeScalars { insert(scalar) }
        if hasOthers { self.hasOthers = true }
    }

    init(_ range: ClosedRange<UInt32>) {
        for value in range.lowerBound...max(range.lowerBound, min(range.upperBound, 127)) where value < 128 {
            insert(ascii: UInt8(value))
        }
        hasOthers = range.upperBound > 127
    }

    private mutating func insert(ascii byte: UInt8) {
        if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte - 64) }
    }

    mutating func insert(_ scalar: Unicode.Scalar) {
        if scalar.value < 128 { insert(ascii: UInt8(scalar.value)) } else { hasOthers = true }
    }

    mutating func formUnion(_ other: CharacterClass) {
        low |= other.low
        high |= other.high
        hasOthers = hasOthers || other.hasOthers
        isExact = isExact && other.isExact
    }

    func intersects(_ other: CharacterClass) -> Bool {
        low & other.low != 0 || high & other.high != 0 || (hasOthers && other.hasOthers)
    }

    /// The characters that are not in the set. Those beyond ASCII may be in a set and in its complement.
    var complement: CharacterClass {
        guard isExact else { return .unknown }
        var result = self
        (result.low, result.high, result.hasOthers) = (~low, ~high, true)
        return result
    }

    /// Whether the character that begins with a byte of UTF-8 is in the set.
    func contains(_ byte: UInt8) -> Bool {
        if byte >= 128 { return hasOthers }
        return byte < 64 ? low >> UInt64(byte) & 1 == 1 : high >> UInt64(byte - 64) & 1 == 1
    }
}

extension CharacterClass {
    private static let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    private static let digits = "0123456789"

    /// What a backslash and a letter stand for; nil for what they stand for by themselves.
    static func escape(_ letter: Unicode.Scalar) -> CharacterClass? {
        switch letter {
        case "n": CharacterClass("\n")
        case "r": CharacterClass("\r")
        case "t": CharacterClass("\t")
        case "s": CharacterClass(" \t\n\r")
        case "S": CharacterClass(" \t\n\r").complement
        case "d": CharacterClass(digits, hasOthers: true)
        case "D": CharacterClass(digits).complement
        case "i": CharacterClass(letters + "_:", hasOthers: true)
        case "I": CharacterClass(letters + "_:").complement
        case "c": CharacterClass(letters + digits + "._:-", hasOthers: true)
        case "C": CharacterClass(letters + digits + "._:-").complement
        case "w": CharacterClass(letters + digits + "$+<=>^`|~", hasOthers: true)
        case "W": CharacterClass(letters + digits + "$+<=>^`|~").complement
        default: nil
        }
    }

    /// What `\p{NAME}` stands for.
    static func category(_ name: String) -> CharacterClass {
        switch name {
        case "L": CharacterClass(letters, hasOthers: true)
        case "Lu": CharacterClass(String(letters.prefix(26)), hasOthers: true)
        case "Ll": CharacterClass(String(letters.suffix(26)), hasOthers: true)
        case "N", "Nd": CharacterClass(digits, hasOthers: true)
        default: .unknown
        }
    }
}
