// SPDX-License-Identifier: Apache-2.0

// The log that keeps a topic's producers: snapshots of the tables of its partitions, so that a start need not read everything. It is made when the
// first producer comes that numbers its batches, and the first batch waits until the log says where each partition ended then: what a topic without
// such a log holds need not be looked at.

import ApusModel
import ApusStorage
import Logging
import NIOCore
import Synchronization

/// Where a topic keeps its producers.
final class ProducerLog: Sendable {
    typealias Opened = @Sendable (Result<Void, BrokerError>) -> Void

    /// Bytes of snapshots in one batch, unless a single one is larger.
    private static let batchBytes = 1 << 20

    private struct State {
        var claim: LogClaim?
        /// Those who wait for the log to be made; nil while nobody makes it.
        var waiting: [Opened]?
        var isWriting = false
        /// Bytes written since the log was last trimmed, and those that a snapshot of everything took then.
        var bytes = 0
        var wholeBytes = 0
    }

    private let log: LogID
    private let opened = Atomic(false)
    private let state = Mutex(State())

    init(_ log: LogID) { self.log = log }

    private static let configuration = LogConfiguration(segmentBytesMax: 4 << 20, isEssential: true)

    // MARK: Opening

    /// Whether the log is there, so that batches with producers can be appended.
    var isOpen: Bool { opened.load(ordering: .acquiring) }

    /// Reads the last snapshot of each partition; nil when no producer ever numbered its batches here.
    func load(in context: EngineContext) throws(LogError) -> [Int: ProducerSnapshot]? {
        do {
            // Without anything in it the log was being made when the last life ended, and nobody has appended.
            if try context.store.bounds(log).end == .zero { return nil }
        } catch .unknownLog { return nil }
        let claim = try context.store.claim(log, ProducerLog.configuration) { _ in }
        var snapshots: [Int: ProducerSnapshot] = [:]
        do {
            try context.replay(log) { record in
                guard let value = record.value, let snapshot = ProducerSnapshot(decoding: value) else {
                    return
                }
                // One that was made earlier never comes later.
                snapshots[snapshot.partition] = snapshot
            }
        } catch .corrupt(_, let offset, _, let reason) {
            context.logger.warning(
                "a topic's producers are found again by reading the whole topic: their log is damaged",
                metadata: ["log": "\(log)", "offset": "\(offset)", "reason": "\(reason)"])
            snapshots = [:]
        }
        state.withLock { $0.claim = claim }
        opened.store(true, ordering: .releasing)
        return snapshots
    }

    /// Calls `body` when the log is there, in the order of the calls; makes it if need be.
    func whenOpen(for topic: Topic, in context: EngineContext, _ body: @escaping Opened) {
        enum Turn { case now, make, wait }
        let turn: Turn = state.withLock { state in
            guard !isOpen else { return .now }
            defer { state.waiting = (state.waiting ?? []) + [body] }
            return state.waiting == nil ? .make : .wait
        }
        switch turn {
        case .now: body(.success(()))
        case .make: context.offload { [self] in make(for: topic, in: context) }
        case .wait: break
        }
    }

    private func make(for topic: Topic, in context: EngineContext) {
        let claim: LogClaim
        do throws(LogError) {
            claim = try context.store.claim(log, ProducerLog.configuration) { _ in }
        } catch {
            return made(.failure(BrokerError(error)))
        }
        let begin = topic.partitions.map { partition in
            let snapshot = ProducerSnapshot(
                partition: partition.number, next: partition.written.end, table: ProducerTable())
            return Draft(partition: partition, next: snapshot.next, bytes: snapshot.encoded())
        }
        write(begin, holding: claim, in: context) { [self] result in
            if case .success = result { state.withLock { $0.claim = claim } }
            made(result.map { _ in () }.mapError { BrokerError($0) })
        }
    }

    /// Tells those who wait. More may come meanwhile, and must not overtake them.
    private func made(_ result: Result<Void, BrokerError>) {
        while true {
            let waiting: [Opened] = state.withLock { state in
                let waiting = state.waiting ?? []
                guard waiting.isEmpty else {
                    state.waiting = []
                    return waiting
                }
                state.waiting = nil
                if case .success = result { opened.store(true, ordering: .releasing) }
                return []
            }
            guard !waiting.isEmpty else { return }
            for body in waiting { body(result) }
        }
    }

    // MARK: Snapshots

    /// Forgets what is not needed any more, and writes snapshots of the partitions to which much was appended. In the worker's turn.
    func tend(_ topic: Topic, in context: EngineContext) {
        guard isOpen else { return }
        let expired = context.clock.wall.advanced(by: .zero - context.options.producerExpiration)
        var due: [Partition] = []
        for partition in topic.partitions {
            let bytes = (try? context.store.bounds(partition.log).bytes) ?? 0
            let isDue = partition.production.state.withLock { state in
                state.table.forget(notSeenSince: expired, before: partition.start)
                state.bytesAtSnapshot = min(state.bytesAtSnapshot, bytes)
                return state.wantsSnapshot
                    || bytes - state.bytesAtSnapshot
                        > max(context.options.producerSnapshotBytes, 16 * Int64(state.snapshotBytes))
            }
            if isDue { due.append(partition) }
        }
        let plan: (claim: LogClaim, isWhole: Bool)? = state.withLock { state in
            guard !due.isEmpty, !state.isWriting, let claim = state.claim else { return nil }
            state.isWriting = true
            return (claim, state.bytes > max(4 * context.options.snapshotBytes, 4 * state.wholeBytes))
        }
        guard let (claim, isWhole) = plan else { return }
        let partitions = isWhole ? topic.partitions : due
        let snapshots = partitions.map { snapshot(of: $0, in: context) }
        write(snapshots, holding: claim, in: context) { [self] result in
            let bytes = snapshots.reduce(0) { $0 + $1.bytes.readableBytes }
            state.withLock { state in
                state.isWriting = false
                state.bytes += bytes
                if isWhole, case .success = result { (state.bytes, state.wholeBytes) = (0, bytes) }
            }
            switch result {
            case .success(let base):
                guard isWhole else { return }
                context.inbox.post { [log] in context.forget(log, before: base) }
            case .failure:
                // Due again as soon as anybody looks.
                for partition in partitions { partition.production.state.withLock { $0.bytesAtSnapshot = 0 } }
            }
        }
    }

    /// Writes down the producers of one partition. In the worker's turn, so that snapshots are in the log in the order in which they were made.
    func cover(
        _ partition: Partition, in context: EngineContext,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        guard let claim = state.withLock(\.claim) else { return completion(.success(())) }
        write([snapshot(of: partition, in: context)], holding: claim, in: context) { result in
            completion(result.map { _ in () }.mapError { BrokerError($0) })
        }
    }

    /// A snapshot to be written.
    private struct Draft: Sendable {
        var partition: Partition
        var next: Offset
        var bytes: ByteBuffer
    }

    private func snapshot(of partition: Partition, in context: EngineContext) -> Draft {
        let bytes = (try? context.store.bounds(partition.log).bytes) ?? 0
        return partition.production.state.withLock { state in
            // What is under way is not before this, and everything else that was taken is known to be stored.
            let end = partition.written.end
            let snapshot = ProducerSnapshot(
                partition: partition.number, next: min(state.table.floor ?? end, end), table: state.table)
            let encoded = snapshot.encoded()
            (state.bytesAtSnapshot, state.snapshotBytes) = (bytes, encoded.readableBytes)
            state.wantsSnapshot = false
            return Draft(partition: partition, next: snapshot.next, bytes: encoded)
        }
    }

    /// Appends snapshots in as many batches as it takes; `completion` gets the offset of the first.
    private func write(
        _ snapshots: [Draft], holding claim: LogClaim, in context: EngineContext,
        completion: @escaping @Sendable (Result<Offset, LogError>) -> Void
    ) {
        var batches: [RecordBatch] = []
        var builder = RecordBatchBuilder(capacity: 4096)
        for snapshot in snapshots {
            if builder.count > 0, builder.length + snapshot.bytes.readableBytes > ProducerLog.batchBytes,
                let batch = builder.finish()
            {
                batches.append(batch)
                builder = RecordBatchBuilder(capacity: 4096)
            }
            snapshot.bytes.withUnsafeReadableBytes {
                builder.append(timestamp: context.clock.wall, key: nil, value: $0)
            }
        }
        if let batch = builder.finish() { batches.append(batch) }
        let covered = snapshots.map { ($0.partition, $0.next) }
        let gathering = SnapshotGathering(missing: batches.count) { result in
            if case .success = result {
                for (partition, next) in covered { partition.production.cover(next) }
            }
            completion(result)
        }
        for batch in batches { context.store.append(batch, holding: claim) { gathering.take($0) } }
    }
}

extension ProducerSnapshot {
    fileprivate func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        encode(into: &buffer)
        return buffer
    }
}

/// Waits for all batches of one round of snapshots.
private final class SnapshotGathering: Sendable {
    private struct State {
        var missing: Int
        var first: Offset?
        var error: LogError?
    }

    private let state: Mutex<State>
    private let completion: @Sendable (Result<Offset, LogError>) -> Void

    init(missing: Int, completion: @escaping @Sendable (Result<Offset, LogError>) -> Void) {
        state = Mutex(State(missing: missing))
        self.completion = completion
    }

    func take(_ result: Result<Offset, LogError>) {
        let end: Result<Offset, LogError>? = state.withLock { state in
            switch result {
            case .success(let offset): state.first = min(state.first ?? offset, offset)
            case .failure(let error): state.error = error
            }
            state.missing -= 1
            guard state.missing == 0 else { return nil }
            return state.error.map { .failure($0) } ?? .success(state.first ?? .zero)
        }
        if let end { completion(end) }
    }
}
