// SPDX-License-Identifier: Apache-2.0

// What a handler can know of its event beside the value: all attributes, where it came from, which attempt this is. Behind one reference, because it
// is handed from layer to layer, and in a task-local, because what is published while it is handled says so.

public import CloudEvents
public import Logging

/// Thrown by ``EventContext/hold(until:)``: the consumer ends, and the event is given back as if it had not been handed out.
public struct HeldBack: Error, Sendable, Hashable {}

/// The circumstances in which an event is handled.
public struct EventContext: Sendable {
    /// The context of the event that the current task handles.
    @TaskLocal static var current: EventContext?

    /// All of it.
    ///
    /// Invariant: what can change does so only in ``begin(in:at:transaction:)``, before anybody but the worker has the context.
    final class Storage: Sendable {
        let received: ReceivedEvent
        let group: String
        let bus: Bus
        /// The consumer is to end; nil in a replay.
        let stopping: Signal?
        /// Where it is noted that a handler began, for timeouts; nil in a replay, and before a worker has it.
        private(set) nonisolated(unsafe) var slot: HandlingSlot?
        /// Where the queue keeps its token, once a worker has it.
        private(set) nonisolated(unsafe) var place = 0
        /// Where what is published is kept until the event is acknowledged; nil where it is published at once.
        private(set) nonisolated(unsafe) var transaction: EventTransaction?

        init(_ received: consuming ReceivedEvent, group: String, bus: Bus, stopping: Signal?) {
            self.received = received
            self.group = group
            self.bus = bus
            self.stopping = stopping
        }

        /// A worker has the event, and is about to handle it.
        func begin(in slot: HandlingSlot?, at place: Int, transaction: EventTransaction?) {
            (self.slot, self.place, self.transaction) = (slot, place, transaction)
        }
    }

    let storage: Storage

    init(_ received: consuming ReceivedEvent, group: String, bus: Bus, stopping: Signal? = nil) {
        storage = Storage(received, group: group, bus: bus, stopping: stopping)
    }

    /// Waits, for middleware that holds an event back: a consumer that is to end does not wait for this, but gives the event back.
    ///
    /// - Parameter uptime: until when, on the clock of the bus.
    /// - Throws: ``HeldBack`` when the consumer is to end, which middleware passes on; `CancellationError` when the task is cancelled.
    public func hold(until uptime: Duration) async throws {
        let clock = bus.clock
        guard clock.uptime < uptime else { return }
        guard let stopping = storage.stopping else { return try await clock.sleep(until: uptime) }
        let isOver = try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await clock.sleep(until: uptime)
                return false
            }
            tasks.addTask {
                await stopping.wait()
                return true
            }
            defer { tasks.cancelAll() }
            return try await tasks.next() ?? true
        }
        try Task.checkCancellation()
        if isOver { throw HeldBack() }
    }

    /// The event as it travelled: its attributes, and its data as bytes.
    public var event: CloudEvent { storage.received.event }
    /// The event's data as it travelled; empty when it has none.
    public var data: [UInt8] { storage.received.event.data?.bytes ?? [] }
    /// The identity of the event, unique together with its source.
    public var id: String { storage.received.event.id }
    /// The topic that it came from.
    public var topic: String { storage.received.topic }
    /// The partition, where the broker has any.
    public var partition: Int? { storage.received.partition }
    /// Its place in the partition, where the broker has any.
    public var offset: Int64? { storage.received.offset }
    /// When the broker got it, where it says so.
    public var publishedAt: CloudEventTimestamp? { storage.received.publishedAt }
    /// Which attempt this is, from 1.
    public var attempt: Int { storage.received.attempt }
    /// Who consumes; empty in a replay.
    public var group: String { storage.group }
    /// The bus, for what the handler publishes.
    public var bus: Bus { storage.bus }
    /// The key of the event.
    public var key: String? { event.extensions[.partitionKey] }
    /// What is common to all events of one flow: what the event says, or its own identity, with which a flow begins.
    public var correlationID: String { event.extensions[.correlationID] ?? event.id }
    /// The event that caused this one.
    public var causationID: String? { event.extensions[.causationID] }
    /// The problem with an event that is not whole.
    var problem: String? { storage.received.problem }

    /// A logger that says which event this is about.
    public var logger: Logger {
        var logger = bus.options.logger
        logger[metadataKey: "topic"] = "\(topic)"
        logger[metadataKey: "event"] = "\(event.id)"
        logger[metadataKey: "type"] = "\(event.type)"
        logger[metadataKey: "attempt"] = "\(attempt)"
        logger[metadataKey: "correlation"] = "\(correlationID)"
        if !group.isEmpty { logger[metadataKey: "group"] = "\(group)" }
        return logger
    }
}
