// SPDX-License-Identifier: Apache-2.0

// Random lives of groups: a failing seed replays itself.

import TestThreads
import Testing

@Suite(.ownThread)
struct SimulationTests {
    @Test func afterAllDisturbancesEveryGroupComesToRest() {
        for seed in seedsToTry(block: 0, of: 60) {
            let world = World(seed: seed)
            world.run(disturbedFor: .seconds(200), quietFor: .seconds(200))
            if world.failures.isEmpty { world.end() }
            #expect(world.failures == [], "seed \(seed)")
            if !world.failures.isEmpty { return }
        }
    }

    /// A group that became one of another kind and back began its generations anew.
    @Test(arguments: [104, 198] as [UInt64])
    func seedsThatFoundSomethingFindNothingNow(_ seed: UInt64) {
        let world = World(seed: seed)
        world.run(disturbedFor: .seconds(300), quietFor: .seconds(200))
        #expect(world.failures == [])
    }

    @Test func theSameSeedTellsTheSameStory() {
        func story(_ seed: UInt64) -> UInt64 {
            let world = World(seed: seed)
            world.run(disturbedFor: .seconds(100), quietFor: .seconds(10))
            return world.transcript.value
        }
        for seed in seedsToTry(block: 7, of: 10) { #expect(story(seed) == story(seed)) }
    }
}
