// SPDX-License-Identifier: Apache-2.0

// Schedules and time zones: a text is refused with a place that is in it, or says when it recurs, always later than it was asked about and the
// same whenever it is asked; a file is refused, or is a zone whose offsets are possible and whose changes come one after another.

import ApusSchedule

/// Moments to ask about, in seconds since 1970: before and after it, leap days, changes of the clocks, the end of what is looked into.
private let moments: [Int64] = [
    -86_401, -1, 0, 951_782_400, 1_709_164_800, 1_711_846_799, 1_711_846_800, 1_729_987_200, 1_795_467_600,
    4_102_444_800, 7_258_118_399, 7_258_118_400,
]

/// The input is the text of a schedule.
func fuzzSchedule(_ input: [UInt8]) {
    guard let text = String(validating: input, as: UTF8.self) else { return }
    let expression: ScheduleExpression
    do throws(ScheduleSyntaxError) {
        expression = try ScheduleExpression(parsing: text)
    } catch {
        precondition((0...input.count).contains(error.position), "the place is not in the text")
        return precondition(!error.reason.isEmpty, "no reason is given")
    }
    precondition(input.count <= ScheduleExpression.lengthMax, "a text was read that is too long")
    for moment in moments {
        let after = moment * 1000
        guard let next = expression.next(after: after, start: 0, in: .utc) else { continue }
        precondition(next > after, "it is due before it was asked about")
        precondition(
            expression.next(after: next - 1, start: 0, in: .utc) == next, "what is due is not found again")
    }
}

/// The input is a compiled time zone.
func fuzzTimeZone(_ input: [UInt8]) {
    guard let zone = try? TimeZoneRules(name: "Test/Zone", file: input) else { return }
    for moment in moments {
        let offset = zone.offset(at: moment)
        precondition(abs(offset) < 9 * 86_400, "an offset is impossible")
        precondition(
            zone.civilTime(at: moment).seconds == moment + Int64(offset), "clocks do not show the offset")
        _ = zone.instant(of: zone.civilTime(at: moment))
        if let change = zone.nextTransition(after: moment) {
            precondition(change > moment, "a change comes before it was asked about")
        }
        if let daily = try? ScheduleExpression(parsing: "30 2 * * *"),
            let next = daily.next(after: moment * 1000, start: 0, in: zone)
        {
            precondition(next > moment * 1000, "it is due before it was asked about")
        }
    }
}
