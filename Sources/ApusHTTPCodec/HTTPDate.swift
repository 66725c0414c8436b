// SPDX-License-Identifier: Apache-2.0

// Dates as HTTP writes them (RFC 9110 section 5.6.7), from seconds since 1970, without a calendar library.
// A server formats the date once a second and copies it into every response.

/// A `Date` header line, ready to be copied.
public struct HTTPDateLine: Sendable, Hashable {
    /// `Date: Sun, 06 Nov 1994 08:49:37 GMT` and CRLF.
    let bytes: [UInt8]

    /// Formats the time that is `unixSeconds` after 1970-01-01 00:00 UTC; times outside the years 1970 to 9999
    /// are moved to the nearest of them.
    public init(unixSeconds: Int) {
        bytes = Array("Date: \(HTTPDate.format(unixSeconds: unixSeconds))\r\n".utf8)
    }
}

/// Formatting of dates.
public enum HTTPDate {
    private static let latest = 253_402_300_799
    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The time as an IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    public static func format(unixSeconds: Int) -> String {
        let seconds = min(max(unixSeconds, 0), latest)
        let (days, inDay) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let (year, month, day) = civil(daysSinceEpoch: days)
        let time = [inDay / 3600, inDay / 60 % 60, inDay % 60].map(twoDigits).joined(separator: ":")
        return "\(weekdays[days % 7]), \(twoDigits(day)) \(months[month - 1]) \(year) \(time) GMT"
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// Year, month and day of a day number, in the proleptic Gregorian calendar, for days from 1970 on.
    ///
    /// Counts in years that begin on 1 March, so that the leap day is the last of its year, and in eras of
    /// 400 years, which all have 146,097 days.
    private static func civil(daysSinceEpoch: Int) -> (year: Int, month: Int, day: Int) {
        let sinceMarchZero = daysSinceEpoch + 719_468
        let (era, dayOfEra) = sinceMarchZero.quotientAndRemainder(dividingBy: 146_097)
        let leapDays = dayOfEra / 1460 - dayOfEra / 36_524 + dayOfEra / 146_096
        let yearOfEra = (dayOfEra - leapDays) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}
