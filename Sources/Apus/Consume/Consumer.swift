// SPDX-License-Identifier: Apache-2.0

// A consumer as a program sees it: put together by the bus, run by a service group.

public import ApusBus
import Logging
public import ServiceLifecycle

extension Bus {
    /// Puts a consumer together. Programs with the same group share the events of a topic; each group gets all of them.
    ///
    /// ```swift
    /// let billing = try bus.consumer(group: "billing", options: .init(ordering: .byKey)) {
    ///     Handle(OrderPlaced.self) { order, context in
    ///         guard order.total > 0 else { throw Reject("nothing to pay") }
    ///         try await charge(order)
    ///     }
    /// }
    /// try await ServiceGroup(services: [billing], gracefulShutdownSignals: [.sigterm], logger: logger).run()
    /// ```
    ///
    /// - Parameters:
    ///   - group: who consumes.
    ///   - topic: what is consumed; nil for the topic of each handler's event.
    ///   - options: how.
    ///   - parts: handlers, upcasters and middleware.
    /// - Throws: ``AssemblyError`` when the parts do not fit together or ask for what the broker cannot do. Nothing has been consumed then.
    public func consumer(
        group: String, topic: String? = nil, options: ConsumerOptions = ConsumerOptions(),
        @ConsumerBuilder _ parts: () -> [ConsumerPart]
    ) throws(AssemblyError) -> Consumer {
        let assembly = ConsumerAssembly(
            bus: self, group: group, topic: topic, options: options, parts: parts())
        return Consumer(bus: self, group: group, options: options, plans: try assembly.plans())
    }
}

/// A consumer: runs until it is told to stop, and then finishes what it has begun.
///
/// A graceful shutdown (`ServiceGroup` of ServiceLifecycle, or ``stop()``) ends receiving at once, gives back what no handler has begun with, waits
/// for the handlers that run, for ``ConsumerOptions/grace`` at most, and settles. Cancelling the task cancels the handlers, too; their events come again.
public struct Consumer: Service, Sendable {
    /// Who consumes.
    public let group: String
    /// What it opens with the broker, one for each topic.
    public var subscriptions: [Subscription] { plans.map(\.subscription) }

    let bus: Bus
    let options: ConsumerOptions
    let plans: [TopicPlan]
    private let stopping = Signal()

    init(bus: Bus, group: String, options: ConsumerOptions, plans: [TopicPlan]) {
        self.bus = bus
        self.group = group
        self.options = options
        self.plans = plans
    }

    /// Makes the consumer's subscriptions without consuming, so that what is published from now on waits for it.
    public func subscribe() async throws(BusError) {
        for plan in plans {
            let receiver = try await bus.transport.subscribe(plan.subscription)
            await receiver.close()
        }
    }

    /// What this consumer has given up, oldest first, at most `limit` of each topic; they stay where they are.
    public func deadLetters(limit: Int = 100) async throws(BusError) -> [DeadLetter] {
        var letters: [DeadLetter] = []
        for plan in plans {
            letters += try await bus.transport.deadLetters(of: plan.subscription, limit: limit)
        }
        return letters
    }

    /// Has ``run()`` end as a graceful shutdown does. For programs without a service group; a consumer that was stopped does not run again.
    public func stop() { stopping.fire() }

    /// Consumes until it is stopped. A broker that is away, at the beginning or later, is waited for.
    ///
    /// - Throws: ``BusError`` when the broker will never hand out anything again. The consumer may then run once more.
    public func run() async throws {
        try await withGracefulShutdownHandler {
            // Of this run alone: when one topic cannot go on the others finish, and the consumer may run again.
            try await withEnding(before: stopping) { try await runTopics(until: $0) }
        } onGracefulShutdown: {
            stopping.fire()
        }
    }

    private func runTopics(until ending: Signal) async throws {
        try await withThrowingTaskGroup(of: Void.self) { topics in
            for plan in plans {
                topics.addTask {
                    if let id = options.transactions {
                        return try await runInTransactions(
                            plan, "\(id).\(plan.subscription.topic)", until: ending)
                    }
                    let receiver = try await opened(ending) { () async throws(BusError) in
                        try await bus.transport.subscribe(plan.subscription)
                    }
                    guard let receiver else { return }
                    try await TopicRun(
                        consumer: self, plan: plan, receiver: receiver, desk: nil, stopping: ending
                    ).run()
                }
            }
            var failure: (any Error)?
            while let result = await topics.nextResult() {
                // One topic cannot go on: the others finish what they have.
                if case .failure(let error) = result, failure == nil {
                    failure = error
                    ending.fire()
                }
            }
            if let failure { throw failure }
        }
    }

    /// Gives `body` an end of its own, which comes with `signal` at the latest.
    private func withEnding(
        before signal: Signal, _ body: @escaping @Sendable (Signal) async throws -> Void
    ) async throws {
        let ending = Signal()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                await signal.wait()
                ending.fire()
            }
            defer { tasks.cancelAll() }
            try await body(ending)
        }
    }

    /// What is opened with the broker, as soon as that is there; nil when the end comes first.
    private func opened<Value: Sendable>(
        _ ending: Signal, _ open: () async throws(BusError) -> Value
    ) async throws -> Value? {
        var failures = 0
        while true {
            do throws(BusError) { return try await open() } catch {
                guard error.isRetryable else { throw error }
                failures += 1
                bus.logger.warning(
                    "the broker cannot be consumed from yet; trying again",
                    metadata: ["group": "\(group)", "error": "\(error)", "failures": "\(failures)"])
                await pause(Duration.milliseconds(100) * (1 << min(failures, 9)), ending)
                try Task.checkCancellation()
                if ending.hasHappened { return nil }
            }
        }
    }

    /// Waits, but not beyond the end.
    private func pause(_ duration: Duration, _ ending: Signal) async {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await bus.clock.sleep(for: min(duration, .seconds(20))) }
            tasks.addTask { await ending.wait() }
            await tasks.next()
            tasks.cancelAll()
        }
    }

    /// Consumes a topic in transactions, and begins anew when it is not known how the last one ended.
    private func runInTransactions(_ plan: TopicPlan, _ id: String, until stopping: Signal) async throws {
        var failures = 0
        while true {
            // Before subscribing: what a former life left open holds up the subscription.
            let transactions = try await opened(stopping) { () async throws(BusError) in
                try await bus.transport.transactions(id: id)
            }
            guard let transactions else { return }
            let desk = TransactionDesk(transactions)
            do {
                let receiver = try await opened(stopping) { () async throws(BusError) in
                    try await bus.transport.subscribe(plan.subscription)
                }
                if let receiver {
                    // Of this life alone: its end is not the consumer's.
                    try await withEnding(before: stopping) { ending in
                        try await TopicRun(
                            consumer: self, plan: plan, receiver: receiver, desk: desk, stopping: ending
                        ).run()
                    }
                }
            } catch {
                await transactions.close()
                throw error
            }
            await transactions.close()
            guard let failure = desk.failure else { return }
            guard failure.mayBeginAnew else { throw failure }
            if stopping.hasHappened || Task.isCancelled { return }
            failures += 1
            await pause(Duration.milliseconds(100) * (1 << min(failures, 8)), stopping)
            if stopping.hasHappened || Task.isCancelled { return }
        }
    }
}

extension BusError {
    /// Whether transactions can go on with another receiver: nothing is wrong but that one could not be ended.
    fileprivate var mayBeginAnew: Bool {
        if case .undecided = self { true } else { isRetryable }
    }
}
