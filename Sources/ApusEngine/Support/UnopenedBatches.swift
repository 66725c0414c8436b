// SPDX-License-Identifier: Apache-2.0

// Batches whose checksums are right and whose records nobody can look at: compressed with a codec whose library is not there, damaged before
// they came, bombs, or contradicting themselves. Clients of other protocols bring them. Readers go on behind them as they do behind
// batches that the disk damaged; here each is told of once, whoever meets it first.

public import ApusModel
import ApusStorage
import Logging
import Synchronization

/// What readers could not look into since the server started.
public struct UnopenedReport: Sendable, Hashable {
    /// One of them.
    public struct Batch: Sendable, Hashable {
        /// Where it is.
        public var topic: ResourceName
        /// Where it is.
        public var partition: Int
        /// Its first offset.
        public var offset: Offset
        /// The offset behind it, where reading goes on.
        public var next: Offset
        /// Why nobody can look into it.
        public var reason: String
    }

    /// How many.
    public var count: Int64 = 0
    /// The last few.
    public var latest: [Batch] = []

    /// None.
    public init() {}
}

/// Keeps account of them.
final class UnopenedBatches: Sendable {
    private struct Place: Hashable {
        var topic: ResourceName
        var partition: Int
        var offset: Offset
    }

    private struct State {
        var known: Set<Place> = []
        var report = UnopenedReport()
    }

    /// How many places are remembered; when there are more, some may be told of again.
    private static let knownMax = 10_000
    /// How many a report shows.
    private static let latestMax = 8

    private let state = Mutex(State())
    private let count = Count("apus_unopened_batches_total")
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    var report: UnopenedReport { state.withLock(\.report) }

    /// Takes note of a batch that could not be looked into, and says what readers are told.
    @discardableResult
    func note(
        _ batch: RecordBatch, of topic: ResourceName, _ partition: Int, _ error: RecordBatchError
    ) -> BrokerError {
        let entry = UnopenedReport.Batch(
            topic: topic, partition: partition, offset: batch.baseOffset, next: batch.nextOffset,
            reason: error.description)
        let isNew = state.withLock { state in
            let place = Place(topic: topic, partition: partition, offset: batch.baseOffset)
            guard !state.known.contains(place) else { return false }
            if state.known.count == UnopenedBatches.knownMax { state.known.removeAll(keepingCapacity: true) }
            state.known.insert(place)
            state.report.count += 1
            if state.report.latest.count == UnopenedBatches.latestMax { state.report.latest.removeFirst() }
            state.report.latest.append(entry)
            return true
        }
        if isNew {
            count.increment()
            logger.error(
                "a batch that a client wrote cannot be opened; it stays as it came, and readers go on behind it",
                metadata: [
                    "topic": "\(topic)", "partition": "\(partition)", "offset": "\(entry.offset)",
                    "next": "\(entry.next)", "reason": "\(entry.reason)",
                ])
        }
        return .corrupt(offset: entry.offset, next: entry.next, reason: entry.reason)
    }
}

extension EngineContext {
    /// Calls `body` with the records of a batch of a topic, in order, until it returns false; control batches have none for anybody.
    ///
    /// - Returns: what to tell a reader when the batch cannot be looked into, or not to its end. Records before that were handed out;
    ///   those behind it are nobody's, and somebody has been told.
    @discardableResult
    func forEachRecord(
        of batch: RecordBatch, in topic: ResourceName, _ partition: Int, _ body: (RecordView) -> Bool
    ) -> BrokerError? {
        guard !batch.isControl else { return nil }
        do throws(RecordBatchError) {
            try batch.forEachRecord(body)
            return nil
        } catch { return unopened.note(batch, of: topic, partition, error) }
    }
}
