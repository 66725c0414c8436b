// SPDX-License-Identifier: Apache-2.0

// Leases of messages that wait behind another one of their group: what is handed out can still be settled.

import ApusBus
import Testing

@testable import ApusAWS

@Suite struct GroupLeaseTests {
    private let sqs = ScriptedSQS()
    private let lease = ScriptedSQS.lease

    @Test func `what waits in a group is extended with the one ahead of it, for as long as that takes`()
        async throws
    {
        try await sqs.receiving { receiver async throws in
            sqs.offer("a1", "a2", "b1", "a3")
            #expect(try await receiver.receiveNow() == ["a1", "b1"])
            for _ in 0..<5 {
                sqs.advance(by: lease - 1)
                try await receiver.extend([.text("a1"), .text("b1")], by: .seconds(lease))
                #expect(
                    sqs.changes() == ["a1", "a2", "a3", "b1"].map { .init($0, lease) })
            }
            #expect(try await receiver.settle("a1") == .settled)
            // What may go out and was not taken is kept like what waits.
            sqs.advance(by: lease - 1)
            try await receiver.extend([.text("b1")], by: .seconds(lease))
            #expect(sqs.changes() == ["b1", "a2", "a3"].map { .init($0, lease) })
            #expect(try await receiver.receiveNow() == ["a2"])
            #expect(sqs.changes() == ["a2", "a3"].map { .init($0, lease) })
            #expect(try await receiver.settle("a2") == .settled)
            #expect(try await receiver.receiveNow() == ["a3"])
            #expect(try await receiver.settle("a3") == .settled)
            #expect(sqs.deleted == ["a1", "a2", "a3"])
        }
    }

    @Test func `one that cannot be extended is not handed out, and those behind it go back`() async throws {
        try await sqs.receiving { receiver async throws in
            sqs.offer("a1", "a2", "a3")
            #expect(try await receiver.receiveNow() == ["a1"])
            #expect(try await receiver.settle("a1") == .settled)
            sqs.fail("a2")
            #expect(try await receiver.receiveNow().isEmpty)
            #expect(sqs.changes() == [.init("a2", lease), .init("a3", lease), .init("a3", 0)])
            #expect(try await receiver.settle("a2") == .expired)
            // SQS hands them out again, in order.
            sqs.offer("a2 again", "a3 again")
            #expect(try await receiver.receiveNow() == ["a2 again"])
            #expect(try await receiver.settle("a2 again") == .settled)
            #expect(try await receiver.receiveNow() == ["a3 again"])
        }
    }

    @Test func `one in the midst that cannot be extended takes only those behind it along`() async throws {
        try await sqs.receiving { receiver async throws in
            sqs.offer("a1", "a2", "a3", "a4")
            #expect(try await receiver.receiveNow() == ["a1"])
            sqs.fail("a3")
            try await receiver.extend([.text("a1")], by: .seconds(lease))
            #expect(sqs.changes().last == .init("a4", 0))
            #expect(try await receiver.settle("a1") == .settled)
            #expect(try await receiver.receiveNow() == ["a2"])
            #expect(try await receiver.settle("a2") == .settled)
            #expect(try await receiver.receiveNow().isEmpty)
        }
    }

    @Test func `one whose lease has ended while it waited is not handed out`() async throws {
        try await sqs.receiving { receiver async throws in
            sqs.offer("a1", "a2", "a3")
            #expect(try await receiver.receiveNow() == ["a1"])
            // SQS's own failure: the lease runs on as it was.
            sqs.fail("a2", isSendersFault: false)
            sqs.advance(by: lease / 2)
            try await receiver.extend([.text("a1")], by: .seconds(lease))
            sqs.advance(by: lease / 2)
            #expect(try await receiver.settle("a1") == .settled)
            _ = sqs.changes()
            #expect(try await receiver.receiveNow().isEmpty)
            #expect(sqs.changes() == [.init("a3", lease), .init("a3", 0)])
        }
    }

    @Test func `a call that fails extends nothing and loses nothing`() async throws {
        try await sqs.receiving { receiver async throws in
            sqs.offer("a1", "a2")
            #expect(try await receiver.receiveNow() == ["a1"])
            #expect(try await receiver.settle("a1") == .settled)
            sqs.isAway(true)
            await #expect(throws: BusError.self) { try await receiver.receiveNow() }
            sqs.isAway(false)
            #expect(try await receiver.receiveNow() == ["a2"])
            sqs.isAway(true)
            sqs.advance(by: lease - 1)
            await #expect(throws: BusError.self) {
                try await receiver.extend([.text("a2")], by: .seconds(lease))
            }
            sqs.isAway(false)
            sqs.advance(by: 1)
            #expect(try await receiver.settle("a2") == .expired)
        }
    }

    @Test func `one that could not be deleted comes again, and before those behind it`() async throws {
        try await sqs.receiving { receiver async throws in
            sqs.offer("a1", "a2")
            #expect(try await receiver.receiveNow() == ["a1"])
            sqs.fail("a1")
            #expect(try await receiver.settle("a1") == .expired)
            #expect(sqs.changes() == [.init("a2", 0)])
            sqs.offer("a1 again", "a2 again")
            #expect(try await receiver.receiveNow() == ["a1 again"])
        }
    }
}
