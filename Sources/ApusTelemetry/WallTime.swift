// SPDX-License-Identifier: Apache-2.0

// Wall-clock time for log lines: read with one system call, written as RFC 3339 without Foundation.

import Glibc

/// A point in wall-clock time, UTC.
public struct WallTime: Hashable, Sendable {
    /// Nanoseconds since 1970-01-01T00:00:00Z; negative before.
    public let nanosecondsSinceEpoch: Int64

    /// A point in time `nanosecondsSinceEpoch` after the start of 1970.
    public init(nanosecondsSinceEpoch: Int64) {
        self.nanosecondsSinceEpoch = nanosecondsSinceEpoch
    }

    /// What the system's clock says now.
    public static var now: WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(nanosecondsSinceEpoch: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// The time as RFC 3339 text in UTC with milliseconds, cut off and not rounded:
    /// `2026-11-23T09:05:00.042Z`.
    public var rfc3339: String {
        let (day, inDay) = Self.floorDivide(nanosecondsSinceEpoch, by: 86_400_000_000_000)
        let (year, month, dayOfMonth) = Self.civilDate(daysSinceEpoch: day)
        let milliseconds = inDay / 1_000_000
        let seconds = milliseconds / 1000
        var text = ""
        text.reserveCapacity(24)
        Self.append(year, digits: 4, to: &text)
        for (separator, value) in [("-", month), ("-", dayOfMonth)] {
            text += separator
            Self.append(value, digits: 2, to: &text)
        }
        for (separator, value) in [("T", seconds / 3600), (":", seconds / 60 % 60), (":", seconds % 60)] {
            text += separator
            Self.append(value, digits: 2, to: &text)
        }
        text += "."
        Self.append(milliseconds % 1000, digits: 3, to: &text)
        return text + "Z"
    }

    /// The Gregorian date of a day, by counting in eras of 400 years that begin on 1 March, so that the
    /// leap day is the last of its year.
    private static func civilDate(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let daysPerEra: Int64 = 146_097
        // 719,468 days lie between 0000-03-01 and 1970-01-01.
        let (era, dayOfEra) = floorDivide(daysSinceEpoch + 719_468, by: daysPerEra)
        let leapDays = dayOfEra / 1460 - dayOfEra / 36_524 + dayOfEra / 146_096
        let yearOfEra = (dayOfEra - leapDays) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        // Months from March have 153 days in every five.
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    private static func floorDivide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64)
    {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func append(_ value: Int64, digits: Int, to text: inout String) {
        let number = String(value)
        text += String(repeating: "0", count: max(0, digits - number.utf8.count))
        text += number
    }
}
