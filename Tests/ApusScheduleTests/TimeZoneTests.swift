// SPDX-License-Identifier: Apache-2.0

// Zones made by hand, byte for byte as RFC 8536 has them, so that the tests need no time zone database.

import ApusSchedule
import TestThreads
import Testing

/// Compiled zone files.
enum ZoneFile {
    /// A file of version 2 with these transitions, local times (offset, is daylight saving) and rule.
    static func bytes(
        _ transitions: [(Int64, UInt8)] = [], offsets: [(Int32, Bool)] = [(0, false)], rule: String = ""
    ) -> [UInt8] {
        func number(_ value: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: value.bigEndian, Array.init)
        }
        func header(_ counts: [Int32]) -> [UInt8] {
            Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15) + counts.flatMap { number($0) }
        }
        var file = header([0, 0, 0, 0, 1, 4]) + number(Int32(0)) + [0, 0] + Array("UTC".utf8) + [0]
        file += header([0, 0, 0, Int32(transitions.count), Int32(offsets.count), 4])
        file += transitions.flatMap { number($0.0) } + transitions.map(\.1)
        file += offsets.flatMap { number($0.0) + [$0.1 ? 1 : 0, 0] } + Array("ABC".utf8) + [0]
        return file + [0x0A] + Array(rule.utf8) + [0x0A]
    }

    static func zone(_ rule: String) throws -> TimeZoneRules {
        try TimeZoneRules(name: "Test/Zone", file: bytes(rule: rule))
    }

    static let berlin = "CET-1CEST,M3.5.0,M10.5.0/3"
    static let newYork = "EST5EDT,M3.2.0,M11.1.0"
    static let sydney = "AEST-10AEDT,M10.1.0,M4.1.0/3"
    static let lordHowe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
}

@Suite struct TimeZoneTests {
    @Test("The rule at the end of a zone says when clocks change")
    func rule() throws {
        let berlin = try ZoneFile.zone(ZoneFile.berlin)
        let spring = CivilTime(2026, 3, 29, 1).seconds
        let autumn = CivilTime(2026, 10, 25, 1).seconds
        #expect(berlin.offset(at: spring - 1) == 3600)
        #expect(berlin.offset(at: spring) == 7200)
        #expect(berlin.offset(at: autumn - 1) == 7200)
        #expect(berlin.offset(at: autumn) == 3600)
        #expect(berlin.nextTransition(after: spring - 1) == spring)
        #expect(berlin.nextTransition(after: spring) == autumn)
        let sydney = try ZoneFile.zone(ZoneFile.sydney)
        #expect(sydney.offset(at: CivilTime(2026, 1, 1).seconds) == 39_600)
        #expect(sydney.offset(at: CivilTime(2026, 7, 1).seconds) == 36_000)
        let lordHowe = try ZoneFile.zone(ZoneFile.lordHowe)
        #expect(lordHowe.offset(at: CivilTime(2026, 1, 1).seconds) == 39_600)
        #expect(lordHowe.offset(at: CivilTime(2026, 7, 1).seconds) == 37_800)
    }

    @Test("Daylight saving that never ends, days by number, and zones without any are read")
    func otherRules() throws {
        let always = try ZoneFile.zone("XXX3EDT4,0/0,J365/23")
        for month in 1...12 { #expect(always.offset(at: CivilTime(2026, month, 1).seconds) == -4 * 3600) }
        #expect(try ZoneFile.zone("<+0530>-5:30").offset(at: 0) == 19_800)
        let julian = try ZoneFile.zone("AAA0BBB,J60/0,J300/0")
        #expect(julian.nextTransition(after: CivilTime(2028, 1, 1).seconds) == CivilTime(2028, 3, 1).seconds)
    }

    @Test("A time left out is the moment of the shift, and the first of two counts")
    func localTimes() throws {
        let berlin = try ZoneFile.zone(ZoneFile.berlin)
        #expect(berlin.instant(of: CivilTime(2026, 3, 29, 2, 30)) == CivilTime(2026, 3, 29, 1).seconds)
        #expect(berlin.instant(of: CivilTime(2026, 10, 25, 2, 30)) == CivilTime(2026, 10, 25, 0, 30).seconds)
        #expect(berlin.instant(of: CivilTime(2026, 7, 1, 12)) == CivilTime(2026, 7, 1, 10).seconds)
    }

    @Test("Transitions that the file lists come before its rule")
    func transitions() throws {
        let file = ZoneFile.bytes(
            [(1000, 1), (2000, 0), (3000, 0)], offsets: [(3600, false), (7200, true)], rule: "CET-1")
        let zone = try TimeZoneRules(name: "Test/Zone", file: file)
        #expect(
            [0, 999, 1000, 1999, 2000, 9000].map { zone.offset(at: $0) } == [
                3600, 3600, 7200, 7200, 3600, 3600,
            ])
        #expect(zone.nextTransition(after: 0) == 1000)
        // The third changes nothing.
        #expect(zone.nextTransition(after: 2000) == nil)
    }

    @Test("A file that is cut off anywhere, or says more than it has, is refused")
    func damage() throws {
        let file = ZoneFile.bytes(
            [(1000, 1), (2000, 0)], offsets: [(3600, false), (7200, true)], rule: ZoneFile.berlin)
        for length in 0..<file.count {
            #expect(throws: TimeZoneFileError.self) {
                try TimeZoneRules(name: "x", file: Array(file[..<length]))
            }
        }
        var random = Random(seed: 5)
        for _ in 0..<casesToTry(of: 20_000) {
            var damaged = file
            for _ in 0...random.below(3) { damaged[random.below(file.count)] = UInt8(random.below(256)) }
            guard let zone = try? TimeZoneRules(name: "x", file: damaged) else { continue }
            _ = zone.offset(at: 1_700_000_000)
            _ = zone.nextTransition(after: 1_700_000_000)
        }
    }
}
