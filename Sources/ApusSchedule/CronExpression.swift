// SPDX-License-Identifier: Apache-2.0

// A cron expression as sets of numbers, and the search for the next time in all of them. The text is read in CronParser.

/// When something recurs, by the fields of a date and time of day.
public struct CronExpression: Hashable, Sendable {
    /// Years that can be named, and the last that is looked into.
    public static let years = 1970...2199

    var seconds: UInt64 = 1
    var minutes: UInt64 = 0
    var hours: UInt32 = 0
    var months: UInt16 = 0
    var monthDays = MonthDays()
    var weekDays = WeekDays()
    /// Nil for every year.
    var yearSet: Set<Int>?

    /// Days by their number in the month.
    struct MonthDays: Hashable, Sendable {
        /// Whether the field begins with `*` or is `?`: then the other one of the two day fields decides.
        var isOpen = false
        var days: UInt32 = 0
        /// `L`, `L-3`: so many days before the last one.
        var beforeLast: Set<Int> = []
        /// `15W`: the weekday nearest to the 15th.
        var nearestWeekdays: Set<Int> = []
        /// `LW`: the last weekday of the month.
        var hasLastWeekday = false
    }

    /// Days by their place in the week.
    struct WeekDays: Hashable, Sendable {
        var isOpen = false
        /// Bit 0 is Sunday.
        var days: UInt8 = 0
        /// `5L`: the last Friday, by weekday.
        var last: Set<Int> = []
        /// `5#2`: the second Friday, as `weekday * 8 + n`.
        var numbered: Set<Int> = []
    }

    /// Whether it recurs in every hour of the day it is due on: such a schedule follows time as it passes, through both of two hours with
    /// the same name; any other follows the clock on the wall.
    var isHourly: Bool { hours == CronExpression.allHours }

    static let allHours: UInt32 = 0xFF_FFFF

    // MARK: The next occurrence

    /// The first moment after `instant` at which this is due in `zone`, in seconds since 1970; nil when it never is again.
    ///
    /// A local time that a change of the clocks leaves out counts as the moment of the change; one that comes twice counts once, the first time.
    /// Expressions for every hour of the day follow time as it passes instead: nothing is caught up, nothing left out.
    public func next(after instant: Int64, in zone: TimeZoneRules) -> Int64? {
        isHourly ? nextPassing(after: instant, in: zone) : nextOnWall(after: instant, in: zone)
    }

    private func nextOnWall(after instant: Int64, in zone: TimeZoneRules) -> Int64? {
        var from = zone.civilTime(at: instant)
        while let local = nextCivil(notBefore: from) {
            let found = zone.instant(of: local)
            if found > instant { return found }
            from = CivilTime(seconds: local.seconds + 1)
        }
        return nil
    }

    private func nextPassing(after instant: Int64, in zone: TimeZoneRules) -> Int64? {
        var from = instant + 1
        while true {
            let offset = Int64(zone.offset(at: from))
            let change = zone.nextTransition(after: from)
            guard let local = nextCivil(notBefore: CivilTime(seconds: from + offset)) else { return nil }
            let found = local.seconds - offset
            guard let change, found >= change else { return found }
            from = change
        }
    }

    /// The first time that all fields agree to, not before `start`, whatever the zone.
    func nextCivil(notBefore start: CivilTime) -> CivilTime? {
        var time = start
        while time.year <= CronExpression.years.upperBound {
            guard yearSet?.contains(time.year) ?? true else {
                time = CivilTime(time.year + 1, 1, 1)
                continue
            }
            guard months >> time.month & 1 == 1 else {
                time =
                    time.month == 12
                    ? CivilTime(time.year + 1, 1, 1) : CivilTime(time.year, time.month + 1, 1)
                continue
            }
            let days = daysDue(in: time.month, of: time.year)
            guard let day = next(UInt64(days), from: time.day) else {
                time =
                    time.month == 12
                    ? CivilTime(time.year + 1, 1, 1) : CivilTime(time.year, time.month + 1, 1)
                continue
            }
            if day > time.day { time = CivilTime(time.year, time.month, day) }
            if let found = nextTime(of: time) { return found }
            // The day after may be the first of the next month: seconds know.
            time = CivilTime(seconds: CivilTime(time.year, time.month, time.day).seconds + 86_400)
        }
        return nil
    }

    private func nextTime(of time: CivilTime) -> CivilTime? {
        guard let hour = next(UInt64(hours), from: time.hour) else { return nil }
        var found = time
        if hour > time.hour { (found.hour, found.minute, found.second) = (hour, 0, 0) }
        if let minute = next(minutes, from: found.minute) {
            if minute > found.minute { (found.minute, found.second) = (minute, 0) }
            if let second = next(seconds, from: found.second) {
                found.second = second
                return found
            }
            if let minute = next(minutes, from: found.minute + 1), let second = next(seconds, from: 0) {
                (found.minute, found.second) = (minute, second)
                return found
            }
        }
        guard let hour = next(UInt64(hours), from: found.hour + 1), let minute = next(minutes, from: 0),
            let second = next(seconds, from: 0)
        else { return nil }
        (found.hour, found.minute, found.second) = (hour, minute, second)
        return found
    }

    private func next(_ set: UInt64, from first: Int) -> Int? {
        guard first < 64 else { return nil }
        let rest = set >> UInt64(first)
        return rest == 0 ? nil : first + rest.trailingZeroBitCount
    }

    /// The days of a month on which this is due, as bits.
    private func daysDue(in month: Int, of year: Int) -> UInt32 {
        let byMonth = monthDays.days(in: month, of: year)
        let byWeek = weekDays.days(in: month, of: year)
        // As cron has always had it: two fields that both say which days say *or*, and one that is open leaves it to the other.
        return monthDays.isOpen || weekDays.isOpen ? byMonth & byWeek : byMonth | byWeek
    }
}

extension CronExpression.MonthDays {
    func days(in month: Int, of year: Int) -> UInt32 {
        let count = Calendar.days(in: month, of: year)
        var due = days & (UInt32(truncatingIfNeeded: UInt64(1) << UInt64(count + 1) - 1))
        for distance in beforeLast where count - distance >= 1 { due |= 1 << UInt32(count - distance) }
        for day in nearestWeekdays where day <= count { due |= 1 << UInt32(nearest(day, month, year, count)) }
        if hasLastWeekday {
            let weekday = Calendar.weekday(year, month, count)
            due |= 1 << UInt32(count - (weekday == 0 ? 2 : weekday == 6 ? 1 : 0))
        }
        return due
    }

    /// The weekday nearest to `day` in the same month.
    private func nearest(_ day: Int, _ month: Int, _ year: Int, _ count: Int) -> Int {
        switch Calendar.weekday(year, month, day) {
        case 6: day == 1 ? 3 : day - 1
        case 0: day == count ? day - 2 : day + 1
        default: day
        }
    }
}

extension CronExpression.WeekDays {
    func days(in month: Int, of year: Int) -> UInt32 {
        let count = Calendar.days(in: month, of: year)
        let first = Calendar.weekday(year, month, 1)
        var due: UInt32 = 0
        for day in 1...count {
            let weekday = (first + day - 1) % 7
            let isDue =
                days >> weekday & 1 == 1 || day > count - 7 && last.contains(weekday)
                || numbered.contains(weekday * 8 + (day - 1) / 7 + 1)
            if isDue { due |= 1 << UInt32(day) }
        }
        return due
    }
}
