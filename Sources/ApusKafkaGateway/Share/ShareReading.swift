// SPDX-License-Identifier: Apache-2.0

// The parts of a share fetch that need no server: which batches an answer has so that every acquired record is in one of them, and how results of
// several subscriptions become one.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel
internal import Synchronization

/// Acquired events of a partition, in order, and the batches that they are in.
struct ShareReading: Sendable {
    /// Events that the answer has.
    private(set) var events: [AcquiredEvent]
    private(set) var batches: [RecordBatch] = []
    /// How many events have their batch, from the front.
    private var covered = 0

    /// Bytes of one read: records that lie close to each other are often in one batch.
    private static let readBytes = 256 << 10

    init(events: [AcquiredEvent]) { self.events = events }

    /// Bytes of the batches.
    var bytes: Int { batches.reduce(0) { $0 + $1.length } }

    /// Reads until every event has its batch or there is no more room.
    ///
    /// - Parameters:
    ///   - isFirst: whether the first batch goes in however large it is; without it a client could be stuck.
    ///   - room: how many bytes the answer may still have.
    mutating func read(
        isFirst: Bool, room: inout Int,
        from source: (Offset, _ byteLimit: Int) throws(BrokerError) -> [RecordBatch]
    ) throws(BrokerError) {
        while covered < events.count, room > 0 || isFirst && batches.isEmpty {
            let before = covered
            let limit = min(max(room, 1), Self.readBytes)
            for batch in try source(events[covered].offset, limit) {
                // An offset that no batch has is one whose event is gone. Its member finds nothing there, and says so.
                while covered < events.count, events[covered].offset < batch.baseOffset { covered += 1 }
                guard covered < events.count else { return }
                guard events[covered].offset < batch.nextOffset else { continue }
                guard batch.length <= room || isFirst && batches.isEmpty else { return }
                batches.append(batch)
                room = max(0, room - batch.length)
                while covered < events.count, events[covered].offset < batch.nextOffset { covered += 1 }
            }
            guard covered > before else { return }
        }
    }

    /// Takes out the events that there was no room for.
    mutating func takeBack() -> [AcquiredEvent] {
        let back = Array(events[covered...])
        events.removeSubrange(covered...)
        return back
    }
}

/// What became of acknowledgements, by partition.
struct ShareOutcome: Sendable {
    /// In the order of the request, each once.
    private(set) var places: [SharePartition] = []
    private(set) var codes: [SharePartition: KafkaErrorCode] = [:]

    /// Of several outcomes of a partition, an error stays.
    mutating func set(_ place: SharePartition, _ code: KafkaErrorCode) {
        guard let known = codes[place] else {
            places.append(place)
            codes[place] = code
            return
        }
        if known == .noError { codes[place] = code }
    }
}

/// Waits for the results of several subscriptions.
final class ShareGathering: Sendable {
    typealias Outcome = Result<[AcquiredEvent], BrokerError>
    typealias Completion =
        @Sendable (_ results: [(ShareFetchOperation.Source, Outcome)], _ outlooks: [AcquireOutlook]) -> Void

    private struct State {
        var left: Int
        var results: [Outcome]
        var outlooks: [AcquireOutlook]
    }

    private let sources: [ShareFetchOperation.Source]
    private let completion: Completion
    private let state: Mutex<State>

    init(_ sources: [ShareFetchOperation.Source], _ completion: @escaping Completion) {
        self.sources = sources
        self.completion = completion
        state = Mutex(
            State(
                left: sources.count + 1, results: Array(repeating: .success([]), count: sources.count),
                outlooks: Array(repeating: AcquireOutlook(count: 0, version: 0), count: sources.count)))
    }

    func expect(_ index: Int, _ outlook: AcquireOutlook) { state.withLock { $0.outlooks[index] = outlook } }

    /// Every source was asked.
    func begin() { finish { _ in } }

    func came(_ index: Int, _ result: Outcome) { finish { $0.results[index] = result } }

    private func finish(_ body: (inout State) -> Void) {
        let ended = state.withLock { state -> State? in
            body(&state)
            state.left -= 1
            return state.left == 0 ? state : nil
        }
        guard let ended else { return }
        completion(Array(zip(sources, ended.results)), ended.outlooks)
    }
}
