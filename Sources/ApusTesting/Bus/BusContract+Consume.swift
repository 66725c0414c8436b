// SPDX-License-Identifier: Apache-2.0

// What is promised of subscriptions: who gets what, and how much at a time.

import ApusBus
import CloudEvents

extension BusContract {
    static let consuming = [
        Promise("what is published comes, and once acknowledged does not come again") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish(run.events(0..<10), to: run.topic())
            try expectSame(try await run.take(10, from: receiver), (0..<10).map(String.init))
            await receiver.close()
            let again = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish([run.event("marker")], to: run.topic())
            try expectSame(try await run.take(until: "marker", from: again), ["marker"])
        },
        Promise("receiving without waiting returns at once, with nothing if there is nothing") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            let none = try await receiver.receive(limit: 5, wait: .zero)
            try expect(none.isEmpty, "nothing was published: \(ids(none))")
        },
        Promise("who waits gets what is published meanwhile") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            async let taken = run.take(1, from: receiver)
            _ = try await run.bus.publish([run.event("1")], to: run.topic())
            try expectSame(try await taken, ["1"])
        },
        Promise("each group gets everything") { run in
            let first = try await run.bus.subscribe(run.subscription("billing"))
            let second = try await run.bus.subscribe(run.subscription("shipping"))
            _ = try await run.bus.publish(run.events(0..<10), to: run.topic())
            try expectSame(try await run.take(10, from: first), (0..<10).map(String.init))
            try expectSame(try await run.take(10, from: second), (0..<10).map(String.init))
        },
        Promise("members of one group share") { run in
            var subscription = run.subscription()
            subscription.prefetch = 4
            let members = try await [run.bus.subscribe(subscription), run.bus.subscribe(subscription)]
            _ = try await run.bus.publish(run.events(0..<40), to: run.topic())
            let taken = try await run.takeTogether(40, from: members)
            try expectSame(taken, (0..<40).map(String.init))
        },
        Promise("what a member does not settle before it closes goes to the others") { run in
            var subscription = run.subscription()
            subscription.prefetch = 8
            let leaving = try await run.bus.subscribe(subscription)
            _ = try await run.bus.publish(run.events(0..<12), to: run.topic())
            _ = try await run.take(3, from: leaving, nil)
            let staying = try await run.bus.subscribe(subscription)
            await leaving.close()
            try expectSame(try await run.take(12, from: staying), (0..<12).map(String.init))
        },
        Promise("a subscription keeps events while nobody receives") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            await receiver.close()
            _ = try await run.bus.publish(run.events(0..<5), to: run.topic())
            let again = try await run.bus.subscribe(run.subscription())
            try expectSame(try await run.take(5, from: again), (0..<5).map(String.init))
        },
        Promise("no more than prefetch are handed out and unsettled") { run in
            var subscription = run.subscription()
            subscription.prefetch = 5
            let receiver = try await run.bus.subscribe(subscription)
            _ = try await run.bus.publish(run.events(0..<20), to: run.topic())
            let held = try await run.take(5, from: receiver, nil)
            let more = try await receiver.receive(limit: 20, wait: .milliseconds(200))
            try expect(more.isEmpty, "5 are unsettled, so there are no more: \(ids(more))")
            try await run.settle(Array(held.prefix(2)), .acknowledge, with: receiver)
            let next = try await run.take(2, from: receiver, nil)
            let beyond = try await receiver.receive(limit: 20, wait: .milliseconds(200))
            try expect(beyond.isEmpty, "2 were settled, so there are 2 more: \(ids(next + beyond))")
            try await run.settle(Array(held.dropFirst(2)) + next, .acknowledge, with: receiver)
            let rest = try await run.take(13, from: receiver)
            try expectSame(held + next + rest, (0..<20).map(String.init))
        },
        Promise("many publishers and receivers at once lose nothing") { run in
            var subscription = run.subscription()
            subscription.prefetch = 16
            var receivers: [any Receiver] = []
            for _ in 0..<3 { receivers.append(try await run.bus.subscribe(subscription)) }
            try await withThrowingTaskGroup(of: [ReceivedEvent].self) { [receivers] group in
                for publisher in 0..<8 {
                    group.addTask {
                        for round in 0..<10 {
                            let events = try (0..<5).map {
                                try run.event("\(publisher)-\(round)-\($0)", key: "\($0)")
                            }
                            let receipts = try await run.bus.publish(events, to: run.topic())
                            try expect(receipts.count == 5, "a receipt for each")
                        }
                        return []
                    }
                }
                group.addTask { try await run.takeTogether(400, from: receivers) }
                var taken: [ReceivedEvent] = []
                for try await some in group { taken += some }
                let expected = (0..<8).flatMap { publisher in
                    (0..<10).flatMap { round in (0..<5).map { "\(publisher)-\(round)-\($0)" } }
                }
                let came = Set(ids(taken))
                try expect(
                    came == Set(expected), "all 400 come: \(Set(expected).subtracting(came)) are missing")
            }
        },
        Promise("state is kept when the bus is opened again", needs: .managedSubscriptions) { run in
            guard let reopen = run.subject.reopen else { return }
            let receiver = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish(run.events(0..<6), to: run.topic())
            let taken = try await run.take(6, from: receiver, nil)
            try await run.settle(Array(taken.prefix(3)), .acknowledge, with: receiver)
            await run.bus.close()
            let bus = try await reopen()
            do {
                let again = Run(bus: bus, subject: run.subject)
                let receiver = try await bus.subscribe(run.subscription())
                try expectSame(try await again.take(3, from: receiver), ids(Array(taken.dropFirst(3))))
                _ = try await bus.publish([run.event("marker")], to: run.topic())
                try expectSame(try await again.take(until: "marker", from: receiver), ["marker"])
                try await bus.unsubscribe(run.subscription())
            } catch {
                await bus.close()
                throw error
            }
            await bus.close()
        },
        Promise("a deleted subscription has forgotten everything", needs: .managedSubscriptions) { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish(run.events(0..<3), to: run.topic())
            await receiver.close()
            try await run.bus.unsubscribe(run.subscription())
            let again = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish([run.event("marker")], to: run.topic())
            try expectSame(try await run.take(until: "marker", from: again), ["marker"])
        },
        Promise("a temporary subscription goes away with its receiver", needs: .temporarySubscriptions) {
            run in
            var subscription = run.subscription()
            subscription.isTemporary = true
            let receiver = try await run.bus.subscribe(subscription)
            _ = try await run.bus.publish(run.events(0..<3), to: run.topic())
            _ = try await run.take(1, from: receiver)
            await receiver.close()
            _ = try await run.bus.publish(run.events(3..<5), to: run.topic())
            let again = try await run.bus.subscribe(subscription)
            _ = try await run.bus.publish([run.event("marker")], to: run.topic())
            try expectSame(try await run.take(until: "marker", from: again), ["marker"])
        },
    ]
}

extension BusContract.Run {
    /// Has all receivers take and acknowledge at once until there are `count`.
    func takeTogether(_ count: Int, from receivers: [any Receiver]) async throws -> [ReceivedEvent] {
        let taken = Taken()
        try await withThrowingTaskGroup { group in
            for receiver in receivers {
                group.addTask {
                    try await wait(for: "\(count) events") { _ in
                        let some = try await receiver.receive(limit: 16, wait: .milliseconds(100))
                        try await settle(some, .acknowledge, with: receiver)
                        return await taken.add(some) >= count
                    } orSay: {
                        "too few came"
                    }
                }
            }
            try await group.waitForAll()
        }
        return await taken.events
    }
}

/// What several receivers have taken.
private actor Taken {
    private(set) var events: [ReceivedEvent] = []

    func add(_ some: [ReceivedEvent]) -> Int {
        events += some
        return events.count
    }
}
