// SPDX-License-Identifier: Apache-2.0

// An outside broker that does as a test says: publishes fail by script, and a source hands out what it was given until it is settled, loses its connection
// on request, and hands out again what was not settled.

import ApusBus
import CloudEvents
import Synchronization

/// A broker by script.
final class ScriptedBus: BusTransport {
    typealias Script = @Sendable ([CloudEvent], Int) async -> BusError?

    private struct State {
        var calls: [[CloudEvent]] = []
        var topics: [String] = []
        var subscriptions: [Subscription] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let script: Script
    let source: ScriptedSource

    /// `script` gets the events of a call and its number, from 0; nil takes them all.
    init(source: ScriptedSource = ScriptedSource([]), script: @escaping Script = { _, _ in nil }) {
        self.source = source
        self.script = script
    }

    var capabilities: Capabilities {
        Capabilities(transport: "scripted", features: [], durability: .memory)
    }
    var calls: [[CloudEvent]] { state.withLock(\.calls) }
    var topics: [String] { state.withLock(\.topics) }
    var subscriptions: [Subscription] { state.withLock(\.subscriptions) }
    var isClosed: Bool { state.withLock(\.isClosed) }

    func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
        let number = state.withLock { state in
            state.calls.append(events)
            state.topics.append(topic)
            return state.calls.count - 1
        }
        if let error = await script(events, number) { throw error }
        return events.map { _ in Receipt(topic: topic, durability: .memory) }
    }

    func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
        state.withLock { $0.subscriptions.append(subscription) }
        return source.open()
    }

    func close() async { state.withLock { $0.isClosed = true } }

    func publish(
        _ events: [CloudEvent], to topic: String, at time: CloudEventTimestamp
    ) async throws(BusError) -> [Receipt] { throw .closed }
    func cancel(_ scheduleID: String) async throws(BusError) -> Bool { false }
    func unsubscribe(_ subscription: Subscription) async throws(BusError) {}
    func deadLetters(of subscription: Subscription, limit: Int) async throws(BusError) -> [DeadLetter] { [] }
    func replay(
        _ topic: String, from start: ReplayStart, pattern: String?
    ) async throws(BusError) -> any ReplayReader { throw .closed }
    func putRule(_ rule: Rule) async throws(BusError) {}
    func deleteRule(_ name: String) async throws(BusError) {}
    func putSchedule(_ schedule: RecurringEvent) async throws(BusError) {}
    func deleteSchedule(_ name: String) async throws(BusError) {}
}

/// What a scripted broker hands out.
final class ScriptedSource: Sendable {
    struct State {
        /// Not settled, in order.
        var events: [CloudEvent]
        var problems: [String: String] = [:]
        var settled: [(id: String, verdict: Settlement.Verdict)] = []
        /// How many sessions there were; tokens of a former one have expired.
        var session: UInt64 = 0
        /// Places of ``events`` that the session has handed out.
        var handedOut: Set<String> = []
        /// How many more hand-outs until the connection is lost.
        var handOutsLeft: Int?
        var isOpen = false
    }

    let state: Mutex<State>
    /// Called with each settlement before it counts.
    let onSettle: @Sendable (String, Settlement.Verdict) async -> Void

    init(
        _ events: [CloudEvent], problems: [String: String] = [:], losesAfter handOuts: Int? = nil,
        onSettle: @escaping @Sendable (String, Settlement.Verdict) async -> Void = { _, _ in }
    ) {
        state = Mutex(State(events: events, problems: problems, handOutsLeft: handOuts))
        self.onSettle = onSettle
    }

    var settled: [(id: String, verdict: Settlement.Verdict)] { state.withLock(\.settled) }
    var sessions: UInt64 { state.withLock(\.session) }
    var isOpen: Bool { state.withLock(\.isOpen) }

    func open() -> ScriptedReceiver {
        let number = state.withLock { state in
            state.session += 1
            state.handedOut = []
            state.isOpen = true
            return state.session
        }
        return ScriptedReceiver(source: self, session: number)
    }
}

/// One open subscription of it.
struct ScriptedReceiver: Receiver {
    let source: ScriptedSource
    let session: UInt64

    func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        let result = source.state.withLock { state -> Result<[ReceivedEvent], BusError> in
            guard state.session == session else { return .failure(.closed) }
            let fresh = state.events.filter { !state.handedOut.contains($0.id) }.prefix(limit)
            if !fresh.isEmpty, let left = state.handOutsLeft {
                state.handOutsLeft = left == 0 ? nil : left - 1
                if left == 0 { return .failure(.unavailable("the line is cut")) }
            }
            state.handedOut.formUnion(fresh.map(\.id))
            return .success(
                fresh.map { event in
                    ReceivedEvent(
                        event: event, problem: state.problems[event.id], topic: "t",
                        token: .text("\(session)/\(event.id)"))
                })
        }
        let events = try result.get()
        // As brokers do, it waits when there is nothing; a test has no time for as long as that.
        if events.isEmpty { try? await Task.sleep(for: .milliseconds(2)) }
        return events
    }

    func settle(_ settlements: [Settlement]) async throws(BusError) -> [SettleResult] {
        var results: [SettleResult] = []
        for settlement in settlements {
            guard case .text(let text) = settlement.token else { throw .invalid("no token of this source") }
            let parts = text.split(separator: "/", maxSplits: 1)
            let id = String(parts[1])
            await source.onSettle(id, settlement.verdict)
            results.append(
                source.state.withLock { state in
                    guard String(state.session) == parts[0] else { return .expired }
                    state.events.removeAll { $0.id == id }
                    state.settled.append((id, settlement.verdict))
                    return .settled
                })
        }
        return results
    }

    func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError) {}

    func close() async {
        source.state.withLock { state in
            if state.session == session { state.isOpen = false }
        }
    }
}

extension TransportScheme {
    /// `scripted:`: reaches these buses, one after the other; nil for a broker that is not there. The last one stays.
    static func scripted(_ buses: [ScriptedBus?]) -> TransportScheme {
        let left = Mutex(buses[...])
        return TransportScheme(
            names: ["scripted"],
            capabilities: Capabilities(transport: "scripted", features: [], durability: .memory)
        ) { url, _ throws(BusError) in
            guard url.path != "wrong" else { throw .invalid("there is no such setting") }
            let bus = left.withLock { left in left.count > 1 ? left.popFirst() ?? nil : left.first ?? nil }
            guard let bus else { throw .unavailable("nobody listens") }
            return bus
        }
    }
}
