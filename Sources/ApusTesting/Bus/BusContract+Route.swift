// SPDX-License-Identifier: Apache-2.0

// What is promised of replays, of rules, of features that are missing, and of the end.

import ApusBus
import CloudEvents

extension BusContract {
    static let replaying = [
        Promise("stored events can be read again, in order within a partition", needs: .replay) { run in
            let events = try (0..<20).map { try run.event("\($0)", key: "key-\($0 % 3)") }
            _ = try await run.bus.publish(events, to: run.topic())
            let all = try await run.replayed(20, from: .earliest)
            try expectSame(all, (0..<20).map(String.init))
            for key in 0..<3 {
                let came = ids(all).filter { (Int($0) ?? 0) % 3 == key }
                try expect(
                    came == stride(from: key, to: 20, by: 3).map(String.init), "key \(key) in order: \(came)")
            }
            try expectSame(try await run.replayed(20, from: .earliest), (0..<20).map(String.init))
        },
        Promise("a replay can begin at an offset or a time", needs: .replay, .offsets) { run in
            _ = try await run.bus.publish(run.events(0..<20), to: run.topic())
            let all = try await run.replayed(20, from: .earliest)
            let later = all.filter { ($0.offset ?? 0) >= 5 }
            try expectSame(try await run.replayed(later.count, from: .offset(5)), ids(later))
            guard let time = all.compactMap(\.publishedAt).max(by: { $0.isBefore($1) }) else {
                throw Violation(description: "events say when they were published")
            }
            let since = all.filter { $0.publishedAt.map { !$0.isBefore(time) } ?? false }
            try expectSame(try await run.replayed(since.count, from: .time(time)), ids(since))
        },
        Promise("a replay goes on with what comes", needs: .replay) { run in
            _ = try await run.bus.publish(run.events(0..<3), to: run.topic())
            let reader = try await run.bus.replay(run.topic(), from: .latest, pattern: nil)
            async let read = run.read(2, from: reader)
            _ = try await run.bus.publish(run.events(3..<5), to: run.topic())
            try expectSame(try await read, ["3", "4"])
            let none = try await reader.next(limit: 5, wait: .zero)
            try expect(none.isEmpty, "that was all: \(ids(none))")
            await reader.close()
        },
        Promise("a replay of what matches a pattern", needs: .replay, .filterByContent) { run in
            for id in 0..<10 {
                let type = id % 2 == 0 ? "contract.even" : "contract.odd"
                _ = try await run.bus.publish([run.event("\(id)", type: type)], to: run.topic())
            }
            let pattern = #"{"type": ["contract.odd"]}"#
            let found = try await run.replayed(5, from: .earliest, pattern: pattern)
            try expectSame(found, ["1", "3", "5", "7", "9"])
        },
    ]

    static let routing = [
        Promise("a rule copies what matches, until it is deleted", needs: .rules) { run in
            let receiver = try await run.bus.subscribe(run.subscription(topic: run.topic("paid")))
            let name = "\(run.prefix)-paid"
            var rule = Rule(
                name: name, topic: run.topic(), pattern: #"{"type": ["contract.paid"]}"#,
                targets: [.topic(run.topic("paid"))])
            try await run.bus.putRule(rule)
            _ = try await run.bus.publish([run.event("1", type: "contract.placed")], to: run.topic())
            _ = try await run.bus.publish([run.event("2", type: "contract.paid")], to: run.topic())
            try expectSame(try await run.take(1, from: receiver), ["2"])
            rule.pattern = nil
            try await run.bus.putRule(rule)
            _ = try await run.bus.publish([run.event("3", type: "contract.placed")], to: run.topic())
            try expectSame(try await run.take(1, from: receiver), ["3"])
            try await run.bus.deleteRule(name)
            try await run.bus.deleteRule(name)
            _ = try await run.bus.publish([run.event("4", type: "contract.paid")], to: run.topic())
            _ = try await run.bus.publish([run.event("marker")], to: run.topic("paid"))
            try expectSame(try await run.take(until: "marker", from: receiver), ["marker"])
        },
        Promise("a rule whose pattern is none is refused", needs: .rules) { run in
            let rule = Rule(
                name: "\(run.prefix)-bad", topic: run.topic(), pattern: "{",
                targets: [.topic(run.topic("other"))])
            try await expectError("it is invalid") {
                if case .invalid = $0 { true } else { false }
            } _: {
                try await run.bus.putRule(rule)
            }
        },
    ]

    static let refusing = [
        Promise("what the broker cannot do is refused by name") { run in
            for (feature, call) in try run.callsByFeature() where !run.features.contains(feature) {
                try await expectError("\(feature.rawValue) is refused by name") {
                    $0.isLack(of: feature, in: run.bus.capabilities.transport)
                } _: {
                    try await call()
                }
            }
        },
        Promise("a delay of a retry is refused by name where there is none") { run in
            guard !run.features.contains(.delayedRetry) else { return }
            let receiver = try await run.bus.subscribe(run.subscription())
            let event = try await run.publishAndTake("1", from: receiver)
            try await expectError("delayedRetry is refused by name") {
                $0.isLack(of: .delayedRetry, in: run.bus.capabilities.transport)
            } _: {
                _ = try await receiver.settle([
                    Settlement(event.token, .retry(after: .seconds(1), reason: "later"))
                ])
            }
            try await run.settle([event], .acknowledge, with: receiver)
        },
    ]

    static let ending = [
        Promise("a closed receiver says so") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            await receiver.close()
            try await expectError("it is closed") {
                $0 == .closed
            } _: {
                _ = try await receiver.receive(limit: 1, wait: .seconds(1))
            }
            await receiver.close()
        },
        Promise("who waits is released when the receiver closes") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            async let waiting = receiver.receive(limit: 1, wait: .seconds(600))
            await Task.yield()
            await receiver.close()
            do {
                let none = try await waiting
                try expect(none.isEmpty, "nothing was published: \(ids(none))")
            } catch BusError.closed {
                return
            }
        },
        Promise("a closed bus says so, and releases who waits") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            async let waiting = receiver.receive(limit: 1, wait: .seconds(600))
            await Task.yield()
            await run.bus.close()
            do {
                let none = try await waiting
                try expect(none.isEmpty, "nothing was published: \(ids(none))")
            } catch BusError.closed {}
            try await expectError("receiving is over") {
                $0 == .closed
            } _: {
                _ = try await receiver.receive(limit: 1, wait: .seconds(1))
            }
            try await expectError("publishing is over") {
                $0 == .closed
            } _: {
                _ = try await run.bus.publish([run.event("1")], to: run.topic())
            }
            try await expectError("subscribing is over") {
                $0 == .closed
            } _: {
                _ = try await run.bus.subscribe(run.subscription())
            }
            await run.bus.close()
        },
    ]
}

extension BusContract.Run {
    typealias Call = @Sendable () async throws -> Void

    /// For each feature a call that needs it.
    func callsByFeature() throws -> [(Feature, Call)] {
        let (bus, topic, event) = (bus, topic(), try event("1"))
        let subscribe = { @Sendable [self] (change: @Sendable (inout Subscription) -> Void) async throws in
            var subscription = self.subscription()
            change(&subscription)
            await (try bus.subscribe(subscription)).close()
        }
        let later = CloudEventTimestamp.fromNow(milliseconds: 1000)
        let webhook = Rule(
            name: "\(prefix)-hook", topic: topic, pattern: nil,
            targets: [.webhook("https://example.com/hook", secret: nil)])
        let rule = Rule(
            name: "\(prefix)-rule", topic: topic, pattern: nil, targets: [.topic(self.topic("other"))])
        let tick = RecurringEvent(
            name: "\(prefix)-tick", topic: topic, recurrence: .rate(.seconds(60)), event: event)
        var calls: [(Feature, Call)] = [
            (.orderByKey, { try await subscribe { $0.ordering = .byKey } }),
            (.replay, { try await subscribe { $0.start = .earliest } }),
            (.replay, { await (try bus.replay(topic, from: .earliest, pattern: nil)).close() }),
            (.filterByContent, { try await subscribe { $0.pattern = #"{"type": ["a"]}"# } }),
            (.temporarySubscriptions, { try await subscribe { $0.isTemporary = true } }),
            (.delay, { _ = try await bus.publish([event], to: topic, at: later) }),
            (.cancelDelayed, { _ = try await bus.cancel("1") }),
            (.rules, { try await bus.putRule(rule) }),
            (.rules, { try await bus.deleteRule(rule.name) }),
            (.recurring, { try await bus.putSchedule(tick) }),
            (.recurring, { try await bus.deleteSchedule(tick.name) }),
            (.managedSubscriptions, { try await bus.unsubscribe(self.subscription()) }),
            (.deadLetters, { _ = try await bus.deadLetters(of: self.subscription(), limit: 1) }),
        ]
        if features.contains(.rules) { calls.append((.webhooks, { try await bus.putRule(webhook) })) }
        return calls
    }

    /// The first `count` events of a replay, and that there are no more.
    func replayed(
        _ count: Int, from start: ReplayStart, pattern: String? = nil
    ) async throws -> [ReceivedEvent] {
        let reader = try await bus.replay(topic(), from: start, pattern: pattern)
        let found = try await read(count, from: reader)
        let more = try await reader.next(limit: 10, wait: .zero)
        try BusContract.expect(more.isEmpty, "there are \(count), not also \(BusContract.ids(more))")
        await reader.close()
        return found
    }

    func read(_ count: Int, from reader: any ReplayReader) async throws -> [ReceivedEvent] {
        var found: [ReceivedEvent] = []
        try await wait(for: "\(count) stored events") { left in
            found += try await reader.next(limit: count - found.count, wait: left)
            return found.count >= count
        } orSay: {
            "only \(BusContract.ids(found)) came"
        }
        return found
    }
}
