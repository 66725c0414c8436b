// SPDX-License-Identifier: Apache-2.0

// What is promised of filters, of where a subscription begins, and of what comes at its time.

import ApusBus
import ApusEngine
import ApusModel
import CloudEvents

extension BusContract {
    static let filtering = [
        Promise("a subscription to types gets no others") { run in
            var subscription = run.subscription()
            subscription.types = ["contract.paid", "contract.shipped"]
            let receiver = try await run.bus.subscribe(subscription)
            for (id, type) in [
                ("1", "contract.placed"), ("2", "contract.paid"), ("3", "contract.paid.twice"),
                ("4", "contract.shipped"), ("5", "contract.placed"), ("6", "contract.paid"),
            ] {
                // Of one key: the last is the last only in a partition.
                _ = try await run.bus.publish([run.event(id, type: type, key: "one")], to: run.topic())
            }
            try expectSame(try await run.take(until: "6", from: receiver), ["2", "4", "6"])
        },
        Promise("a subscription that is asked for with other types changes") { run in
            var subscription = run.subscription()
            subscription.types = ["contract.paid"]
            await (try run.bus.subscribe(subscription)).close()
            subscription.types = ["contract.shipped"]
            let receiver = try await run.bus.subscribe(subscription)
            _ = try await run.bus.publish([run.event("1", type: "contract.paid")], to: run.topic())
            _ = try await run.bus.publish([run.event("2", type: "contract.shipped")], to: run.topic())
            try expectSame(try await run.take(until: "2", from: receiver), ["2"])
        },
        Promise("a subscription with a pattern gets what matches", needs: .filterByContent) { run in
            var subscription = run.subscription()
            subscription.pattern = #"{"data": {"total": [{"numeric": [">", 100]}]}}"#
            subscription.types = ["contract.paid"]
            let receiver = try await run.bus.subscribe(subscription)
            for (id, type, total) in [
                ("1", "contract.paid", 50), ("2", "contract.paid", 150), ("3", "contract.placed", 200),
                ("4", "contract.paid", 100), ("5", "contract.paid", 101),
            ] {
                var event = try run.event(
                    id, type: type, key: "one", data: CloudEventData(text: #"{"total": \#(total)}"#))
                event.dataContentType = "application/json"
                _ = try await run.bus.publish([event], to: run.topic())
            }
            try expectSame(try await run.take(until: "5", from: receiver), ["2", "5"])
        },
        Promise("a pattern that is none is refused", needs: .filterByContent) { run in
            var subscription = run.subscription()
            subscription.pattern = #"{"type": "not a list"}"#
            try await expectError("it is invalid") {
                if case .invalid = $0 { true } else { false }
            } _: {
                _ = try await run.bus.subscribe(subscription)
            }
        },
    ]

    static let starting = [
        Promise("a new subscription begins with what comes") { run in
            _ = try await run.bus.publish(run.events(0..<3), to: run.topic())
            let receiver = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish([run.event("marker")], to: run.topic())
            try expectSame(try await run.take(until: "marker", from: receiver), ["marker"])
        },
        Promise("a new subscription begins with the earliest if asked", needs: .replay) { run in
            _ = try await run.bus.publish(run.events(0..<3), to: run.topic())
            var subscription = run.subscription()
            subscription.start = .earliest
            let receiver = try await run.bus.subscribe(subscription)
            try expectSame(try await run.take(3, from: receiver), ["0", "1", "2"])
            await receiver.close()
            // It is not new any more, so this says nothing.
            let again = try await run.bus.subscribe(subscription)
            _ = try await run.bus.publish([run.event("marker")], to: run.topic())
            try expectSame(try await run.take(until: "marker", from: again), ["marker"])
        },
        Promise("dead letters are events of a topic of their own", needs: .replay) { run in
            var subscription = run.subscription()
            subscription.deadLetter = run.topic("dead")
            let receiver = try await run.bus.subscribe(subscription)
            let event = try await run.publishAndTake("bad", from: receiver)
            try await run.settle([event], .deadLetter(reason: "no"), with: receiver)
            _ = try await run.deadLetters(of: subscription, 1)
            var dead = run.subscription("undertaker", topic: run.topic("dead"))
            dead.start = .earliest
            try expectSame(try await run.take(1, from: run.bus.subscribe(dead)), ["bad"])
        },
    ]

    static let scheduling = [
        Promise("an event comes at its time", needs: .delay) { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            let start = ContinuousClock.now
            let receipts = try await run.bus.publish(
                [run.event("later")], to: run.topic(), at: .fromNow(milliseconds: 1000))
            try expect(receipts.count == 1, "there is a receipt")
            try expectSame(try await run.take(1, from: receiver), ["later"])
            let waited = start.duration(to: ContinuousClock.now)
            try expect(waited >= .milliseconds(980), "it comes after 1 s, not \(waited)")
        },
        Promise("an event that waits holds up nobody", needs: .delay) { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish(
                [run.event("later")], to: run.topic(), at: .fromNow(milliseconds: 600_000))
            _ = try await run.bus.publish([run.event("now")], to: run.topic())
            try expectSame(try await run.take(1, from: receiver), ["now"])
        },
        Promise("an event whose time is over comes at once", needs: .delay) { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish(
                [run.event("late")], to: run.topic(), at: .fromNow(milliseconds: -60_000))
            try expectSame(try await run.take(1, from: receiver), ["late"])
        },
        Promise("further ahead than the broker can is refused", needs: .delay) { run in
            guard let delayMax = run.bus.capabilities.delayMax else { return }
            let beyond = CloudEventTimestamp.fromNow(
                milliseconds: Int64((delayMax + .seconds(3600)) / .milliseconds(1)))
            try await expectError("\(delayMax) is the limit") {
                if case .invalid = $0 { true } else { false }
            } _: {
                _ = try await run.bus.publish([run.event("1")], to: run.topic(), at: beyond)
            }
        },
        Promise("a cancelled event never comes", needs: .delay, .cancelDelayed) { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            // On a busy machine a short time may be over before the event can be cancelled.
            for delay: Int64 in [1500, 6000, 24_000] {
                let receipts = try await run.bus.publish(
                    [run.event("never")], to: run.topic(), at: .fromNow(milliseconds: delay))
                guard let id = receipts.first?.scheduleID else {
                    throw Violation(
                        description: "the receipt says with what it can be cancelled: \(receipts)")
                }
                guard try await run.bus.cancel(id) else {
                    try expectSame(try await run.take(1, from: receiver), ["never"])
                    continue
                }
                try expect(try await !run.bus.cancel(id), "it is cancelled once")
                _ = try await run.bus.publish(
                    [run.event("marker")], to: run.topic(), at: .fromNow(milliseconds: delay + 500))
                return try expectSame(try await run.take(until: "marker", from: receiver), ["marker"])
            }
            throw Violation(description: "an event that is due in 24 s can be cancelled")
        },
        Promise("a recurring event recurs until it is deleted", needs: .recurring) { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            let name = "\(run.prefix)-tick"
            let tick = RecurringEvent(
                name: name, topic: run.topic(), recurrence: .rate(.seconds(1)),
                event: try run.event("template", type: "contract.tick", data: CloudEventData(text: "tick")))
            try await run.bus.putSchedule(tick)
            let taken = try await run.take(2, from: receiver)
            try expect(
                Set(ids(taken)).count == 2 && taken.allSatisfy { $0.event.time != nil },
                "each has an id and a time of its own: \(ids(taken))")
            try expect(
                taken.allSatisfy {
                    $0.event.type == "contract.tick" && $0.event.data == CloudEventData(text: "tick")
                },
                "they are made like the template")
            try await run.bus.deleteSchedule(name)
            try await run.bus.deleteSchedule(name)
        },
        Promise("a recurrence that makes no sense is refused", needs: .recurring) { run in
            for recurrence in [
                RecurringEvent.Recurrence.cron("0 25 * * *", timeZone: "UTC"),
                .cron("0 9 * * *", timeZone: "No/Where"),
                .rate(.zero),
            ] {
                let schedule = RecurringEvent(
                    name: "\(run.prefix)-bad", topic: run.topic(), recurrence: recurrence,
                    event: try run.event("template"))
                try await expectError("\(recurrence) is invalid") {
                    if case .invalid = $0 { true } else { false }
                } _: {
                    try await run.bus.putSchedule(schedule)
                }
            }
        },
    ]
}

extension CloudEventTimestamp {
    /// A time from now on.
    static func fromNow(milliseconds: Int64) -> CloudEventTimestamp {
        CloudEventTimestamp(millisecondsSinceEpoch: SystemClock().wall.rawValue + milliseconds)
    }
}
