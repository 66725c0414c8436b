// SPDX-License-Identifier: Apache-2.0

// Texts of schedules: what they mean, and what is said of those that mean nothing.

import ApusSchedule
import TestThreads
import Testing

@Suite struct CronSyntaxTests {
    /// The first occurrences after 2026-01-01T00:00:00Z, a Thursday, as text.
    private func occurrences(_ text: String, count: Int = 3) throws -> [String] {
        let schedule = try ScheduleExpression(parsing: text)
        var time = CivilTime(2026, 1, 1).seconds * 1000
        let start = time
        return (0..<count).compactMap { _ in
            guard let next = schedule.next(after: time, start: start, in: .utc) else { return nil }
            time = next
            let local = CivilTime(seconds: next / 1000)
            func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
            return "\(local.year)-\(two(local.month))-\(two(local.day)) "
                + [local.hour, local.minute, local.second].map(two).joined(separator: ":")
        }
    }

    @Test(
        "A schedule means what its dialect says",
        arguments: [
            ("*/20 * * * *", ["2026-01-01 00:20:00", "2026-01-01 00:40:00", "2026-01-01 01:00:00"]),
            ("5,10-12 4 * * *", ["2026-01-01 04:05:00", "2026-01-01 04:10:00", "2026-01-01 04:11:00"]),
            ("0 9 * * mon-fri", ["2026-01-01 09:00:00", "2026-01-02 09:00:00", "2026-01-05 09:00:00"]),
            ("0 0 * * 7", ["2026-01-04 00:00:00", "2026-01-11 00:00:00", "2026-01-18 00:00:00"]),
            ("0 0 * * FRI-SUN", ["2026-01-02 00:00:00", "2026-01-03 00:00:00", "2026-01-04 00:00:00"]),
            ("0 0 13 * 5", ["2026-01-02 00:00:00", "2026-01-09 00:00:00", "2026-01-13 00:00:00"]),
            ("0 0 29 2 *", ["2028-02-29 00:00:00", "2032-02-29 00:00:00", "2036-02-29 00:00:00"]),
            ("0 0 L * *", ["2026-01-31 00:00:00", "2026-02-28 00:00:00", "2026-03-31 00:00:00"]),
            ("0 0 L-1 * ?", ["2026-01-30 00:00:00", "2026-02-27 00:00:00", "2026-03-30 00:00:00"]),
            ("0 0 31W * ?", ["2026-01-30 00:00:00", "2026-03-31 00:00:00", "2026-05-29 00:00:00"]),
            ("0 0 1W * ?", ["2026-02-02 00:00:00", "2026-03-02 00:00:00", "2026-04-01 00:00:00"]),
            ("0 0 LW * ?", ["2026-01-30 00:00:00", "2026-02-27 00:00:00", "2026-03-31 00:00:00"]),
            ("0 0 ? * 5#2", ["2026-01-09 00:00:00", "2026-02-13 00:00:00", "2026-03-13 00:00:00"]),
            ("0 0 ? * friL", ["2026-01-30 00:00:00", "2026-02-27 00:00:00", "2026-03-27 00:00:00"]),
            ("30/10 0 * * *", ["2026-01-01 00:30:00", "2026-01-01 00:40:00", "2026-01-01 00:50:00"]),
            ("*/30 0 0 * * *", ["2026-01-01 00:00:30", "2026-01-02 00:00:00", "2026-01-02 00:00:30"]),
            ("@daily", ["2026-01-02 00:00:00", "2026-01-03 00:00:00", "2026-01-04 00:00:00"]),
            ("@every 1m30s", ["2026-01-01 00:01:30", "2026-01-01 00:03:00", "2026-01-01 00:04:30"]),
            ("rate(5 minutes)", ["2026-01-01 00:05:00", "2026-01-01 00:10:00", "2026-01-01 00:15:00"]),
            ("cron(0 10 * * ? *)", ["2026-01-01 10:00:00", "2026-01-02 10:00:00", "2026-01-03 10:00:00"]),
            ("cron(15 12 ? * 2 *)", ["2026-01-05 12:15:00", "2026-01-12 12:15:00", "2026-01-19 12:15:00"]),
            (
                "cron(0 8 1 * ? 2027-2028)",
                ["2027-01-01 08:00:00", "2027-02-01 08:00:00", "2027-03-01 08:00:00"]
            ),
            ("cron(0 9 ? * 2#1 *)", ["2026-01-05 09:00:00", "2026-02-02 09:00:00", "2026-03-02 09:00:00"]),
        ])
    func meaning(text: String, expected: [String]) throws {
        #expect(try occurrences(text) == expected, "\(text)")
    }

    @Test("A year that is over is never due again")
    func noMore() throws {
        #expect(try occurrences("cron(0 0 1 1 ? 2027)") == ["2027-01-01 00:00:00"])
    }

    @Test(
        "A text that means nothing is refused with its place and the reason",
        arguments: [
            ("", 0, "empty"), ("* * * *", 7, "five fields"), ("* * * * * * *", 12, "five fields"),
            ("60 * * * *", 0, "60 is no minute"), ("* 24 * * *", 2, "no hour"),
            ("* * 0 * *", 4, "no day of the month"),
            ("* * * 13 *", 6, "no month"), ("* * * * 8", 8, "no day of the week"),
            ("* * * foo *", 6, "'foo' is no month"),
            ("5-1 * * * *", 0, "ends before it begins"), ("*/0 * * * *", 2, "no step"),
            ("1,,2 * * * *", 2, "missing"),
            (",1 * * * *", 0, "missing"), ("* * * * ,1", 8, "missing"), ("* * ,1 * *", 4, "missing"),
            ("0 0 31 2 *", 4, "never be due"), ("0 0 ? * ?", 8, "only one"), ("* * L5 * *", 5, "after L"),
            ("* * * * 1#6", 10, "no week of the month"), ("1.5 * * * *", 0, "'1.5' is no minute"),
            ("@fortnightly", 0, "no schedule"), ("@reboot", 0, "@reboot"), ("@every 5x", 8, "its unit"),
            ("@every 1ms", 7, "one second"), ("rate(0 minutes)", 5, "one second"),
            ("rate(5 weeks)", 7, "the unit"),
            ("rate(99999999999999999999 days)", 5, "too large"),
            ("rate(9223372036854775807 days)", 5, "one second"),
            ("rate(5 minutes", 14, "')'"), ("cron(0 10 * * *)", 5 + 10, "six fields"),
            ("cron(0 10 * * * *)", 5 + 9, "exactly one"), ("cron(0 10 ? * ? *)", 5 + 9, "exactly one"),
            ("cron(0 10 * * ? 1969)", 5 + 11, "no year"), ("cron(0 0 ? * 0 *)", 5 + 8, "no day of the week"),
            ("  60 * * * *", 2, "no minute"), ("\u{1F426} * * * *", 0, "no minute"),
        ])
    func refusals(text: String, position: Int, reason: String) {
        let error = #expect(throws: ScheduleSyntaxError.self) { try ScheduleExpression(parsing: text) }
        #expect(error?.position == position, "\(text): \(error?.description ?? "")")
        #expect(error?.reason.contains(reason) == true, "\(text): \(error?.description ?? "")")
    }

    @Test("A text that is too long is not looked at")
    func length() {
        #expect(throws: ScheduleSyntaxError.self) {
            try ScheduleExpression(parsing: String(repeating: "1,", count: 600) + "1 * * * *")
        }
    }

    @Test("No text of the characters that schedules are made of stops the reader")
    func anything() {
        let alphabet = Array("0123456789*/,-?LW# MONSUNcronrate()@every".utf8)
        var random = Random(seed: 11)
        for _ in 0..<casesToTry(of: 20_000) {
            let text = (0..<random.below(24)).map { _ in alphabet[random.below(alphabet.count)] }
            let schedule = try? ScheduleExpression(parsing: String(decoding: text, as: UTF8.self))
            if let next = schedule?.next(after: 0, start: 0, in: .utc) { #expect(next > 0) }
        }
    }
}

/// Numbers that follow from a seed.
struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func below(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(limit))
    }
}
