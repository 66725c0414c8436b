// SPDX-License-Identifier: Apache-2.0

// Buses in memory that have a name: parts of a program that know nothing of each other meet on them.

import ApusBus
import CloudEvents
import Synchronization

/// Buses in memory by name, each open as long as somebody has it.
final class SharedBuses: Sendable {
    static let all = SharedBuses()

    private let buses = Mutex<[String: (bus: EmbeddedBus, users: Int)]>([:])

    /// The bus of this name, opened if nobody has it.
    func open(
        _ name: String, _ make: () async throws(BusError) -> EmbeddedBus
    ) async throws(BusError) -> any BusTransport {
        if let bus = join(name, nil) { return SharedBus(bus, name) }
        let made = try await make()
        // Somebody may have been faster.
        guard let bus = join(name, made), bus !== made else { return SharedBus(made, name) }
        await made.close()
        return SharedBus(bus, name)
    }

    private func join(_ name: String, _ made: EmbeddedBus?) -> EmbeddedBus? {
        buses.withLock { buses in
            guard let bus = buses[name]?.bus ?? made else { return nil }
            buses[name] = (bus, (buses[name]?.users ?? 0) + 1)
            return bus
        }
    }

    /// Takes one user away; the bus when that was the last.
    fileprivate func leave(_ name: String, _ bus: EmbeddedBus) -> EmbeddedBus? {
        buses.withLock { buses in
            guard let entry = buses[name], entry.bus === bus else { return nil }
            guard entry.users == 1 else {
                buses[name] = (entry.bus, entry.users - 1)
                return nil
            }
            buses[name] = nil
            return bus
        }
    }
}

/// One user's hold on a bus that has a name: closing it ends what this user opened.
private final class SharedBus: BusTransport {
    private struct State {
        var isClosed = false
        var receivers: [any Receiver] = []
    }

    private let bus: EmbeddedBus
    private let name: String
    private let state = Mutex(State())

    init(_ bus: EmbeddedBus, _ name: String) {
        self.bus = bus
        self.name = name
    }

    var capabilities: Capabilities { bus.capabilities }

    private func open() throws(BusError) -> EmbeddedBus {
        if state.withLock(\.isClosed) { throw .closed }
        return bus
    }

    func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
        try await open().publish(events, to: topic)
    }

    func publish(
        _ events: [CloudEvent], to topic: String, at time: CloudEventTimestamp
    ) async throws(BusError) -> [Receipt] {
        try await open().publish(events, to: topic, at: time)
    }

    func cancel(_ scheduleID: String) async throws(BusError) -> Bool {
        try await open().cancel(scheduleID)
    }

    func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
        let receiver = try await open().subscribe(subscription)
        let isClosed = state.withLock { state in
            state.receivers.removeAll { ($0 as? EmbeddedReceiver)?.isOver ?? false }
            if !state.isClosed { state.receivers.append(receiver) }
            return state.isClosed
        }
        guard !isClosed else {
            await receiver.close()
            throw .closed
        }
        return receiver
    }

    func unsubscribe(_ subscription: Subscription) async throws(BusError) {
        try await open().unsubscribe(subscription)
    }

    func deadLetters(of subscription: Subscription, limit: Int) async throws(BusError) -> [DeadLetter] {
        try await open().deadLetters(of: subscription, limit: limit)
    }

    func replay(
        _ topic: String, from start: ReplayStart, pattern: String?
    ) async throws(BusError) -> any ReplayReader {
        try await open().replay(topic, from: start, pattern: pattern)
    }

    func putRule(_ rule: Rule) async throws(BusError) { try await open().putRule(rule) }
    func deleteRule(_ name: String) async throws(BusError) { try await open().deleteRule(name) }
    func putSchedule(_ schedule: RecurringEvent) async throws(BusError) {
        try await open().putSchedule(schedule)
    }
    func deleteSchedule(_ name: String) async throws(BusError) { try await open().deleteSchedule(name) }

    func close() async {
        let receivers = state.withLock { state -> [any Receiver]? in
            guard !state.isClosed else { return nil }
            state.isClosed = true
            return state.receivers
        }
        guard let receivers else { return }
        for receiver in receivers { await receiver.close() }
        await SharedBuses.all.leave(name, bus)?.close()
    }
}
