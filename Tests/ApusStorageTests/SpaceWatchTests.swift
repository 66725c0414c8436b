// SPDX-License-Identifier: Apache-2.0

// Watermarks: what they amount to, and that a disk near one does not change its mind every second.

import ApusModel
import Testing

@testable import ApusStorage

@Suite struct SpaceWatchTests {
    private let now = Timestamp(milliseconds: 1000)

    @Test func `a threshold is the lesser of bytes and part`() {
        #expect(SpaceThreshold(bytes: 100).bytes(of: 1000) == 100)
        #expect(SpaceThreshold(part: 0.05).bytes(of: 1000) == 50)
        #expect(SpaceThreshold(bytes: 100, part: 0.05).bytes(of: 1000) == 50)
        #expect(SpaceThreshold(bytes: 100, part: 0.05).bytes(of: 100_000) == 100)
        #expect(SpaceThreshold(bytes: 100, part: 0.05).bytes(of: nil) == 100)
        #expect(SpaceThreshold(part: 0.05).bytes(of: nil) == 0)
        #expect(SpaceThreshold().bytes(of: 1000) == 0)
    }

    @Test func `the alarm comes before the refusal, and both go with a band`() {
        var watch = SpaceWatch(
            alarm: SpaceThreshold(bytes: 1600), refusal: SpaceThreshold(bytes: 800), reserve: 80)
        let levels = [2000, 1599, 1700, 1799, 799, 899, 900, 1800].map { free in
            _ = watch.note(free: Int64(free), total: 10_000, at: now)
            return watch.level
        }
        #expect(levels == [.ample, .low, .low, .low, .short, .short, .low, .ample])
        #expect(watch.since == now)
    }

    @Test func `the reserve holds whatever the watermark, and an alarm never comes with the refusal`() {
        var watch = SpaceWatch(
            alarm: SpaceThreshold(bytes: 50), refusal: SpaceThreshold(bytes: 10), reserve: 100)
        #expect(watch.refusesBelow == 100)
        #expect(watch.alarmsBelow == 150)
        let isChanged = watch.note(free: 149, total: nil, at: now)
        #expect(isChanged)
        #expect(watch.level == .low)
    }

    @Test func `without watermarks and reserve there is no level but ample`() {
        var watch = SpaceWatch(alarm: SpaceThreshold(), refusal: SpaceThreshold(), reserve: 0)
        let isChanged = watch.note(free: 0, total: 0, at: now)
        #expect(!isChanged)
        #expect(watch.level == .ample)
    }
}
