// SPDX-License-Identifier: Apache-2.0

// Stored events of a server read again: each partition from its place on, in turn.

import ApusBus
import ApusClient
import CloudEvents
import JSONText
import Synchronization

extension ServerBus {
    func replay(
        _ topic: String, from start: ReplayStart, pattern: String?
    ) async throws(BusError) -> any ReplayReader {
        let name = try name(topic)
        let pattern = try self.pattern(pattern)
        let info = try await call { () async throws(ApusClientError) in try await client.topic(name) }
        let position: Position
        switch start {
        case .earliest: position = .earliest
        case .latest: position = .latest
        case .offset(let offset):
            guard offset >= 0 else { throw .invalid("offsets begin at 0, not at \(offset)") }
            for partition in info.partitions where offset < partition.start {
                throw .trimmed(start: partition.start)
            }
            position = .offset(offset)
        case .time(let time):
            guard let parsed = Position(time.description) else { throw .invalid("'\(time)' is no position") }
            position = parsed
        }
        var places: [ServerReplay.Place] = []
        for partition in 0..<info.partitionCount {
            // One read of nothing says where that is, so that what comes between two calls is not missed.
            let result: ReadResult
            do {
                result = try await call { () async throws(ApusClientError) in
                    try await client.read(
                        name, partition: partition, from: position, limit: 1, pattern: pattern)
                }
            } catch {
                // Past the end of this partition: what comes is still ahead.
                guard case .offset(let offset) = start, case .invalid = error else { throw error }
                places.append(ServerReplay.Place(next: offset))
                continue
            }
            places.append(ServerReplay.Place(next: result.next, ahead: result.events.reversed()))
        }
        return ServerReplay(self, name, pattern, places)
    }
}

/// Reads the partitions of a topic.
actor ServerReplay: ReplayReader {
    /// How far one partition was read.
    struct Place: Sendable {
        var next: Int64
        /// Read and not handed out, the next one last.
        var ahead: [StoredEvent] = []
    }

    /// How long one partition is waited for while there are others.
    private static let pause = Duration.milliseconds(100)

    private let bus: ServerBus
    private let topic: String
    private let pattern: JSONValue?
    private var places: [Place]
    private nonisolated let isClosed = Atomic(false)

    init(_ bus: ServerBus, _ topic: String, _ pattern: JSONValue?, _ places: [Place]) {
        self.bus = bus
        self.topic = topic
        self.pattern = pattern
        self.places = places
    }

    func next(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        let end = ContinuousClock.now + max(.zero, wait)
        while true {
            if isClosed.load(ordering: .acquiring) { throw .closed }
            let left = max(Duration.zero, ContinuousClock.now.duration(to: end))
            for partition in places.indices where places[partition].ahead.isEmpty {
                // Only the last one is waited for, and only where nothing is at hand.
                let isLast = partition == places.indices.last && places.allSatisfy(\.ahead.isEmpty)
                let patience = places.count == 1 ? min(left, .seconds(2)) : min(left, Self.pause)
                try await read(partition, limit, wait: isLast ? patience : .zero)
            }
            let events = try take(max(1, limit))
            if !events.isEmpty || ContinuousClock.now >= end || Task.isCancelled { return events }
        }
    }

    private func read(_ partition: Int, _ limit: Int, wait: Duration) async throws(BusError) {
        let (client, topic, next, pattern) = (bus.client, topic, places[partition].next, pattern)
        let result = try await bus.call { () async throws(ApusClientError) in
            try await client.read(
                topic, partition: partition, from: .offset(next), limit: min(max(limit, 1), 1_000),
                wait: wait,
                pattern: pattern)
        }
        places[partition].next = result.next
        places[partition].ahead = result.events.reversed()
    }

    /// Those that arrived first, over all partitions.
    private func take(_ limit: Int) throws(BusError) -> [ReceivedEvent] {
        var events: [ReceivedEvent] = []
        while events.count < limit {
            let first = places.indices.filter { !places[$0].ahead.isEmpty }
                .min { (places[$0].ahead.last?.time ?? "") < (places[$1].ahead.last?.time ?? "") }
            guard let first, let stored = places[first].ahead.popLast() else { break }
            events.append(
                ReceivedEvent(
                    event: try bus.event(stored), topic: topic, partition: stored.partition,
                    offset: stored.offset, publishedAt: CloudEventTimestamp(stored.time), token: .text("")))
        }
        return events
    }

    nonisolated func close() async { isClosed.store(true, ordering: .releasing) }
}
