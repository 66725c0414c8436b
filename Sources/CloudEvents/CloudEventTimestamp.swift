// SPDX-License-Identifier: Apache-2.0

// A point in time that remembers how it was written: an event must leave Apus with the `time` text it came with,
// and 20 bytes of text would cost an allocation in every event.

/// A timestamp by RFC 3339: an instant, the offset it was written with, and its number of fraction digits.
///
/// Text round-trips, except that `t` and `z` become `T` and `Z`, and fraction digits beyond nine are cut off.
/// Equality compares all of that: `12:00Z` and `14:00+02:00` are the same instant but different values.
public struct CloudEventTimestamp: Sendable, Hashable {
    /// Seconds from 1970-01-01T00:00:00Z to the whole second, years 0000 to 9999.
    public let secondsSinceEpoch: Int64
    /// Nanoseconds within the second, 0 to 999,999,999.
    public let nanoseconds: Int32
    /// Minutes that local time is ahead of UTC, -1439 to 1439.
    public let offsetMinutes: Int16
    /// Digits written after the decimal point, 0 to 9.
    public let fractionDigits: UInt8
    let style: Style

    /// Spellings that do not follow from the numbers.
    struct Style: OptionSet, Hashable {
        let rawValue: UInt8
        /// `Z`, not `+00:00`.
        static let zulu = Style(rawValue: 1)
        /// `-00:00`: the instant is known, the local offset is not (RFC 3339 section 4.3).
        static let unknownOffset = Style(rawValue: 2)
        /// The second is written `60`; `secondsSinceEpoch` then is that of the second before.
        static let leapSecond = Style(rawValue: 4)
    }

    init(seconds: Int64, nanoseconds: Int32, offsetMinutes: Int16, fractionDigits: UInt8, style: Style) {
        self.secondsSinceEpoch = seconds
        self.nanoseconds = nanoseconds
        self.offsetMinutes = offsetMinutes
        self.fractionDigits = fractionDigits
        self.style = style
    }

    /// The first and last second that RFC 3339 can write.
    static let writableSeconds: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

    /// Creates a timestamp in UTC, nil if it is outside the years 0000 to 9999 or `nanoseconds` is out of range.
    ///
    /// - Parameters:
    ///   - secondsSinceEpoch: seconds from 1970-01-01T00:00:00Z.
    ///   - nanoseconds: nanoseconds within the second.
    ///   - fractionDigits: digits to write after the decimal point, 0 to 9.
    public init?(secondsSinceEpoch: Int64, nanoseconds: Int32 = 0, fractionDigits: Int = 0) {
        guard Self.writableSeconds.contains(secondsSinceEpoch), (0..<1_000_000_000).contains(nanoseconds),
            (0...9).contains(fractionDigits)
        else { return nil }
        let unit = Self.powersOfTen[9 - fractionDigits]
        self.init(
            seconds: secondsSinceEpoch, nanoseconds: nanoseconds - nanoseconds % unit, offsetMinutes: 0,
            fractionDigits: UInt8(fractionDigits), style: .zulu)
    }

    /// Creates a timestamp in UTC with three fraction digits; values outside the years 0000 to 9999 are clamped.
    public init(millisecondsSinceEpoch milliseconds: Int64) {
        let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        let seconds = remainder < 0 ? quotient - 1 : quotient
        let clamped = min(max(seconds, Self.writableSeconds.lowerBound), Self.writableSeconds.upperBound)
        self.init(
            seconds: clamped, nanoseconds: Int32(remainder < 0 ? remainder + 1000 : remainder) * 1_000_000,
            offsetMinutes: 0, fractionDigits: 3, style: .zulu)
    }

    /// Milliseconds from 1970-01-01T00:00:00Z, rounded down.
    public var millisecondsSinceEpoch: Int64 {
        secondsSinceEpoch * 1000 + Int64(nanoseconds / 1_000_000)
    }

    /// Whether this instant lies before another one, whatever their offsets.
    public func isBefore(_ other: CloudEventTimestamp) -> Bool {
        (secondsSinceEpoch, nanoseconds) < (other.secondsSinceEpoch, other.nanoseconds)
    }

    static let powersOfTen: [Int32] = [
        1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
    ]
}
