// SPDX-License-Identifier: Apache-2.0

// What is promised of verdicts, dead letters, leases and order.

import ApusBus
import CloudEvents

extension BusContract {
    static let settling = [
        Promise("an event that failed comes again and says that it does") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish([run.event("1")], to: run.topic())
            for attempt in 1...3 {
                let taken = try await run.take(1, from: receiver, nil)
                try expect(taken[0].attempt == attempt, "this is attempt \(attempt), not \(taken[0].attempt)")
                try await run.settle(
                    taken, attempt < 3 ? .retry(after: .zero, reason: "not yet") : .acknowledge,
                    with: receiver)
            }
        },
        Promise("a retry waits", needs: .delayedRetry) { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            let failed = try await run.publishAndTake("failed", from: receiver)
            let start = ContinuousClock.now
            try await run.settle([failed], .retry(after: .seconds(1), reason: "not yet"), with: receiver)
            let again = try await run.take(1, from: receiver)
            let waited = start.duration(to: ContinuousClock.now)
            try expect(
                again[0].event.id == "failed" && again[0].attempt == 2,
                "it comes with attempt 2: \(ids(again)), \(again[0].attempt)")
            // Brokers count in milliseconds, and round.
            try expect(waited >= .milliseconds(980), "it comes after 1 s, not \(waited)")
        },
        Promise("a retry that waits holds up nobody", needs: .delayedRetry) { run in
            var subscription = run.subscription()
            subscription.prefetch = 2
            let receiver = try await run.bus.subscribe(subscription)
            for id in ["first", "second", "third"] {
                let failed = try await run.publishAndTake(id, from: receiver)
                try await run.settle([failed], .retry(after: .seconds(600), reason: "later"), with: receiver)
            }
            _ = try await run.bus.publish(run.events(0..<3), to: run.topic())
            try expectSame(try await run.take(3, from: receiver), ["0", "1", "2"])
        },
        Promise("a released event comes again") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            let event = try await run.publishAndTake("1", from: receiver)
            try await run.settle([event], .release, with: receiver)
            let again = try await run.take(1, from: receiver)
            try expectSame(again, ["1"])
            try expect([1, 2].contains(again[0].attempt), "attempt 1 or 2, not \(again[0].attempt)")
        },
        Promise("each verdict of a call is about its event") { run in
            var subscription = run.subscription()
            subscription.prefetch = 16
            let receiver = try await run.bus.subscribe(subscription)
            _ = try await run.bus.publish(run.events(0..<9), to: run.topic())
            let taken = try await run.take(9, from: receiver, nil)
            let results = try await receiver.settle(
                taken.map { event in
                    switch (Int(event.event.id) ?? 0) % 3 {
                    case 0: Settlement(event.token, .acknowledge)
                    case 1: Settlement(event.token, .retry(after: .zero, reason: "again"))
                    default: Settlement(event.token, .deadLetter(reason: "never"))
                    }
                })
            try expect(results == Array(repeating: .settled, count: 9), "all count: \(results)")
            try expectSame(try await run.take(3, from: receiver), ["1", "4", "7"])
            guard run.features.contains(.deadLetters) else { return }
            let letters = try await run.deadLetters(of: subscription, 3)
            try expect(
                letters.map(\.event.id).sorted() == ["2", "5", "8"],
                "dead letters are 2, 5 and 8: \(letters.map(\.event.id))")
        },
        Promise("a dead letter is kept with its reason, and does not come again", needs: .deadLetters) {
            run in
            let subscription = run.subscription()
            let receiver = try await run.bus.subscribe(subscription)
            let event = try await run.publishAndTake("bad", from: receiver)
            try await run.settle([event], .deadLetter(reason: "cannot be read: größer"), with: receiver)
            // More often than brokers hand out an event before they give it up.
            for _ in 0..<12 {
                let letters = try await run.deadLetters(of: subscription, 1)
                try expect(
                    letters.map(\.event.id) == ["bad"] && letters[0].reason == "cannot be read: größer",
                    "the dead letter is there with its reason, also when asked again and again: \(letters)")
                try expect(letters[0].event.type == "contract.happened", "it is the event")
                if let attempts = letters[0].attempts {
                    try expect(attempts == 1, "after 1 attempt, not \(attempts)")
                }
            }
            _ = try await run.bus.publish([run.event("marker")], to: run.topic())
            try expectSame(try await run.take(until: "marker", from: receiver), ["marker"])
        },
        Promise("there are no dead letters before anything was given up", needs: .deadLetters) { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            let letters = try await run.bus.deadLetters(of: run.subscription(), limit: 10)
            try expect(letters.isEmpty, "none, not \(letters.count)")
            await receiver.close()
        },
        Promise("after the last attempt the broker gives up by itself") { run in
            var subscription = run.subscription()
            subscription.attemptsMax = 2
            let receiver = try await run.bus.subscribe(subscription)
            _ = try await run.bus.publish([run.event("bad")], to: run.topic())
            for _ in 0..<2 {
                let taken = try await run.take(1, from: receiver, nil)
                try await run.settle(taken, .retry(after: .zero, reason: "failed"), with: receiver)
            }
            if run.features.contains(.deadLetters) {
                let letters = try await run.deadLetters(of: subscription, 1)
                try expect(letters.map(\.event.id) == ["bad"], "it is a dead letter: \(letters)")
            }
            _ = try await run.bus.publish([run.event("marker")], to: run.topic())
            try expectSame(try await run.take(until: "marker", from: receiver), ["marker"])
        },
        Promise("dead letters of several subscriptions do not mix", needs: .deadLetters) { run in
            let (first, second) = (run.subscription("billing"), run.subscription("shipping"))
            let receivers = try await (run.bus.subscribe(first), run.bus.subscribe(second))
            _ = try await run.bus.publish([run.event("1")], to: run.topic())
            _ = try await run.take(1, from: receivers.0, .deadLetter(reason: "no"))
            _ = try await run.take(1, from: receivers.1)
            _ = try await run.deadLetters(of: first, 1)
            let none = try await run.bus.deadLetters(of: second, limit: 10)
            try expect(none.isEmpty, "the other gave nothing up: \(none)")
        },
    ]

    static let leasing = [
        Promise("a lease that ends hands the event out again, counted", needs: .leases, .countsCrashes) {
            run in
            var subscription = run.subscription()
            subscription.lease = .seconds(1)
            subscription.attemptsMax = 100
            let receiver = try await run.bus.subscribe(subscription)
            var last = try await run.publishAndTake("1", from: receiver)
            var isSettled = false
            // On a busy machine another second may pass before the event is settled.
            while !isSettled {
                let again = try await run.take(1, from: receiver, nil)
                try expect(
                    again[0].event.id == "1" && again[0].attempt == last.attempt + 1,
                    "attempt \(last.attempt + 1), not \(again[0].attempt)")
                let late = try await receiver.settle([Settlement(last.token, .acknowledge)])
                try expect(late == [.expired], "the lease before has expired: \(late)")
                let results = try await receiver.settle([Settlement(again[0].token, .acknowledge)])
                isSettled = results == [.settled]
                last = again[0]
            }
        },
        Promise("a lease that is extended holds", needs: .leases) { run in
            var subscription = run.subscription()
            subscription.lease = .seconds(3)
            let receiver = try await run.bus.subscribe(subscription)
            let event = try await run.publishAndTake("1", from: receiver)
            try await receiver.extend([event.token], by: .seconds(60))
            let other = try await run.bus.subscribe(subscription)
            let none = try await other.receive(limit: 1, wait: .seconds(4))
            try expect(none.isEmpty, "nobody gets it when its first lease would have ended: \(ids(none))")
            try await run.settle([event], .acknowledge, with: receiver)
        },
        Promise("extending is no error where nothing has to be done") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            let event = try await run.publishAndTake("1", from: receiver)
            try await receiver.extend([event.token], by: .seconds(60))
            try await run.settle([event], .acknowledge, with: receiver)
        },
    ]

    static let ordering = [
        Promise("of events with the same key one is out at a time, in order", needs: .orderByKey) { run in
            var subscription = run.subscription()
            subscription.ordering = .byKey
            subscription.prefetch = 20
            let receiver = try await run.bus.subscribe(subscription)
            let events = try (0..<40).map { try run.event("\($0)", key: "key-\($0 % 5)") }
            _ = try await run.bus.publish(events, to: run.topic())
            var taken: [ReceivedEvent] = []
            var hasFailed = false
            try await run.wait(for: "40 events in order") { left in
                let some = try await receiver.receive(limit: 20, wait: left)
                let keys = some.map { $0.event.extensions["partitionkey"]?.text ?? "" }
                try expect(Set(keys).count == keys.count, "one of each key is out: \(keys)")
                for event in some {
                    if event.event.id == "7", !hasFailed {
                        hasFailed = true
                        try await run.settle([event], .retry(after: .zero, reason: "again"), with: receiver)
                    } else {
                        taken.append(event)
                        try await run.settle([event], .acknowledge, with: receiver)
                    }
                }
                return taken.count >= 40
            } orSay: {
                "only \(ids(taken)) came"
            }
            for key in 0..<5 {
                let came = ids(taken).filter { (Int($0) ?? 0) % 5 == key }
                let expected = stride(from: key, to: 40, by: 5).map(String.init)
                try expect(came == expected, "key \(key) comes in order: \(came)")
            }
        }
    ]
}

extension BusContract.Run {
    /// Publishes one event and takes it, unsettled.
    func publishAndTake(_ id: String, from receiver: any Receiver) async throws -> ReceivedEvent {
        _ = try await bus.publish([event(id)], to: topic())
        let taken = try await take(1, from: receiver, nil)
        try BusContract.expectSame(taken, [id])
        return taken[0]
    }
}
