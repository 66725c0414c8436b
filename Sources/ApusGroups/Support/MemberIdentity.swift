// SPDX-License-Identifier: Apache-2.0

// Identities of members that the coordinator makes. Chance comes from outside, as 128 bits.

enum MemberIdentity {
    /// `prefix`, a hyphen and 128 bits in the form of a version 4 UUID: `consumer-6f1f…`.
    static func make(prefix: String, entropy: UInt128) -> String {
        var digits = [UInt8](repeating: 0, count: 32)
        var rest = entropy
        for place in digits.indices.reversed() {
            digits[place] = UInt8(truncatingIfNeeded: rest) & 0xF
            rest >>= 4
        }
        digits[12] = 4
        digits[16] = digits[16] & 0x3 | 0x8
        var text = prefix.isEmpty ? "" : prefix + "-"
        for (place, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(place) { text += "-" }
            text += String(digit, radix: 16)
        }
        return text
    }
}

extension MemberIdentity {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    /// 128 bits as 22 characters of base64 that are safe in addresses, as Kafka writes identities of members and topics.
    static func short(entropy: UInt128) -> String {
        // 132 bits: the last four are padding.
        String(
            stride(from: 122, through: -4, by: -6).map { place in
                let bits = place >= 0 ? entropy >> UInt128(place) : entropy << UInt128(-place)
                return alphabet[Int(truncatingIfNeeded: bits) & 63]
            })
    }
}
