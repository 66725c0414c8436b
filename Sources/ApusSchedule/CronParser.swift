// SPDX-License-Identifier: Apache-2.0

// The text of a cron expression. Two dialects that differ in what their fields are and how days of the week are counted, and share
// everything inside a field: lists, ranges, steps, names, `L`, `W` and `#`.

/// How cron expressions are written.
enum CronDialect {
    /// Five fields, minute to day of the week; or six, with seconds in front. Sunday is 0 or 7.
    case unix
    /// AWS's six fields, minute to year. Sunday is 1, and exactly one of the two day fields is `?`.
    case aws
}

/// Reads the fields of a cron expression.
struct CronParser {
    private typealias Failure = ScheduleSyntaxError

    private struct Field {
        var name: String
        var range: ClosedRange<Int>
        var names: [String] = []
        /// The number of the first name.
        var firstName = 0
    }

    private static let second = Field(name: "second", range: 0...59)
    private static let minute = Field(name: "minute", range: 0...59)
    private static let hour = Field(name: "hour", range: 0...23)
    private static let monthDay = Field(name: "day of the month", range: 1...31)
    private static let month = Field(
        name: "month", range: 1...12,
        names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        firstName: 1)
    private static let dayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
    private static let weekDay = Field(name: "day of the week", range: 0...7, names: dayNames)
    private static let weekDayAWS = Field(
        name: "day of the week", range: 1...7, names: dayNames, firstName: 1)
    private static let year = Field(name: "year", range: CronExpression.years)

    private let text: [UInt8]
    private let base: Int
    private let dialect: CronDialect

    /// Text whose first byte is byte `base` of what the user wrote.
    init(_ text: ArraySlice<UInt8>, dialect: CronDialect) {
        self.text = Array(text)
        base = text.startIndex
        self.dialect = dialect
    }

    func parse() throws(ScheduleSyntaxError) -> CronExpression {
        let words = words()
        let wanted = dialect == .aws ? 6...6 : 5...6
        guard wanted.contains(words.count) else {
            throw failure(
                words.count > wanted.upperBound ? words[wanted.upperBound].lowerBound : text.count,
                dialect == .aws
                    ? "cron(…) has six fields (minute, hour, day of the month, month, day of the week, year), not \(words.count)"
                    : "a cron expression has five fields (minute, hour, day of the month, month, day of the week), or six with seconds first, not \(words.count)"
            )
        }
        var cron = CronExpression()
        var rest = words[...]
        if dialect == .unix, words.count == 6 {
            cron.seconds = try set(rest.removeFirst(), CronParser.second)
        }
        cron.minutes = try set(rest.removeFirst(), CronParser.minute)
        cron.hours = UInt32(try set(rest.removeFirst(), CronParser.hour))
        let (monthDay, weekDay) = (rest[rest.startIndex], rest[rest.startIndex + 2])
        cron.monthDays = try monthDays(rest.removeFirst())
        cron.months = UInt16(try set(rest.removeFirst(), CronParser.month))
        cron.weekDays = try weekDays(rest.removeFirst())
        if dialect == .aws {
            if let word = rest.first { cron.yearSet = try years(word) }
            try checkQuestionMarks(monthDay, weekDay)
        } else if isQuestionMark(monthDay), isQuestionMark(weekDay) {
            throw failure(weekDay.lowerBound, "only one of the two day fields can be '?'")
        }
        guard cron.nextCivil(notBefore: CivilTime(CronExpression.years.lowerBound, 1, 1)) != nil else {
            throw failure(monthDay.lowerBound, "no day of any year fits: it would never be due")
        }
        return cron
    }

    // MARK: Fields

    private func words() -> [Range<Int>] {
        var words: [Range<Int>] = []
        var start: Int?
        for (index, byte) in text.enumerated() {
            let isSpace = byte == 0x20 || byte == 0x09
            if isSpace, let first = start {
                words.append(first..<index)
                start = nil
            } else if !isSpace, start == nil {
                start = index
            }
        }
        if let start { words.append(start..<text.count) }
        return words
    }

    private func failure(_ position: Int, _ reason: String) -> ScheduleSyntaxError {
        ScheduleSyntaxError(position: base + position, reason: reason)
    }

    private func isQuestionMark(_ word: Range<Int>) -> Bool { text[word].elementsEqual("?".utf8) }

    private func checkQuestionMarks(
        _ monthDay: Range<Int>, _ weekDay: Range<Int>
    ) throws(ScheduleSyntaxError) {
        guard isQuestionMark(monthDay) != isQuestionMark(weekDay) else {
            throw failure(
                weekDay.lowerBound,
                "exactly one of day of the month and day of the week is '?' in cron(…): the other one says which days"
            )
        }
    }

    private func set(_ word: Range<Int>, _ field: Field) throws(ScheduleSyntaxError) -> UInt64 {
        var set: UInt64 = 0
        for item in items(of: word) {
            try forEachNumber(of: item, field) { set |= 1 << UInt64($0) }
        }
        return set
    }

    private func years(_ word: Range<Int>) throws(ScheduleSyntaxError) -> Set<Int>? {
        guard !text[word].elementsEqual("*".utf8) else { return nil }
        var years: Set<Int> = []
        for item in items(of: word) { try forEachNumber(of: item, CronParser.year) { years.insert($0) } }
        return years
    }

    private func monthDays(_ word: Range<Int>) throws(ScheduleSyntaxError) -> CronExpression.MonthDays {
        var days = CronExpression.MonthDays()
        let field = CronParser.monthDay
        if isQuestionMark(word) || text[word.lowerBound] == UInt8(ascii: "*") { days.isOpen = true }
        if isQuestionMark(word) {
            days.days = 0xFFFF_FFFE
            return days
        }
        for item in items(of: word) {
            let letters = text[item].map { $0 & 0xDF }
            if letters == Array("LW".utf8) {
                days.hasLastWeekday = true
            } else if letters.first == UInt8(ascii: "L") {
                days.beforeLast.insert(try distanceFromLast(item))
            } else if letters.last == UInt8(ascii: "W") {
                let number = item.lowerBound..<item.upperBound - 1
                days.nearestWeekdays.insert(try self.number(number, field))
            } else {
                try forEachNumber(of: item, field) { days.days |= 1 << UInt32($0) }
            }
        }
        return days
    }

    /// Of `L` or `L-n`.
    private func distanceFromLast(_ item: Range<Int>) throws(ScheduleSyntaxError) -> Int {
        guard item.count > 1 else { return 0 }
        guard text[item.lowerBound + 1] == UInt8(ascii: "-") else {
            throw failure(item.lowerBound + 1, "after L comes nothing, W, or - and a number of days")
        }
        return try number(item.lowerBound + 2..<item.upperBound, Field(name: "number of days", range: 1...30))
    }

    private func weekDays(_ word: Range<Int>) throws(ScheduleSyntaxError) -> CronExpression.WeekDays {
        var days = CronExpression.WeekDays()
        let field = dialect == .aws ? CronParser.weekDayAWS : CronParser.weekDay
        func weekday(_ number: Int) -> Int { (number - (dialect == .aws ? 1 : 0)) % 7 }
        if isQuestionMark(word) || text[word.lowerBound] == UInt8(ascii: "*") { days.isOpen = true }
        if isQuestionMark(word) {
            days.days = 0x7F
            return days
        }
        for item in items(of: word) {
            if let mark = text[item].firstIndex(of: UInt8(ascii: "#")) {
                let day = try number(item.lowerBound..<mark, field)
                let place = try number(
                    mark + 1..<item.upperBound, Field(name: "week of the month", range: 1...5))
                days.numbered.insert(weekday(day) * 8 + place)
            } else if item.count == 1, text[item.lowerBound] & 0xDF == UInt8(ascii: "L") {
                // The last day of the week, which is Saturday.
                days.days |= 1 << 6
            } else if text[item].last.map({ $0 & 0xDF }) == UInt8(ascii: "L") {
                days.last.insert(weekday(try number(item.lowerBound..<item.upperBound - 1, field)))
            } else {
                try forEachNumber(of: item, field) { days.days |= 1 << UInt8(weekday($0)) }
            }
        }
        return days
    }

    // MARK: Items

    /// The parts of a field between commas; an empty one is found when its number is read.
    private func items(of word: Range<Int>) -> [Range<Int>] {
        var items: [Range<Int>] = []
        var start = word.lowerBound
        for index in word where text[index] == UInt8(ascii: ",") {
            items.append(start..<index)
            start = index + 1
        }
        return items + [start..<word.upperBound]
    }

    /// The numbers of `*`, `n`, `n-m`, each perhaps with `/step`.
    private func forEachNumber(
        of item: Range<Int>, _ field: Field, _ body: (Int) -> Void
    ) throws(ScheduleSyntaxError) {
        var (span, step) = (item, 1)
        let slash = text[item].firstIndex(of: UInt8(ascii: "/"))
        if let slash {
            span = item.lowerBound..<slash
            step = try number(
                slash + 1..<item.upperBound, Field(name: "step", range: 1...field.range.upperBound))
        }
        let (first, last) = try bounds(of: span, field, isStepped: slash != nil)
        for number in stride(from: first, through: last, by: step) { body(number) }
    }

    private func bounds(
        of span: Range<Int>, _ field: Field, isStepped: Bool
    ) throws(ScheduleSyntaxError) -> (Int, Int) {
        if text[span].elementsEqual("*".utf8) {
            // Sunday has two numbers, and counts once.
            let last = field.range.lowerBound == 0 && field.range.upperBound == 7 ? 6 : field.range.upperBound
            return (field.range.lowerBound, last)
        }
        guard let dash = text[span].firstIndex(of: UInt8(ascii: "-")) else {
            let first = try number(span, field)
            return (first, isStepped ? field.range.upperBound : first)
        }
        let first = try number(span.lowerBound..<dash, field)
        var last = try number(dash + 1..<span.upperBound, field)
        // A week that ends on Sunday.
        if last == 0, field.range == 0...7, first > 0 { last = 7 }
        guard first <= last else {
            throw failure(
                span.lowerBound,
                "the range '\(quote(span))' of the \(field.name) ends before it begins: write it as two, with a comma"
            )
        }
        return (first, last)
    }

    private func number(_ span: Range<Int>, _ field: Field) throws(ScheduleSyntaxError) -> Int {
        guard !span.isEmpty else { throw failure(span.lowerBound, "a \(field.name) is missing") }
        if let place = field.names.firstIndex(where: { name in
            text[span].map { $0 & 0xDF }.elementsEqual(name.utf8)
        }) {
            return field.firstName + place
        }
        guard text[span].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), span.count <= 4 else {
            throw failure(span.lowerBound, "'\(quote(span))' is no \(field.name)")
        }
        let number = text[span].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard field.range.contains(number) else {
            throw failure(
                span.lowerBound,
                "\(number) is no \(field.name): that is \(field.range.lowerBound) to \(field.range.upperBound)"
            )
        }
        return number
    }

    private func quote(_ span: Range<Int>) -> String {
        String(decoding: text[span].prefix(40), as: UTF8.self)
    }
}
