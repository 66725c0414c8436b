// SPDX-License-Identifier: Apache-2.0

// RFC 3339 text to a timestamp and back, without a calendar library: days are counted in the proleptic
// Gregorian calendar, with years that start in March so that the leap day comes last.

extension CloudEventTimestamp {
    /// Parses text such as `2026-03-01T12:30:00.125+01:00`, nil if it is not RFC 3339.
    public init?(_ text: String) {
        var text = text
        guard let value = text.withUTF8({ CloudEventTimestamp(utf8: UnsafeRawBufferPointer($0)) }) else {
            return nil
        }
        self = value
    }

    /// Parses UTF-8 text, nil if it is not RFC 3339.
    init?(utf8 text: UnsafeRawBufferPointer) {
        guard text.count >= 20, text[4] == 0x2D, text[7] == 0x2D, text[10] | 0x20 == 0x74,
            text[13] == 0x3A, text[16] == 0x3A,
            let century = text.twoDigits(0), let yearOfCentury = text.twoDigits(2),
            let month = text.twoDigits(5), let day = text.twoDigits(8), let hour = text.twoDigits(11),
            let minute = text.twoDigits(14), let second = text.twoDigits(17)
        else { return nil }
        let year = century * 100 + yearOfCentury
        guard (1...12).contains(month), day >= 1, day <= Self.days(inMonth: month, of: year), hour <= 23,
            minute <= 59, second <= 60,
            let fraction = Fraction(text, at: 19), let zone = Zone(text, at: fraction.end)
        else { return nil }

        let days = Self.daysSinceEpoch(year: year, month: month, day: day)
        let local = Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + min(second, 59))
        let seconds = local - Int64(zone.offsetMinutes) * 60
        var style = zone.style
        if second == 60 {
            // Leap seconds are inserted at the end of a day in UTC.
            guard (seconds % 86_400 + 86_400) % 86_400 == 86_399 else { return nil }
            style.insert(.leapSecond)
        }
        self.init(
            seconds: seconds, nanoseconds: fraction.nanoseconds, offsetMinutes: zone.offsetMinutes,
            fractionDigits: fraction.digits, style: style)
    }

    /// `.` and digits, or nothing.
    private struct Fraction {
        var nanoseconds: Int32 = 0
        var digits: UInt8 = 0
        var end: Int

        init?(_ text: UnsafeRawBufferPointer, at start: Int) {
            end = start
            guard text[start] == 0x2E else { return }
            end += 1
            while end < text.count, text[end].isASCIIDigit {
                if digits < 9 {
                    nanoseconds = nanoseconds * 10 + Int32(text[end] - 0x30)
                    digits += 1
                }
                end += 1
            }
            guard digits > 0 else { return nil }
            nanoseconds *= CloudEventTimestamp.powersOfTen[9 - Int(digits)]
        }
    }

    /// `Z` or `+hh:mm` up to the end.
    private struct Zone {
        var offsetMinutes: Int16 = 0
        var style: Style = []

        init?(_ text: UnsafeRawBufferPointer, at start: Int) {
            if text.count == start + 1, text[start] | 0x20 == 0x7A {
                style = .zulu
                return
            }
            guard text.count == start + 6, text[start] == 0x2B || text[start] == 0x2D,
                text[start + 3] == 0x3A,
                let hours = text.twoDigits(start + 1), let minutes = text.twoDigits(start + 4), hours <= 23,
                minutes <= 59
            else { return nil }
            offsetMinutes = Int16(hours * 60 + minutes)
            guard text[start] == 0x2D else { return }
            if offsetMinutes == 0 { style = .unknownOffset }
            offsetMinutes = -offsetMinutes
        }
    }
}

// MARK: - Calendar

extension CloudEventTimestamp {
    private static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01. A year counts from 1 March of that year; 400 of them are 146,097 days.
    private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        // Shifted by 400 years, so that January of the year 0 divides without a negative remainder.
        let marchYear = (month > 2 ? year : year - 1) + 400
        let marchMonth = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * marchMonth + 2) / 5 + day - 1
        let days = marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear
        return days - 719_468 - 146_097
    }

    /// The inverse of `daysSinceEpoch`.
    private static func date(daysSinceEpoch: Int) -> (year: Int, month: Int, day: Int) {
        let days = daysSinceEpoch + 719_468 + 146_097
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = era * 400 + yearOfEra - 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}

// MARK: - Writing

extension CloudEventTimestamp: CustomStringConvertible {
    /// The longest text: date, time, nine digits, offset.
    static let textCountMax = 35

    /// The timestamp as RFC 3339 text.
    public var description: String {
        String(unsafeUninitializedCapacity: Self.textCountMax) {
            write(to: UnsafeMutableRawBufferPointer($0))
        }
    }

    /// Writes the text to `buffer`, which has room for `textCountMax` bytes; returns its length.
    func write(to buffer: UnsafeMutableRawBufferPointer) -> Int {
        let local = secondsSinceEpoch + Int64(offsetMinutes) * 60
        var days = local / 86_400
        var second = Int(local % 86_400)
        if second < 0 {
            second += 86_400
            days -= 1
        }
        let (year, month, day) = Self.date(daysSinceEpoch: Int(days))
        buffer.putTwoDigits(year / 100, at: 0)
        buffer.putTwoDigits(year % 100, at: 2)
        buffer[4] = 0x2D
        buffer.putTwoDigits(month, at: 5)
        buffer[7] = 0x2D
        buffer.putTwoDigits(day, at: 8)
        buffer[10] = 0x54
        buffer.putTwoDigits(second / 3600, at: 11)
        buffer[13] = 0x3A
        buffer.putTwoDigits(second / 60 % 60, at: 14)
        buffer[16] = 0x3A
        buffer.putTwoDigits(style.contains(.leapSecond) ? 60 : second % 60, at: 17)
        return writeZone(to: buffer, at: writeFraction(to: buffer, at: 19))
    }

    private func writeFraction(to buffer: UnsafeMutableRawBufferPointer, at start: Int) -> Int {
        guard fractionDigits > 0 else { return start }
        buffer[start] = 0x2E
        var rest = nanoseconds / Self.powersOfTen[9 - Int(fractionDigits)]
        for place in (1...Int(fractionDigits)).reversed() {
            buffer[start + place] = 0x30 + UInt8(rest % 10)
            rest /= 10
        }
        return start + 1 + Int(fractionDigits)
    }

    private func writeZone(to buffer: UnsafeMutableRawBufferPointer, at start: Int) -> Int {
        if style.contains(.zulu) {
            buffer[start] = 0x5A
            return start + 1
        }
        buffer[start] = offsetMinutes < 0 || style.contains(.unknownOffset) ? 0x2D : 0x2B
        let minutes = Int(offsetMinutes.magnitude)
        buffer.putTwoDigits(minutes / 60, at: start + 1)
        buffer[start + 3] = 0x3A
        buffer.putTwoDigits(minutes % 60, at: start + 4)
        return start + 6
    }
}

extension UnsafeRawBufferPointer {
    /// The number written with two digits at `index`.
    @inline(__always)
    fileprivate func twoDigits(_ index: Int) -> Int? {
        let tens = self[index] &- 0x30
        let units = self[index + 1] &- 0x30
        return tens <= 9 && units <= 9 ? Int(tens) * 10 + Int(units) : nil
    }
}

extension UnsafeMutableRawBufferPointer {
    @inline(__always)
    fileprivate func putTwoDigits(_ value: Int, at index: Int) {
        self[index] = 0x30 + UInt8(truncatingIfNeeded: value / 10)
        self[index + 1] = 0x30 + UInt8(truncatingIfNeeded: value % 10)
    }
}
