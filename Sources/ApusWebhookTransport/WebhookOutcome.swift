// SPDX-License-Identifier: Apache-2.0

// What an answer means for the delivery: done, once more later, or never.

internal import ApusModel
internal import ApusTransport

/// Judges answers.
enum WebhookOutcome {
    /// The outcome of a delivery that was answered with `status`.
    ///
    /// - Parameters:
    ///   - retryAfter: what the header of that name says.
    ///   - excerpt: the beginning of the answer's body, for a person; marked as words of others.
    ///   - now: seconds since 1970, for a `Retry-After` that is a date.
    static func of(
        status: Int, retryAfter: String?, retryAfterMax: Duration, excerpt: String, now: Int64
    ) -> Outcome {
        let reason =
            "answered with status \(status)" + (excerpt.isEmpty ? "" : ": \(OutsideWords.marked(excerpt))")
        switch status {
        case 200...299: return .delivered
        case 300...399:
            // A redirect could lead anywhere, also to where events must not go.
            return .refused(
                status: status, reason: reason + "; redirects are not followed, use the new address")
        case 408, 425, 429, 500...599:
            let after = retryAfter.flatMap { RetryAfter.parse($0, now: now) }
            return .retry(after: after.map { min($0, retryAfterMax) }, status: status, reason: reason)
        case 400...499: return .refused(status: status, reason: reason)
        default: return .retry(after: nil, status: status, reason: reason)
        }
    }

    /// The beginning of an answer as one line of plain text.
    static func excerpt(_ body: some Sequence<UInt8>) -> String {
        let printable = body.prefix(200).map { $0 >= 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: " ") }
        return String(decoding: printable, as: UTF8.self).split(separator: " ").joined(separator: " ")
    }
}

/// The value of `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.
enum RetryAfter {
    /// How long to wait from `now` (seconds since 1970) on; nil for what is neither.
    static func parse(_ text: String, now: Int64) -> Duration? {
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // More digits than a number can have are still a very long time.
            return .seconds(min(Int64(text) ?? .max, 1 << 31))
        }
        return seconds(ofDate: text).map { .seconds(max(0, $0 - now)) }
    }

    /// The moment of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`; the two obsolete forms are not read.
    private static func seconds(ofDate text: String) -> Int64? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int64(parts[1]), let year = Int64(parts[3]),
            let month = months.firstIndex(of: String(parts[2])), (1...31).contains(day),
            (1970...9999).contains(year)
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]),
            (0...60).contains(clock[2])
        else { return nil }
        return days(year, Int64(month + 1), day) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Days since 1970-01-01 of a date of the Gregorian calendar, counted in years that begin in March, so that the leap day is
    /// a year's last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month > 2 ? year : year - 1
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }
}
