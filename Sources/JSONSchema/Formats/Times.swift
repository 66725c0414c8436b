// SPDX-License-Identifier: Apache-2.0

// Dates, times (RFC 3339) and durations (its appendix A).

enum Times {
    static func isDateTime(_ text: UnsafeRawBufferPointer) -> Bool {
        text.count > 11 && text[10] | 0x20 == 0x74 && isDate(text.part(0, 10))
            && isTime(text.part(11, text.count))
    }

    static func isDate(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count == 10, text[4] == 0x2D, text[7] == 0x2D, let century = text.twoDigits(0),
            let rest = text.twoDigits(2), let month = text.twoDigits(5), let day = text.twoDigits(8)
        else { return false }
        let year = century * 100 + rest
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let last =
            switch month {
            case 2: isLeap ? 29 : 28
            case 4, 6, 9, 11: 30
            case 1...12: 31
            default: 0
            }
        return day >= 1 && day <= last
    }

    /// `23:20:50.52+01:00`. A leap second is at the end of a day of UTC.
    static func isTime(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count >= 9, text[2] == 0x3A, text[5] == 0x3A, let hour = text.twoDigits(0),
            let minute = text.twoDigits(3), let second = text.twoDigits(6), hour <= 23, minute <= 59,
            second <= 60
        else { return false }
        var index = 8
        if text.at(index) == 0x2E {
            index += 1
            let fraction = index
            while ASCII.isDigit(text.at(index)) { index += 1 }
            guard index > fraction else { return false }
        }
        var offset = 0
        switch text.at(index) {
        case 0x5A, 0x7A:
            guard index + 1 == text.count else { return false }
        case 0x2B, 0x2D:
            guard index + 6 == text.count, text[index + 3] == 0x3A, let hours = text.twoDigits(index + 1),
                let minutes = text.twoDigits(index + 4), hours <= 23, minutes <= 59
            else { return false }
            offset = hours * 60 + minutes
            if text[index] == 0x2D { offset = -offset }
        default: return false
        }
        guard second == 60 else { return true }
        let utc = (hour * 60 + minute - offset + 2 * 1440) % 1440
        return utc == 1439
    }

    static func isDuration(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.at(0) == 0x50 else { return false }
        var index = 1
        var isInTime = false
        // The place of the unit before: units follow each other without a gap, but a day may be followed by no date unit.
        var last: UInt8 = 0
        var count = 0
        while index < text.count {
            if text[index] == 0x54 {
                guard !isInTime, last != 0x57 else { return false }
                isInTime = true
                last = 0
                count = 0
                index += 1
                continue
            }
            let start = index
            while ASCII.isDigit(text.at(index)) { index += 1 }
            guard index > start else { return false }
            let unit = text.at(index)
            let follows: Bool =
                switch (isInTime, unit) {
                case (false, 0x59): last == 0
                case (false, 0x4D): last == 0 || last == 0x59
                case (false, 0x44): last == 0 || last == 0x4D
                case (false, 0x57): last == 0 && index == text.count - 1
                case (true, 0x48): last == 0
                case (true, 0x4D): last == 0 || last == 0x48
                case (true, 0x53): last == 0 || last == 0x4D
                default: false
                }
            guard follows else { return false }
            last = unit
            count += 1
            index += 1
        }
        return count > 0
    }
}
