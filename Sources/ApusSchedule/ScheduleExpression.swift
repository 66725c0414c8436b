// SPDX-License-Identifier: Apache-2.0

// When something recurs, as people write it: a cron expression in one of its spellings, or a rate.

/// When something recurs.
public enum ScheduleExpression: Hashable, Sendable {
    /// By the calendar and the clock.
    case cron(CronExpression)
    /// Every so many milliseconds, counted from the beginning of the schedule; at least a second.
    case rate(Int64)

    /// The longest text that is looked at, in bytes.
    public static let lengthMax = 1024
    /// The longest rate, in milliseconds: ten years.
    public static let rateMax: Int64 = 3650 * 86_400_000

    /// Reads five or six fields of cron, `cron(…)` or `rate(…)` as AWS has them, `@daily` and its like, or `@every 90s`.
    ///
    /// - Throws: ``ScheduleSyntaxError`` with the place and the reason.
    public init(parsing text: String) throws(ScheduleSyntaxError) {
        let bytes = Array(text.utf8)
        guard bytes.count <= ScheduleExpression.lengthMax else {
            throw ScheduleSyntaxError(
                position: ScheduleExpression.lengthMax,
                reason: "a schedule has at most \(ScheduleExpression.lengthMax) bytes")
        }
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }),
            let last = bytes.lastIndex(where: { !isSpace($0) })
        else { throw ScheduleSyntaxError(position: 0, reason: "the schedule is empty") }
        let body = bytes[first...last]
        if body.first == UInt8(ascii: "@") {
            self = try ScheduleExpression.named(body)
        } else if let inner = try ScheduleExpression.argument(of: "cron", body) {
            self = .cron(try CronParser(inner, dialect: .aws).parse())
        } else if let inner = try ScheduleExpression.argument(of: "rate", body) {
            self = .rate(try RateParser(inner).amountAndUnit())
        } else {
            self = .cron(try CronParser(body, dialect: .unix).parse())
        }
    }

    /// The first moment after `time` at which this is due, both in milliseconds since 1970; nil when it never is again.
    ///
    /// - Parameter start: where a rate is counted from.
    public func next(after time: Int64, start: Int64, in zone: TimeZoneRules) -> Int64? {
        switch self {
        case .cron(let cron):
            return cron.next(after: Calendar.floorDivide(time, 1000), in: zone).map { $0 * 1000 }
        case .rate(let interval):
            guard time >= start else { return start + interval }
            let (next, overflow) = time.addingReportingOverflow(interval - (time - start) % interval)
            return overflow ? nil : next
        }
    }

    private static func argument(
        of name: String, _ body: ArraySlice<UInt8>
    ) throws(ScheduleSyntaxError) -> ArraySlice<UInt8>? {
        guard body.count > name.utf8.count,
            body.prefix(name.utf8.count).map({ $0 | 0x20 }) == Array(name.utf8),
            body[body.startIndex + name.utf8.count] == UInt8(ascii: "(")
        else { return nil }
        guard body.last == UInt8(ascii: ")") else {
            throw ScheduleSyntaxError(position: body.endIndex, reason: "the ')' of \(name)(…) is missing")
        }
        return body[(body.startIndex + name.utf8.count + 1)..<(body.endIndex - 1)]
    }

    private static let names: [(name: String, fields: String)] = [
        ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"), ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ]

    private static func named(_ body: ArraySlice<UInt8>) throws(ScheduleSyntaxError) -> ScheduleExpression {
        let word = String(decoding: body, as: UTF8.self).lowercased()
        if let fields = names.first(where: { $0.name == word })?.fields {
            return .cron(try CronParser(Array(fields.utf8)[...], dialect: .unix).parse())
        }
        if word.hasPrefix("@every ") { return .rate(try RateParser(body.dropFirst(7)).sum()) }
        throw ScheduleSyntaxError(
            position: body.startIndex,
            reason: word == "@reboot"
                ? "@reboot is no time: a schedule has to say when"
                : "'\(word.prefix(40))' is no schedule; there are \(names.map(\.name).joined(separator: ", ")) and @every"
        )
    }
}

/// Reads `5 minutes` and `1h30m`.
private struct RateParser {
    private let text: ArraySlice<UInt8>
    private var position: Int

    init(_ text: ArraySlice<UInt8>) {
        self.text = text
        position = text.startIndex
    }

    /// A number and a unit, as in `rate(5 minutes)`.
    func amountAndUnit() throws(ScheduleSyntaxError) -> Int64 {
        var reader = self
        reader.skipSpace()
        let start = reader.position
        let amount = try reader.number()
        reader.skipSpace()
        let place = reader.position
        let unit = reader.word()
        reader.skipSpace()
        guard reader.position == text.endIndex else {
            throw ScheduleSyntaxError(
                position: reader.position, reason: "nothing comes after the unit of a rate")
        }
        let units: [String: Int64] = [
            "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000,
        ]
        guard let length = units[unit.hasSuffix("s") ? String(unit.dropLast()) : unit] else {
            throw ScheduleSyntaxError(
                position: place,
                reason: "the unit of a rate is seconds, minutes, hours or days, not '\(unit.prefix(40))'")
        }
        return try RateParser.checked(amount, times: length, at: start)
    }

    /// Numbers with short units, as in `@every 1h30m`.
    func sum() throws(ScheduleSyntaxError) -> Int64 {
        var reader = self
        reader.skipSpace()
        let start = reader.position
        let units: [String: Int64] = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        var total: Int64 = 0
        repeat {
            let amount = try reader.number()
            let place = reader.position
            let unit = reader.word()
            guard let length = units[unit] else {
                throw ScheduleSyntaxError(
                    position: place,
                    reason: "after a number comes its unit: ms, s, m, h or d, not '\(unit.prefix(40))'")
            }
            let (product, overflow) = amount.multipliedReportingOverflow(by: length)
            total =
                overflow || product > ScheduleExpression.rateMax
                ? .max : min(total, ScheduleExpression.rateMax) + product
            guard total <= ScheduleExpression.rateMax else { break }
        } while reader.position < text.endIndex
        return try RateParser.checked(total, times: 1, at: start)
    }

    private static func checked(
        _ amount: Int64, times length: Int64, at position: Int
    ) throws(ScheduleSyntaxError) -> Int64 {
        let (product, overflow) = amount.multipliedReportingOverflow(by: length)
        guard !overflow, (1000...ScheduleExpression.rateMax).contains(product) else {
            throw ScheduleSyntaxError(position: position, reason: "a rate is one second to ten years")
        }
        return product
    }

    private mutating func skipSpace() {
        while position < text.endIndex, text[position] == 0x20 || text[position] == 0x09 { position += 1 }
    }

    private mutating func number() throws(ScheduleSyntaxError) -> Int64 {
        let start = position
        while position < text.endIndex, text[position] >= 0x30, text[position] <= 0x39 { position += 1 }
        guard position > start else {
            throw ScheduleSyntaxError(position: start, reason: "a number is missing")
        }
        guard let number = Int64(String(decoding: text[start..<position], as: UTF8.self)) else {
            throw ScheduleSyntaxError(position: start, reason: "the number is too large")
        }
        return number
    }

    private mutating func word() -> String {
        let start = position
        while position < text.endIndex, (text[position] | 0x20) >= 0x61, (text[position] | 0x20) <= 0x7A {
            position += 1
        }
        return String(decoding: text[start..<position], as: UTF8.self).lowercased()
    }
}
