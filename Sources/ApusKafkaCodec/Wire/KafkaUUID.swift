// SPDX-License-Identifier: Apache-2.0

// Kafka's 128-bit identifiers: topics, directories. Written for people as 22 characters of URL-safe Base64.

/// A 128-bit identifier; zero means none.
public struct KafkaUUID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The first eight bytes.
    public var high: UInt64
    /// The last eight bytes.
    public var low: UInt64

    /// The identifier that means none.
    public static let zero = KafkaUUID()

    /// The identifier that means none.
    public init() {
        high = 0
        low = 0
    }

    /// An identifier of two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public static func < (left: KafkaUUID, right: KafkaUUID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// The identifier as Kafka's tools print it.
    public var description: String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        // 128 bits are 21 digits of six bits and one of two, which Base64 pads with zeros on the right.
        let digits = (0..<22).map { index -> UInt8 in
            let bit = index * 6
            return alphabet[Int(bits(from: bit))]
        }
        return String(decoding: digits, as: UTF8.self)
    }

    /// Six bits from `bit` on, zeros beyond the end.
    private func bits(from bit: Int) -> UInt64 {
        let shift = 128 - 6 - bit
        if shift < 0 { return (low << UInt64(-shift)) & 63 }
        if shift >= 64 { return (high >> UInt64(shift - 64)) & 63 }
        let upper = shift > 58 ? high << UInt64(64 - shift) : 0
        return ((low >> UInt64(shift)) | upper) & 63
    }
}
