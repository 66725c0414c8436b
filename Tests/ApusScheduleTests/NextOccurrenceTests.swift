// SPDX-License-Identifier: Apache-2.0

// The search for the next occurrence against a walk through time, minute by minute, that is slow and obviously right.

import ApusSchedule
import TestThreads
import Testing

/// A cron expression as sets, made by chance, with its text.
private struct Made {
    var text: String
    var sets: [Set<Int>]
    var isOpen: [Bool]

    init(_ random: inout Random) {
        let ranges = [0...59, 0...23, 1...31, 1...12, 0...6]
        var texts: [String] = []
        sets = []
        isOpen = []
        for (index, range) in ranges.enumerated() {
            var (set, parts): (Set<Int>, [String]) = ([], [])
            let isStar = random.below(index == 0 ? 3 : 2) == 0
            if isStar {
                (set, parts) = (Set(range), ["*"])
            } else {
                for _ in 0...random.below(3) {
                    let first = range.lowerBound + random.below(range.count)
                    let last = first + random.below(range.upperBound - first + 1)
                    let step = 1 + random.below(9)
                    switch random.below(3) {
                    case 0:
                        set.insert(first)
                        parts.append("\(first)")
                    case 1:
                        set.formUnion(first...last)
                        parts.append("\(first)-\(last)")
                    default:
                        set.formUnion(stride(from: first, through: last, by: step))
                        parts.append("\(first)-\(last)/\(step)")
                    }
                }
            }
            texts.append(parts.joined(separator: ","))
            sets.append(set)
            isOpen.append(isStar)
        }
        text = texts.joined(separator: " ")
    }

    func matches(_ time: CivilTime) -> Bool {
        let weekday = Int((CivilTime(time.year, time.month, time.day).seconds / 86_400 + 4) % 7)
        let (byMonth, byWeek) = (sets[2].contains(time.day), sets[4].contains(weekday))
        return sets[0].contains(time.minute) && sets[1].contains(time.hour) && sets[3].contains(time.month)
            && (isOpen[2] || isOpen[4] ? byMonth && byWeek : byMonth || byWeek)
    }

    /// Whether it is due at `instant`, by definition; `before` and `now` are the offsets of the minute before and of this one.
    func isDue(at instant: Int64, before: Int, now: Int, _ zone: TimeZoneRules) -> Bool {
        let local = CivilTime(seconds: instant + Int64(now))
        if sets[1].count == 24 { return matches(local) }
        if matches(local) {
            // Of two the first.
            let earlier = stride(from: instant - 60, through: instant - 7200, by: -60)
            let isRecent = zone.offset(at: instant - 7200) != now
            return !(isRecent && earlier.contains { zone.civilTime(at: $0) == local })
        }
        // What is left out counts as the moment of the shift.
        guard now > before else { return false }
        return stride(from: instant + Int64(before), to: instant + Int64(now), by: 60).contains {
            matches(CivilTime(seconds: $0))
        }
    }
}

@Suite(.ownThread) struct NextOccurrenceTests {
    @Test(
        "The next occurrence is the one that a walk minute by minute finds",
        arguments: ["", ZoneFile.berlin, ZoneFile.newYork, ZoneFile.sydney, ZoneFile.lordHowe])
    func walk(rule: String) throws {
        let zone = rule.isEmpty ? TimeZoneRules.utc : try ZoneFile.zone(rule)
        var random = Random(seed: 42)
        // Around the changes of clocks, where it matters.
        let changes = stride(from: 2024, to: 2030, by: 1).flatMap { year -> [Int64] in
            var instant = CivilTime(year, 1, 2).seconds
            return (0..<2).compactMap { _ in
                guard let next = zone.nextTransition(after: instant) else { return nil }
                instant = next
                return next
            }
        }
        for _ in 0..<casesToTry(of: 40) {
            let made = Made(&random)
            guard let schedule = try? ScheduleExpression(parsing: made.text) else { continue }
            let change =
                changes.isEmpty ? CivilTime(2024, 2, 27).seconds : changes[random.below(changes.count)]
            let start = (change - 7200 + Int64(random.below(10_800))) / 60 * 60
            var (expected, before): (Int64?, Int) = (nil, zone.offset(at: start))
            for minute in 1...1440 where expected == nil {
                let instant = start + Int64(minute) * 60
                let now = zone.offset(at: instant)
                if made.isDue(at: instant, before: before, now: now, zone) { expected = instant }
                before = now
            }
            let found = schedule.next(after: start * 1000, start: 0, in: zone).map { $0 / 1000 }
            if let expected {
                #expect(found == expected, "\(made.text) after \(zone.civilTime(at: start)) \(start)")
            } else {
                #expect(found ?? .max > start + 1440 * 60, "\(made.text) after \(start)")
            }
        }
    }

    @Test(
        "A fixed time in the hour that is left out comes once, at the shift; one in the hour that comes twice, once"
    )
    func changesOfClocks() throws {
        let zone = try ZoneFile.zone(ZoneFile.berlin)
        func occurrences(_ text: String, from: Int64, to: Int64) throws -> [Int64] {
            let schedule = try ScheduleExpression(parsing: text)
            var (found, time): ([Int64], Int64) = ([], from * 1000)
            while let next = schedule.next(after: time, start: 0, in: zone), next < to * 1000 {
                found.append(next / 1000)
                time = next
            }
            return found
        }
        let spring = CivilTime(2026, 3, 29).seconds
        #expect(try occurrences("*/15 2 * * *", from: spring, to: spring + 7200) == [spring + 3600])
        #expect(try occurrences("0 * * * *", from: spring - 1, to: spring + 10_799).count == 3)
        let autumn = CivilTime(2026, 10, 24, 22).seconds
        #expect(try occurrences("30 2 * * *", from: autumn, to: autumn + 36_000) == [autumn + 9000])
        #expect(try occurrences("30 * * * *", from: autumn, to: autumn + 4 * 3600).count == 4)
    }

    @Test("Time that steps is believed when the step has lasted a minute")
    func clock() {
        var clock = ScheduleClock()
        #expect(clock.time(monotonic: 0, wall: 1_000_000) == 1_000_000)
        #expect(clock.time(monotonic: 1000, wall: 1_001_900) == 1_001_900)
        #expect(clock.time(monotonic: 2000, wall: 9_000_000) == 1_002_900)
        #expect(clock.time(monotonic: 3000, wall: 1_003_900) == 1_003_900)
        #expect(clock.time(monotonic: 4000, wall: 9_000_000) == 1_004_900)
        #expect(clock.time(monotonic: 63_000, wall: 9_059_000) == 1_063_900)
        #expect(clock.time(monotonic: 64_000, wall: 9_060_000) == 9_060_000)
    }
}
