// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ApusBus

@Suite struct BellTests {
    @Test func `whoever waits is woken, all of them`() async {
        let bell = Bell()
        let rings = bell.rings
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<8 { tasks.addTask { await bell.wait(since: rings, atMost: .seconds(3600)) } }
            bell.ring()
        }
    }

    @Test func `a ring before the wait is not missed`() async {
        let bell = Bell()
        let rings = bell.rings
        bell.ring()
        await bell.wait(since: rings, atMost: .seconds(3600))
        #expect(bell.rings == rings + 1)
    }

    @Test func `waiting ends with its time and with its task`() async {
        let bell = Bell()
        await bell.wait(since: bell.rings, atMost: .zero)
        await bell.wait(since: bell.rings, atMost: .milliseconds(1))
        let task = Task { await bell.wait(since: bell.rings, atMost: .seconds(3600)) }
        task.cancel()
        await task.value
    }
}
