// SPDX-License-Identifier: Apache-2.0

// What things are called: names that people give (topics, subscriptions, rules) and identities that
// the store gives (logs). A name can be used again after a deletion, an identity cannot.

/// Why a name was refused.
public struct NameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was wrong, for a person.
    public let description: String
}

/// A name that a person gave to a topic, subscription or rule.
///
/// The rule is Kafka's for topics, so that every name can be used over every protocol: 1 to 249 of
/// ASCII letters, digits, `.`, `_` and `-`, and neither `.` nor `..`.
public struct ResourceName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The most characters that a name can have.
    public static let lengthMax = 249

    /// The name itself.
    public let description: String

    /// A checked name.
    ///
    /// - Throws: ``NameError`` naming the rule that the text breaks.
    public init(_ text: some StringProtocol) throws(NameError) {
        guard !text.isEmpty else { throw NameError(description: "a name cannot be empty") }
        guard text.utf8.count <= ResourceName.lengthMax else {
            throw NameError(
                description:
                    "a name has at most \(ResourceName.lengthMax) characters, this one has \(text.utf8.count)"
            )
        }
        guard text != ".", text != ".." else {
            throw NameError(description: "'.' and '..' cannot be names")
        }
        for byte in text.utf8 where !ResourceName.allows(byte) {
            throw NameError(
                description: "'\(text.prefix(80))' is not a valid name: use letters, digits, '.', '_' and '-'"
            )
        }
        description = String(text)
    }

    private static func allows(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    public static func < (left: ResourceName, right: ResourceName) -> Bool {
        left.description < right.description
    }
}

/// The identity of a log: 128 random bits, unique for ever, written as 32 hexadecimal digits.
///
/// Logs are named by identity because a topic that is deleted and made again under the same name starts
/// a new life: cursors, leases and origins of the old one must not apply to it.
public struct LogID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first 64 bits.
    public let high: UInt64
    /// The last 64 bits.
    public let low: UInt64

    /// An identity from its bits.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A new identity.
    public static func random(using generator: inout some RandomNumberGenerator) -> LogID {
        LogID(high: generator.next(), low: generator.next())
    }

    /// The identity of one of several logs that belong together, such as the partitions of a topic.
    ///
    /// The lower 24 bits carry the number, so an identity derived from must have come from
    /// ``family(using:)``.
    public func member(_ number: Int) -> LogID {
        LogID(high: high, low: (low & ~0xFF_FFFF) | UInt64(number & 0xFF_FFFF))
    }

    /// A new identity whose members (``member(_:)``) are distinct from every other family's.
    public static func family(using generator: inout some RandomNumberGenerator) -> LogID {
        LogID(high: generator.next(), low: generator.next() & ~0xFF_FFFF)
    }

    /// An identity from its 32 hexadecimal digits; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let found = text.utf8.withContiguousStorageIfAvailable { LogID(digits: UnsafeRawBufferPointer($0)) }
        guard let id = found ?? Array(text.utf8).withUnsafeBytes({ LogID(digits: $0) }) else { return nil }
        self = id
    }

    /// An identity from its 32 hexadecimal digits, a byte each; nil for anything else.
    public init?(digits: UnsafeRawBufferPointer) {
        guard digits.count == 32 else { return nil }
        var halves = (high: UInt64(0), low: UInt64(0))
        for (index, byte) in digits.enumerated() {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            default: return nil
            }
            if index < 16 {
                halves.high = halves.high << 4 | UInt64(digit)
            } else {
                halves.low = halves.low << 4 | UInt64(digit)
            }
        }
        self.init(high: halves.high, low: halves.low)
    }

    public var description: String { LogID.hex(high) + LogID.hex(low) }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    public static func < (left: LogID, right: LogID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}
