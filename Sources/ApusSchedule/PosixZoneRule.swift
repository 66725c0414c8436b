// SPDX-License-Identifier: Apache-2.0

// The rule at the end of a zone file, in the form of the TZ variable of POSIX (`CET-1CEST,M3.5.0,M10.5.0/3`): what holds for all years
// after the last transition that the file lists.

/// Standard time, and daylight saving time if there is any.
struct PosixZoneRule: Sendable, Hashable {
    /// A day of each year, and the local time on it.
    private struct Change: Sendable, Hashable {
        enum Day: Sendable, Hashable {
            /// The nth (5: last) weekday of a month.
            case weekday(month: Int, week: Int, day: Int)
            /// 1 to 365, February 29 not counted.
            case julian(Int)
            /// 0 to 365.
            case ordinal(Int)
        }

        var day: Day
        var seconds: Int

        /// Seconds since 1970 of the local clock that is in force before the change.
        func moment(in year: Int) -> Int64 {
            let dayNumber: Int64
            switch day {
            case .weekday(let month, let week, let day):
                let first = (day - Calendar.weekday(year, month, 1) + 7) % 7 + 1
                var date = first + (week - 1) * 7
                if date > Calendar.days(in: month, of: year) { date -= 7 }
                dayNumber = Calendar.day(year, month, date)
            case .julian(let number):
                let leap = Calendar.isLeap(year) && number >= 60 ? 1 : 0
                dayNumber = Calendar.day(year, 1, 1) + Int64(number - 1 + leap)
            case .ordinal(let number): dayNumber = Calendar.day(year, 1, 1) + Int64(number)
            }
            return dayNumber * 86_400 + Int64(seconds)
        }
    }

    private var standard: Int
    private var saving: (offset: Int, start: Change, end: Change)?

    static func == (left: PosixZoneRule, right: PosixZoneRule) -> Bool {
        left.standard == right.standard && left.saving?.offset == right.saving?.offset
            && left.saving?.start == right.saving?.start && left.saving?.end == right.saving?.end
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(standard)
        hasher.combine(saving?.offset)
        hasher.combine(saving?.start)
        hasher.combine(saving?.end)
    }

    // MARK: Answers

    func offset(at instant: Int64) -> Int {
        guard let saving else { return standard }
        let changes = transitions(around: instant)
        guard let last = changes.last(where: { $0.at <= instant }) else { return standard }
        return last.startsSaving ? saving.offset : standard
    }

    func nextTransition(after instant: Int64) -> Int64? {
        transitions(around: instant).first { $0.at > instant }?.at
    }

    private func transitions(around instant: Int64) -> [(at: Int64, startsSaving: Bool)] {
        guard let saving, saving.offset != standard else { return [] }
        let year = CivilTime(seconds: instant).year
        var changes: [(at: Int64, startsSaving: Bool)] = []
        for year in (year - 1)...(year + 1) {
            changes.append((saving.start.moment(in: year) - Int64(standard), true))
            changes.append((saving.end.moment(in: year) - Int64(saving.offset), false))
        }
        // Saving that lasts all year is written as one that ends when it begins again: then the beginning counts.
        changes.sort { ($0.at, $0.startsSaving ? 1 : 0) < ($1.at, $1.startsSaving ? 1 : 0) }
        return changes
    }

    // MARK: Reading

    init?(_ text: [UInt8]) {
        var reader = Reader(text: text)
        guard reader.name(), let west = reader.time(hoursMax: 24) else { return nil }
        standard = -west
        saving = nil
        if reader.isAtEnd { return }
        guard reader.name() else { return nil }
        var offset = standard + 3600
        if !reader.isNext(UInt8(ascii: ",")) {
            guard let west = reader.time(hoursMax: 24) else { return nil }
            offset = -west
        }
        guard let start = reader.change(), let end = reader.change(), reader.isAtEnd else { return nil }
        saving = (offset, start, end)
    }

    private struct Reader {
        let text: [UInt8]
        var position = 0

        var isAtEnd: Bool { position == text.count }

        func isNext(_ byte: UInt8) -> Bool { position < text.count && text[position] == byte }

        mutating func skip(_ byte: UInt8) -> Bool {
            guard isNext(byte) else { return false }
            position += 1
            return true
        }

        /// At least three letters, or anything in angle brackets.
        mutating func name() -> Bool {
            if skip(UInt8(ascii: "<")) {
                while position < text.count {
                    position += 1
                    if text[position - 1] == UInt8(ascii: ">") { return true }
                }
                return false
            }
            let start = position
            while position < text.count, (text[position] | 0x20) >= 0x61, (text[position] | 0x20) <= 0x7A {
                position += 1
            }
            return position - start >= 3
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            var value: Int?
            while position < text.count, text[position] >= 0x30, text[position] <= 0x39, value ?? 0 < 1000 {
                value = (value ?? 0) * 10 + Int(text[position] - 0x30)
                position += 1
            }
            guard let value, range.contains(value) else { return nil }
            return value
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func time(hoursMax: Int) -> Int? {
            let isNegative = skip(UInt8(ascii: "-"))
            if !isNegative { _ = skip(UInt8(ascii: "+")) }
            guard var seconds = number(0...hoursMax).map({ $0 * 3600 }) else { return nil }
            for unit in [60, 1] {
                guard skip(UInt8(ascii: ":")) else { break }
                guard let part = number(0...59) else { return nil }
                seconds += part * unit
            }
            return isNegative ? -seconds : seconds
        }

        mutating func change() -> Change? {
            guard skip(UInt8(ascii: ",")), let day = day() else { return nil }
            guard skip(UInt8(ascii: "/")) else { return Change(day: day, seconds: 7200) }
            return time(hoursMax: 167).map { Change(day: day, seconds: $0) }
        }

        private mutating func day() -> Change.Day? {
            if skip(UInt8(ascii: "J")) { return number(1...365).map { .julian($0) } }
            guard skip(UInt8(ascii: "M")) else { return number(0...365).map { .ordinal($0) } }
            guard let month = number(1...12), skip(UInt8(ascii: ".")), let week = number(1...5),
                skip(UInt8(ascii: ".")), let day = number(0...6)
            else { return nil }
            return .weekday(month: month, week: week, day: day)
        }
    }
}
