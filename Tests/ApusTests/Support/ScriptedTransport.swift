// SPDX-License-Identifier: Apache-2.0

// A broker small enough to see through: events in lists, everything that was asked of it noted, failures on demand, time by a test's clock.

import Synchronization

@testable import Apus

/// A broker in memory that notes what is asked of it.
final class ScriptedTransport: BusTransport {
    struct Group {
        var subscription: Subscription
        var ready: [ReceivedEvent] = []
        var waiting: [(due: Duration, event: ReceivedEvent)] = []
        var out: [DeliveryToken: ReceivedEvent] = [:]
        var dead: [DeadLetter] = []
        var receiving: [Signal] = []
    }

    struct State {
        var topics: [String: [CloudEvent]] = [:]
        var groups: [String: Group] = [:]
        var publishCalls: [(topic: String, count: Int)] = []
        var publishFailures: [BusError] = []
        /// Topics to which nothing can be published.
        var topicFailures: [String: BusError] = [:]
        var subscribeFailures: [BusError] = []
        var receiveFailures: [BusError] = []
        var settleFailures: [BusError] = []
        var settled: [Settlement.Verdict] = []
        var extended: [Duration] = []
        var rules: [Rule] = []
        var schedules: [RecurringEvent] = []
        var delayed: [(at: CloudEventTimestamp, event: CloudEvent)] = []
        var nextToken: UInt64 = 0
        /// What happens while somebody subscribes, once.
        var whenSubscribed: (@Sendable () async -> Void)?
        var isClosed = false
        var watchers: [(condition: @Sendable (State) -> Bool, signal: Signal)] = []
    }

    let capabilities: Capabilities
    let clock: TestClock
    let state = Mutex(State())

    init(clock: TestClock = TestClock(), without missing: Set<Feature> = []) {
        self.clock = clock
        capabilities = Capabilities(
            transport: "scripted", features: Set(Feature.allCases).subtracting(missing), durability: .memory)
    }

    /// Changes or reads the state, and wakes whoever waits for it to become so.
    @discardableResult
    func change<Result: Sendable>(_ body: (inout State) -> sending Result) -> Result {
        let (result, signals) = state.withLock { state in
            let result = body(&state)
            let met = state.watchers.filter { $0.condition(state) }.map(\.signal)
            state.watchers.removeAll { watcher in met.contains { $0 === watcher.signal } }
            return (result, met)
        }
        for signal in signals { signal.fire() }
        return result
    }

    /// Waits until a condition holds.
    func until(_ condition: @escaping @Sendable (State) -> Bool) async {
        let signal = Signal()
        change { $0.watchers.append((condition, signal)) }
        await signal.wait()
    }

    func settled(_ count: Int) async -> [Settlement.Verdict] {
        await until { $0.settled.count >= count }
        return change(\.settled)
    }

    // MARK: Publish

    func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
        let outcome = change { state -> Result<([Receipt], [Signal]), BusError> in
            state.publishCalls.append((topic, events.count))
            if let failure = state.topicFailures[topic] { return .failure(failure) }
            if !state.publishFailures.isEmpty { return .failure(state.publishFailures.removeFirst()) }
            var receipts: [Receipt] = []
            for event in events {
                let offset = Int64(state.topics[topic, default: []].count)
                state.topics[topic, default: []].append(event)
                receipts.append(Receipt(topic: topic, partition: 0, offset: offset, durability: .memory))
            }
            return .success((receipts, Self.offer(events, topic, &state)))
        }
        let (receipts, signals) = try outcome.get()
        for signal in signals { signal.fire() }
        return receipts
    }

    private static func offer(_ events: [CloudEvent], _ topic: String, _ state: inout State) -> [Signal] {
        var woken: [Signal] = []
        for (name, var group) in state.groups where group.subscription.topic == topic {
            for event in events where group.subscription.types?.contains(event.type) ?? true {
                if let pattern = group.subscription.pattern,
                    !((try? PatternCheck.parse(pattern)).map(PatternCheck.init)?.matches(event) ?? false)
                {
                    continue
                }
                state.nextToken += 1
                group.ready.append(
                    ReceivedEvent(
                        event: event, topic: topic, partition: 0, offset: Int64(state.nextToken) - 1,
                        token: .number(state.nextToken, session: 0)))
            }
            woken += group.receiving
            group.receiving = []
            state.groups[name] = group
        }
        return woken
    }

    func publish(
        _ events: [CloudEvent], to topic: String, at time: CloudEventTimestamp
    ) async throws(BusError) -> [Receipt] {
        change { state in
            events.map { event in
                state.delayed.append((time, event))
                return Receipt(topic: topic, scheduleID: event.id, durability: .memory)
            }
        }
    }

    func cancel(_ scheduleID: String) async throws(BusError) -> Bool {
        change { state in
            let before = state.delayed.count
            state.delayed.removeAll { $0.event.id == scheduleID }
            return state.delayed.count < before
        }
    }

    /// Hands an event to a group as a broker would that got something odd.
    func inject(_ received: ReceivedEvent, into name: String) {
        let signals = change { state in
            state.groups[name]?.ready.append(received)
            defer { state.groups[name]?.receiving = [] }
            return state.groups[name]?.receiving ?? []
        }
        for signal in signals { signal.fire() }
    }

    // MARK: Consume

    func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
        let failure = change { state in
            state.subscribeFailures.isEmpty ? nil : state.subscribeFailures.removeFirst()
        }
        if let failure { throw failure }
        change { state in
            var group = state.groups[subscription.name] ?? Group(subscription: subscription)
            group.subscription = subscription
            state.groups[subscription.name] = group
        }
        let happens = change { state in
            defer { state.whenSubscribed = nil }
            return state.whenSubscribed
        }
        await happens?()
        return ScriptedReceiver(transport: self, name: subscription.name)
    }

    func unsubscribe(_ subscription: Subscription) async throws(BusError) {
        change { $0.groups[subscription.name] = nil }
    }

    func deadLetters(of subscription: Subscription, limit: Int) async throws(BusError) -> [DeadLetter] {
        change { Array($0.groups[subscription.name]?.dead.prefix(limit) ?? []) }
    }

    func replay(
        _ topic: String, from start: ReplayStart, pattern: String?
    ) async throws(BusError) -> any ReplayReader {
        let first: Int64 = if case .offset(let offset) = start { offset } else { 0 }
        return ScriptedReader(transport: self, topic: topic, next: Mutex(Int(first)))
    }

    func putRule(_ rule: Rule) async throws(BusError) { change { $0.rules.append(rule) } }
    func deleteRule(_ name: String) async throws(BusError) {
        change { $0.rules.removeAll { $0.name == name } }
    }
    func putSchedule(_ schedule: RecurringEvent) async throws(BusError) {
        change { $0.schedules.append(schedule) }
    }
    func deleteSchedule(_ name: String) async throws(BusError) {
        change { $0.schedules.removeAll { $0.name == name } }
    }
    func close() async {
        let signals = change { state in
            state.isClosed = true
            return state.groups.values.flatMap(\.receiving)
        }
        for signal in signals { signal.fire() }
    }
}

struct ScriptedReceiver: Receiver {
    let transport: ScriptedTransport
    let name: String

    func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        let clock = transport.clock
        while !Task.isCancelled {
            let signal = Signal()
            let (taken, due) = try transport.change {
                state -> Result<([ReceivedEvent], Duration?), BusError> in
                if state.isClosed { return .failure(.closed) }
                if !state.receiveFailures.isEmpty { return .failure(state.receiveFailures.removeFirst()) }
                guard var group = state.groups[name] else {
                    return .failure(.unknown("subscription '\(name)'"))
                }
                defer { state.groups[name] = group }
                for index in group.waiting.indices.reversed() where group.waiting[index].due <= clock.uptime {
                    group.ready.append(group.waiting.remove(at: index).event)
                }
                let taken = Array(group.ready.prefix(limit))
                group.ready.removeFirst(taken.count)
                for event in taken { group.out[event.token] = event }
                if taken.isEmpty { group.receiving.append(signal) }
                return .success((taken, group.waiting.map(\.due).min()))
            }.get()
            if !taken.isEmpty { return taken }
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await signal.wait() }
                if let due { tasks.addTask { try? await clock.sleep(until: due) } }
                await tasks.next()
                tasks.cancelAll()
            }
        }
        return []
    }

    func settle(_ settlements: [Settlement]) async throws(BusError) -> [SettleResult] {
        let outcome = transport.change { state -> Result<([SettleResult], [Signal]), BusError> in
            if !state.settleFailures.isEmpty { return .failure(state.settleFailures.removeFirst()) }
            guard var group = state.groups[name] else { return .failure(.unknown("subscription '\(name)'")) }
            var results: [SettleResult] = []
            for settlement in settlements {
                state.settled.append(settlement.verdict)
                guard var event = group.out.removeValue(forKey: settlement.token) else {
                    results.append(.expired)
                    continue
                }
                results.append(.settled)
                switch settlement.verdict {
                case .acknowledge: break
                case .release: group.ready.append(event)
                case .retry(let wait, _):
                    event.attempt += 1
                    group.waiting.append((transport.clock.uptime + wait, event))
                case .deadLetter(let reason):
                    group.dead.append(DeadLetter(event: event.event, reason: reason, attempts: event.attempt))
                }
            }
            let signals = group.receiving
            group.receiving = []
            state.groups[name] = group
            return .success((results, signals))
        }
        let (results, signals) = try outcome.get()
        for signal in signals { signal.fire() }
        return results
    }

    func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError) {
        transport.change { state in state.extended += tokens.map { _ in duration } }
    }

    func close() async {
        transport.change { state in
            guard var group = state.groups[name] else { return }
            group.ready += group.out.values
            group.out = [:]
            state.groups[name] = group.subscription.isTemporary ? nil : group
        }
    }
}

final class ScriptedReader: ReplayReader {
    let transport: ScriptedTransport
    let topic: String
    let place: Mutex<Int>

    init(transport: ScriptedTransport, topic: String, next: consuming Mutex<Int>) {
        self.transport = transport
        self.topic = topic
        place = next
    }

    func next(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        let events = transport.change { $0.topics[topic] ?? [] }
        return place.withLock { place in
            let end = min(place + limit, events.count)
            defer { place = max(place, end) }
            guard place < end else { return [] }
            return (place..<end).map {
                ReceivedEvent(
                    event: events[$0], topic: topic, partition: 0, offset: Int64($0),
                    token: .number(0, session: 0))
            }
        }
    }

    func close() async {}
}
