// SPDX-License-Identifier: Apache-2.0

// What the tests of the engine share: an engine on memory whose time and turns are the test's.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import ApusTesting
import CloudEvents
import Logging
import Synchronization

/// An engine on a memory store, with a manual clock and a scripted target, whose worker runs as tests need it.
final class EngineRig: Sendable {
    let store: MemoryLogStore
    let clock: ManualClock
    let target: ScriptedTarget
    let engine: Engine

    convenience init(
        store: MemoryLogStore = MemoryLogStore(), clock: ManualClock = ManualClock(),
        target: ScriptedTarget = ScriptedTarget(), seed: UInt64 = 7,
        _ configure: (inout EngineOptions) -> Void = { _ in }
    ) throws {
        try self.init(store, behind: store, clock: clock, target: target, seed: seed, configure)
    }

    /// An engine on memory with the manners of `uncertain`.
    convenience init(through uncertain: UncertainStore) throws {
        try self.init(
            uncertain.memory, behind: uncertain, clock: ManualClock(), target: ScriptedTarget(), seed: 7)
    }

    private init(
        _ store: MemoryLogStore, behind outer: any LogStore, clock: ManualClock, target: ScriptedTarget,
        seed: UInt64, _ configure: (inout EngineOptions) -> Void = { _ in }
    ) throws {
        var options = EngineOptions()
        configure(&options)
        self.store = store
        self.clock = clock
        self.target = target
        engine = try Engine(
            store: outer, clock: clock, entropy: Entropy(seed: seed), options: options,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, dispatcher: target,
            isDriven: true)
        settle()
    }

    /// The same store in a new life.
    func restarted(
        target: ScriptedTarget = ScriptedTarget(), _ configure: (inout EngineOptions) -> Void = { _ in }
    ) throws -> EngineRig {
        engine.stop()
        return try EngineRig(store: store, clock: clock, target: target, seed: 99, configure)
    }

    /// Gives the engine turns until there is nothing to do before time passes.
    func settle() {
        for _ in 0..<10_000 {
            guard let deadline = engine.turn(), deadline <= clock.now else { return }
        }
    }

    /// Lets time pass in steps, with turns in between.
    func pass(_ duration: Duration, step: Duration = .seconds(1)) {
        var passed = Duration.zero
        while passed < duration {
            clock.advance(by: min(step, duration - passed))
            passed += step
            settle()
        }
    }

    /// Runs something that waits for the engine's worker, which is the test itself.
    func driving<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        let work = Task { try await body() }
        let isDone = Flag()
        let watcher = Task {
            _ = await work.result
            isDone.raise()
        }
        while !isDone.isRaised {
            settle()
            await Task.yield()
        }
        await watcher.value
        return try await work.value
    }

    @discardableResult
    func topic(_ name: String, _ settings: TopicSettings = TopicSettings()) async throws -> TopicDescription {
        let name = try ResourceName(name)
        return try await driving { [engine] in try await engine.createTopic(name, settings) }
    }

    @discardableResult
    func subscription(
        _ name: String, _ settings: SubscriptionSettings
    ) async throws -> SubscriptionDescription {
        let name = try ResourceName(name)
        return try await driving { [engine] in try await engine.createSubscription(name, settings) }
    }

    @discardableResult
    func rule(_ name: String, _ settings: RuleSettings) async throws -> Bool {
        let name = try ResourceName(name)
        return try await driving { [engine] in try await engine.putRule(name, settings).isNew }
    }

    @discardableResult
    func publish(
        _ ids: [String], to topic: String, key: String? = nil, type: String = "t"
    ) async throws
        -> [PublishReceipt]
    {
        let name = try ResourceName(topic)
        let events = try ids.map {
            try CloudEvent(
                id: $0, source: "/test", type: type, dataContentType: "application/json",
                data: CloudEventData(text: "{\"id\":\"\($0)\"}"))
        }
        return try await driving { [engine] in try await engine.publish(events, to: name, key: key) }
    }

    func receive(_ name: String, limit: Int = 100, wait: Duration = .zero) async throws -> [LeasedEvent] {
        let name = try ResourceName(name)
        return try await driving { [engine] in
            try await engine.receive(name, limit: limit, wait: wait, lease: nil)
        }
    }

    @discardableResult
    func settle(_ name: String, _ leases: [String], _ verdict: Verdict) async throws -> [SettleResult] {
        let name = try ResourceName(name)
        return try await driving { [engine] in try await engine.settle(name, leases: leases, verdict: verdict)
        }
    }

    func ids(of topic: String) async throws -> [String] {
        let name = try ResourceName(topic)
        var ids: [String] = []
        for partition in try engine.topic(name).partitions {
            let fetched = try await engine.fetch(
                name, partition: partition.number, from: .earliest, limit: 1000, pattern: nil, wait: .zero)
            ids += fetched.events.map(\.event.id)
        }
        return ids
    }

    func describe(_ subscription: String) throws -> SubscriptionDescription {
        try engine.subscription(try ResourceName(subscription))
    }
}

extension SubscriptionSettings {
    static func shared(
        _ topic: String, start: StartPosition = .earliest,
        _ change: (inout SubscriptionSettings) -> Void = { _ in }
    ) throws -> SubscriptionSettings {
        var settings = SubscriptionSettings(topic: try ResourceName(topic), start: start)
        change(&settings)
        return settings
    }
}

extension RuleSettings {
    static func copying(
        _ topic: String, to targets: String..., matching pattern: Pattern = .matchAll
    ) throws -> RuleSettings {
        RuleSettings(
            topic: try ResourceName(topic), pattern: pattern,
            targets: try targets.map { .topic(try ResourceName($0)) })
    }
}

extension MemoryLogStore {
    /// Refuses appends to one log, or takes them again.
    func refuseAppends(to log: LogID, with error: LogError?) {
        var refusals = Refusals()
        refusals.appends = error
        refuse(log, refusals)
    }

    /// Refuses reads of one log, or takes them again.
    func refuseReads(of log: LogID, with error: LogError?) {
        var refusals = Refusals()
        refusals.reads = error
        refuse(log, refusals)
    }

    /// Lets one log not be claimed, or be claimed again.
    func refuseClaims(of log: LogID, with error: LogError?) {
        var refusals = Refusals()
        refusals.claims = error
        refuse(log, refusals)
    }

    /// The logs that `before` does not name: those that were made since.
    func logs(since before: [LogID]) throws -> [LogID] { try logs().filter { !before.contains($0) } }
}

/// A flag that is raised once.
final class Flag: Sendable {
    private let state = Atomic(false)
    var isRaised: Bool { state.load(ordering: .acquiring) }
    func raise() { state.store(true, ordering: .releasing) }
}
