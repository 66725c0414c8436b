// SPDX-License-Identifier: Apache-2.0

// The bus for tests in the words of the typed library: events as values, consumers that run while a test looks.

public import Apus
public import ApusBus
import CloudEvents
public import Logging
import Synchronization

extension Bus {
    /// The bus of an application under test, on the time of `test`.
    public convenience init(
        testing test: TestBus, logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) {
        self.init(transport: test, options: BusOptions(logger: logger, clock: TestBusClock(test)))
    }
}

extension TestBus {
    /// What was published of a kind so far, in order.
    ///
    /// - Throws: ``UnreadableEvent`` when an event of the type has other data.
    public func published<E: Event>(_ type: E.Type) throws -> [E] {
        try published().map(\.event).filter { $0.isOf(type) }.map { try $0.decoded() }
    }

    /// What was handled of a kind so far, in order, with the verdict on each attempt; only by `group` if given.
    public func consumed<E: Event>(
        _ type: E.Type, by group: String? = nil
    ) throws -> [(event: E, attempt: Int, verdict: Settlement.Verdict)] {
        try consumed().filter { one in
            one.event.event.isOf(type)
                && (group.map { one.subscription == "\($0).\(one.event.topic)" } ?? true)
        }.map { (try $0.event.event.decoded(), $0.event.attempt, $0.verdict) }
    }

    /// What was given up of a kind so far, with the reasons.
    public func deadLettered<E: Event>(_ type: E.Type) async throws -> [(event: E, reason: String)] {
        try await deadLettered(by: nil).map(\.letter).filter { $0.event.isOf(type) }
            .map { (try $0.event.decoded(), $0.reason) }
    }

    /// Runs consumers while `body` goes on, and then stops them. Their subscriptions are there before `body` begins.
    public func running<Result: Sendable>(
        _ consumers: Apus.Consumer..., body: @Sendable () async throws -> Result
    ) async throws -> Result {
        for consumer in consumers { try await consumer.subscribe() }
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            for consumer in consumers { tasks.addTask { try await consumer.run() } }
            // Before that, there would be nobody whom settling could wait for.
            await opened(Set(consumers.flatMap(\.subscriptions).map(\.name)))
            let result = try await body()
            for consumer in consumers { consumer.stop() }
            try await tasks.waitForAll()
            return result
        }
    }
}

extension TestBus {
    /// Returns when receivers of all these subscriptions are open.
    private func opened(_ names: Set<String>) async {
        while !Task.isCancelled {
            let (changes, open) = state.state.withLock { state in
                (state.changes, Set(state.receivers.values.map(\.subscription.name)))
            }
            if names.isSubset(of: open) { return }
            await change(since: changes)
        }
    }
}

extension CloudEvent {
    fileprivate func isOf<E: Event>(_ kind: E.Type) -> Bool { type == E.type && dataVersion == E.version }
}

/// The time of a bus for tests.
struct TestBusClock: BusClock {
    private let test: TestBus

    init(_ test: TestBus) { self.test = test }

    var wallTime: CloudEventTimestamp { test.now }
    var uptime: Duration { test.clock.now }

    func sleep(until uptime: Duration) async throws {
        while true {
            let changes = test.state.state.withLock(\.changes)
            guard test.clock.now < uptime else { return }
            try Task.checkCancellation()
            await test.change(since: changes)
        }
    }
}
