// SPDX-License-Identifier: Apache-2.0

// What the promises have in common: names of their own, events, and waiting for them.

import ApusBus
import CloudEvents

extension BusContract {
    /// One promise being held against one bus.
    struct Run: Sendable {
        let bus: any BusTransport
        let subject: Subject
        let prefix = "contract-" + String(UInt64.random(in: .min ... .max), radix: 36)

        var features: Set<Feature> { bus.capabilities.features }

        /// A topic that no other run has.
        func topic(_ name: String = "orders") -> String { "\(prefix)-\(name)" }

        /// A subscription to ``topic(_:)`` that no other run has.
        func subscription(_ group: String = "billing", topic: String? = nil) -> Subscription {
            Subscription(group: "\(prefix)-\(group)", topic: topic ?? self.topic())
        }

        func event(
            _ id: String, type: String = "contract.happened", key: String? = nil, data: CloudEventData? = nil
        ) throws -> CloudEvent {
            var extensions = CloudEventExtensions()
            if let key { try extensions.set("partitionkey", to: .string(key)) }
            return try CloudEvent(
                id: id, source: "/\(prefix)", type: type, extensions: extensions, data: data)
        }

        func events(_ ids: Range<Int>, type: String = "contract.happened") throws -> [CloudEvent] {
            try ids.map { try event("\($0)", type: type) }
        }

        /// Events one after the other until there are `count`, settled by `verdict` if there is one.
        ///
        /// - Throws: ``Violation`` when they do not come in time.
        func take(
            _ count: Int, from receiver: any Receiver, _ verdict: Settlement.Verdict? = .acknowledge
        ) async throws -> [ReceivedEvent] {
            var taken: [ReceivedEvent] = []
            try await wait(for: "\(count) events") { left in
                let some = try await receiver.receive(limit: count - taken.count, wait: left)
                taken += some
                if let verdict { try await settle(some, verdict, with: receiver) }
                return taken.count >= count
            } orSay: {
                "only \(ids(taken)) came"
            }
            try expect(taken.count == count, "no more than \(count) events were asked for: \(ids(taken))")
            return taken
        }

        /// Takes and acknowledges until the event with this id is there.
        func take(until id: String, from receiver: any Receiver) async throws -> [ReceivedEvent] {
            var taken: [ReceivedEvent] = []
            try await wait(for: "event \(id)") { left in
                let some = try await receiver.receive(limit: 16, wait: left)
                taken += some
                try await settle(some, .acknowledge, with: receiver)
                return taken.contains { $0.event.id == id }
            } orSay: {
                "only \(ids(taken)) came"
            }
            return taken
        }

        func settle(
            _ events: [ReceivedEvent], _ verdict: Settlement.Verdict, with receiver: any Receiver
        ) async throws {
            guard !events.isEmpty else { return }
            let results = try await receiver.settle(events.map { Settlement($0.token, verdict) })
            try expect(
                results == Array(repeating: .settled, count: events.count),
                "\(verdict) counts for \(ids(events)), not \(results)")
        }

        func deadLetters(
            of subscription: Subscription, _ count: Int
        ) async throws -> [DeadLetter] {
            var letters: [DeadLetter] = []
            try await wait(for: "\(count) dead letters") { _ in
                letters = try await bus.deadLetters(of: subscription, limit: 100)
                return letters.count >= count
            } orSay: {
                "there are \(letters.count)"
            }
            return letters
        }

        /// Calls `body` with a time to wait for until it says yes.
        func wait(
            for what: String, _ body: (_ left: Duration) async throws -> Bool, orSay found: () -> String
        ) async throws {
            let deadline = ContinuousClock.now + subject.patience
            while true {
                if try await body(min(.seconds(1), max(.zero, ContinuousClock.now.duration(to: deadline)))) {
                    return
                }
                guard ContinuousClock.now < deadline else {
                    throw Violation(description: "\(what) come: \(found())")
                }
                await Task.yield()
            }
        }
    }

    static func ids(_ events: [ReceivedEvent]) -> [String] { events.map(\.event.id) }

    static func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        guard condition else { throw Violation(description: what()) }
    }

    static func expectSame(_ events: [ReceivedEvent], _ ids: [String]) throws {
        let came = BusContract.ids(events).sorted()
        try expect(came == ids.sorted(), "events \(ids.sorted()) come, each once, not \(came)")
    }

    /// - Throws: ``Violation`` unless `body` throws an error that `isMeant` accepts.
    static func expectError(
        _ what: String, _ isMeant: (BusError) -> Bool, _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let error as BusError {
            return try expect(isMeant(error), "\(what), not \(error)")
        }
        throw Violation(description: "\(what), but nothing was thrown")
    }
}
