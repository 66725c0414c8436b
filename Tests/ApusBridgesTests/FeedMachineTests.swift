// SPDX-License-Identifier: Apache-2.0

// The course of a feed: what it does next after what happened.

import ApusModel
import Testing

@testable import ApusBridges

@Suite struct FeedMachineTests {
    @Test func `a feed opens its source, and runs until it is lost`() {
        var machine = FeedMachine(isPaused: false)
        #expect(machine.step(now: .zero) == .work)
        machine.opened()
        #expect(machine.phase == .running)
        machine.failed(now: .seconds(5), chance: 1)
        #expect(machine.phase == .waiting(until: .seconds(5) + Defaults.feedBackoffInitial))
    }

    @Test func `each failure doubles the wait up to a limit, and an event ends that`() {
        var machine = FeedMachine(isPaused: false)
        var waits: [Duration] = []
        for _ in 0..<10 {
            #expect(machine.step(now: .seconds(1000)) == .work)
            machine.failed(now: .zero, chance: 1)
            if case .waiting(let until) = machine.phase { waits.append(until) }
        }
        #expect(Array(waits.prefix(3)) == [1, 2, 4].map { Defaults.feedBackoffInitial * $0 })
        #expect(waits.last == Defaults.feedBackoffMax)
        #expect(machine.step(now: .seconds(1000)) == .work)
        machine.opened()
        machine.progressed()
        machine.failed(now: .zero, chance: 1)
        #expect(machine.phase == .waiting(until: Defaults.feedBackoffInitial))
    }

    @Test func `a feed that waits works when its time has come`() {
        var machine = FeedMachine(isPaused: false)
        machine.failed(now: .zero, chance: 0)
        guard case .wait(let until) = machine.step(now: .zero) else { return #expect(Bool(false)) }
        #expect(until == Defaults.feedBackoffInitial / 2)
        #expect(machine.step(now: until) == .work)
    }

    @Test func `a paused feed does nothing, whatever happens, until it is to go on`() {
        var machine = FeedMachine(isPaused: true)
        machine.opened()
        machine.failed(now: .zero, chance: 0)
        machine.restart()
        #expect(machine.step(now: .seconds(1000)) == .rest)
        machine.pause(false)
        #expect(machine.step(now: .zero) == .work)
        machine.opened()
        machine.pause(true)
        #expect(machine.step(now: .zero) == .rest)
    }

    @Test func `other settings or another connection begin anew at once`() {
        var machine = FeedMachine(isPaused: false)
        for _ in 0..<5 {
            _ = machine.step(now: .seconds(1000))
            machine.failed(now: .zero, chance: 1)
        }
        machine.restart()
        #expect(machine.failures == 0)
        #expect(machine.step(now: .zero) == .work)
    }

    @Test func `an ended feed stays ended`() {
        var machine = FeedMachine(isPaused: false)
        machine.end()
        machine.pause(true)
        machine.pause(false)
        machine.restart()
        machine.failed(now: .zero, chance: 0)
        #expect(machine.step(now: .zero) == .end)
    }
}
