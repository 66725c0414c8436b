// SPDX-License-Identifier: Apache-2.0

// Stored events read again: each partition by offset, all of them merged by the time of their arrival.

public import ApusBus
import ApusEngine
import ApusModel
import ApusRules
import CloudEvents
import Synchronization

extension EmbeddedBus {
    public func replay(
        _ topic: String, from start: ReplayStart, pattern: String?
    ) async throws(BusError) -> any ReplayReader {
        let name = try openName(topic)
        guard let summary = engine.topicSummary(name) else { throw .unknown("topic '\(topic)'") }
        let pattern = try self.pattern(pattern)
        var cursors: [EmbeddedReplay.Cursor] = []
        do throws(BrokerError) {
            for partition in 0..<summary.partitions {
                let bounds = try engine.bounds(name, partition: partition)
                let next: Offset
                switch start {
                case .earliest: next = bounds.start
                case .latest: next = bounds.stableEnd
                case .offset(let offset):
                    guard offset >= 0 else { throw .invalid("offsets begin at 0, not at \(offset)") }
                    next = Offset(offset)
                    if next < bounds.start { throw .trimmed(start: bounds.start) }
                case .time(let time):
                    let moment = Timestamp(milliseconds: time.millisecondsSinceEpoch)
                    next =
                        try engine.offset(name, partition: partition, at: moment)?.offset ?? bounds.stableEnd
                }
                cursors.append(EmbeddedReplay.Cursor(next: next))
            }
        } catch { throw BusError(error) }
        return EmbeddedReplay(self, name, pattern, cursors)
    }
}

/// Reads the partitions of a topic from given offsets on.
actor EmbeddedReplay: ReplayReader {
    /// How far one partition was read.
    struct Cursor: Sendable {
        var next: Offset
        /// Read and not handed out, the next one last.
        var ahead: [StoredEvent] = []
    }

    /// Events read of a partition at a time.
    private static let portion = 256

    private nonisolated let bus: EmbeddedBus
    private let topic: ResourceName
    private let pattern: Pattern?
    private var cursors: [Cursor]
    private nonisolated let isClosed = Atomic(false)
    /// What waits for events now.
    private nonisolated let waiting = Mutex<ReplayWait?>(nil)

    init(_ bus: EmbeddedBus, _ topic: ResourceName, _ pattern: Pattern?, _ cursors: [Cursor]) {
        self.bus = bus
        self.topic = topic
        self.pattern = pattern
        self.cursors = cursors
    }

    func next(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        let deadline = bus.engine.monotonicNow + max(.zero, wait)
        while true {
            try checkOpen()
            do throws(BrokerError) {
                try await fill()
                let events = take(max(1, limit))
                guard events.isEmpty else { return events }
            } catch { throw BusError(error) }
            guard wait > .zero, bus.engine.monotonicNow < deadline, !Task.isCancelled else { return [] }
            await sleep(until: deadline)
        }
    }

    nonisolated func close() async {
        isClosed.store(true, ordering: .sequentiallyConsistent)
        waiting.withLock { $0 }?.end()
    }

    private func checkOpen() throws(BusError) {
        if isClosed.load(ordering: .sequentiallyConsistent) { throw .closed }
        try bus.checkOpen()
    }

    /// Reads on in every partition of which nothing is at hand.
    private func fill() async throws(BrokerError) {
        // Partitions that were added since begin with events that are all new.
        while let count = bus.engine.topicSummary(topic)?.partitions, cursors.count < count {
            cursors.append(Cursor(next: .zero))
        }
        for partition in cursors.indices where cursors[partition].ahead.isEmpty {
            let end = try bus.engine.bounds(topic, partition: partition).stableEnd
            while cursors[partition].ahead.isEmpty, cursors[partition].next < end {
                do throws(BrokerError) {
                    let fetched = try await bus.engine.fetch(
                        topic, partition: partition, from: .offset(cursors[partition].next),
                        limit: EmbeddedReplay.portion, pattern: pattern, wait: .zero)
                    cursors[partition].ahead = fetched.events.reversed()
                    cursors[partition].next = fetched.next
                } catch {
                    // It says so once, and can be gone on with behind the damage.
                    if case .corrupt(_, let next, _) = error { cursors[partition].next = next }
                    throw error
                }
            }
        }
    }

    private func take(_ limit: Int) -> [ReceivedEvent] {
        var events: [ReceivedEvent] = []
        while events.count < limit {
            var first: Int?
            for partition in cursors.indices {
                guard let candidate = cursors[partition].ahead.last else { continue }
                if let best = first, let other = cursors[best].ahead.last,
                    candidate.timestamp >= other.timestamp
                {
                    continue
                }
                first = partition
            }
            guard let first, let stored = cursors[first].ahead.popLast() else { break }
            events.append(
                ReceivedEvent(
                    event: stored.event, topic: topic.description, partition: stored.partition,
                    offset: stored.offset.rawValue,
                    publishedAt: CloudEventTimestamp(millisecondsSinceEpoch: stored.timestamp.rawValue),
                    token: .text("")))
            // Of a partition that may have more, the next one has to be known before others are taken.
            if cursors[first].ahead.isEmpty, cursors.count > 1 { break }
        }
        return events
    }

    /// Waits until some partition has more, at most until `deadline`.
    private func sleep(until deadline: Duration) async {
        let wait = ReplayWait()
        waiting.withLock { $0 = wait }
        if isClosed.load(ordering: .sequentiallyConsistent) { wait.end() }
        for (partition, cursor) in cursors.enumerated() {
            wait.add(
                bus.engine.whenBeyond(cursor.next, of: topic, partition: partition, isolation: .committed) {
                    wait.end()
                })
        }
        let timer = bus.engine.schedule(at: deadline) { wait.end() }
        await withTaskCancellationHandler {
            await wait.value()
        } onCancel: {
            wait.end()
        }
        bus.engine.cancelTimer(timer)
        waiting.withLock { $0 = nil }
    }
}

/// Ends once, for whichever reason comes first.
private final class ReplayWait: Sendable {
    private struct State {
        var isOver = false
        var continuation: UnsafeContinuation<Void, Never>?
        var waits: [BatchWait] = []
    }

    private let state = Mutex(State())

    func add(_ wait: BatchWait?) {
        guard let wait else { return }
        let isOver = state.withLock { state in
            if !state.isOver { state.waits.append(wait) }
            return state.isOver
        }
        if isOver { wait.cancel() }
    }

    func end() {
        let (continuation, waits) = state.withLock { state in
            defer { (state.isOver, state.continuation, state.waits) = (true, nil, []) }
            return (state.continuation, state.waits)
        }
        for wait in waits { wait.cancel() }
        continuation?.resume()
    }

    func value() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isOver = state.withLock { state in
                if !state.isOver { state.continuation = continuation }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }
}
