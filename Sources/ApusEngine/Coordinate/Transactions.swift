// SPDX-License-Identifier: Apache-2.0

// Transactions at work. Everything happens in the worker's turns, one request after the other: decide, write down, answer when that is durable.
// A decision to commit or abort is durable before the first partition hears of it, and only then do markers go out, until every partition has
// its own; that all have it is noted afterwards. So whatever was decided before a crash goes on after it, and what was not is aborted when its
// time is over.

package import ApusModel
import ApusStorage
import Logging
import Synchronization

/// Why a marker was not appended.
package struct MarkerFailure: Error, Sendable, Hashable {
    /// For a person.
    package var reason: String
    /// Whether there is no transaction of the producer left in the partition that the marker could end, so that it is not needed.
    package var isFinal: Bool

    package init(_ reason: String, isFinal: Bool) {
        self.reason = reason
        self.isFinal = isFinal
    }
}

/// Appends the marker that ends the transaction of a producer in one partition; calls `completion` once, on any thread, when it is durable or
/// with the reason why it is not. Does not wait.
package typealias MarkerWriter =
    @Sendable (
        _ topic: ResourceName, _ partition: Int, _ producer: ProducerIdentity, _ isCommit: Bool,
        _ completion: @escaping @Sendable (Result<Offset, MarkerFailure>) -> Void
    ) -> Void

/// What the coordinator of transactions needs of everybody else.
struct TransactionNeighbours: Sendable {
    /// Writes markers.
    var markers: MarkerWriter
    /// The name of the topic of this identity; nil when it was deleted.
    var topic: @Sendable (LogID) -> ResourceName?
    /// The positions of groups; nil while they are not open.
    var offsets: @Sendable () -> GroupOffsets?
}

/// All transactions, at work.
final class Transactions: Sendable {
    static let log = LogID(high: 0x6170_7573, low: 4 << 24)
    /// How long the answer to a decision waits for the partitions to know.
    static let answerWait = Duration.seconds(1)
    /// How often transactional ids are looked through for those that nobody uses, and how many are forgotten at once.
    private static let sweepInterval = Duration.seconds(600)
    private static let sweepCount = 1000

    struct State {
        var coordinator: TransactionCoordinator
        var markings: [String: Marking] = [:]
        var lastMarking = 0
        /// The timers of transactions that are under way, with when those were begun.
        var timers: [String: (started: Timestamp, token: UInt64)] = [:]
        var sweptAt: Duration?
    }

    let log: StateLog<TransactionTable>
    let context: EngineContext
    let neighbours: TransactionNeighbours
    let state: Mutex<State>
    private let committed = Count("apus_transactions_total", [("outcome", "committed")])
    private let aborted = Count("apus_transactions_total", [("outcome", "aborted")])
    /// Those that were aborted because their time was over.
    private let expired = Count("apus_transactions_total", [("outcome", "expired")])

    init(context: EngineContext, _ neighbours: TransactionNeighbours) throws(LogError) {
        self.context = context
        self.neighbours = neighbours
        let log = try StateLog<TransactionTable>(Transactions.log, isChained: true, context: context)
        self.log = log
        let options = context.options
        let coordinator = TransactionCoordinator(
            log.read { $0 }, idsMax: options.transactionalIDsMax,
            partitionsMax: options.transactionPartitionsMax)
        state = Mutex(State(coordinator: coordinator))
    }

    /// Goes on with what the last life left: what was decided is carried out, what was not gets the rest of its time.
    func start() {
        for name in log.read({ $0.transactions.filter { $0.value.started != nil }.keys.sorted() }) {
            follow(name)
        }
    }

    // MARK: Requests, in the worker's turns

    func allocate(completion: @escaping @Sendable (Result<ProducerIdentity, CoordinatorError>) -> Void) {
        perform(
            { coordinator, table, _ throws(CoordinatorError) in try coordinator.allocate(table) },
            completion)
    }

    func initialise(
        _ name: String, timeout: Duration, expected: ProducerIdentity?,
        completion: @escaping @Sendable (Result<ProducerIdentity, CoordinatorError>) -> Void
    ) {
        perform(
            { coordinator, table, time throws(CoordinatorError) in
                try coordinator.initialise(name, timeout: timeout, expected: expected, table, at: time)
            },
            { [self] result in
                if case .success(nil) = result { aborted.increment() }
                completion(
                    result.flatMap { $0.map { .success($0) } ?? .failure(.concurrentTransactions) })
            })
    }

    func add(
        _ places: [OffsetPlace], groups: [String], to name: String, of producer: ProducerIdentity,
        completion: @escaping @Sendable (CoordinatorError?) -> Void
    ) {
        perform(
            { coordinator, table, time throws(CoordinatorError) in
                try coordinator.add(places, groups: groups, to: name, of: producer, table, at: time)
            }, { completion($0.failure) })
    }

    /// Commits positions in a transaction, of a group that is added to it first if it may be.
    func commit(
        _ positions: [OffsetPlace: CommittedOffset], of group: String, adding: Bool, in name: String,
        by producer: ProducerIdentity, completion: @escaping @Sendable (CoordinatorError?) -> Void
    ) {
        guard adding else {
            return commit(positions, of: group, in: name, by: producer, completion: completion)
        }
        add([], groups: [group], to: name, of: producer) { [self] failure in
            if let failure { return completion(failure) }
            commit(positions, of: group, in: name, by: producer, completion: completion)
        }
    }

    private func commit(
        _ positions: [OffsetPlace: CommittedOffset], of group: String, in name: String,
        by producer: ProducerIdentity, completion: @escaping @Sendable (CoordinatorError?) -> Void
    ) {
        guard let offsets = neighbours.offsets() else {
            return completion(.broker(.unavailable(.notOpen("positions of groups are not open"))))
        }
        let refusal: CoordinatorError? = state.withLock { state in
            log.read { table in
                do throws(CoordinatorError) {
                    try state.coordinator.checkOffsets(of: group, in: name, by: producer, table)
                    return nil
                } catch {
                    return error
                }
            }
        }
        if let refusal { return completion(refusal) }
        // Before whatever ends the transaction: that is decided in a later step, and the positions' log keeps the order.
        offsets.commit(
            group: group, positions, transactionOf: producer.id, completion: completion)
    }

    func end(
        _ name: String, isCommit: Bool, of producer: ProducerIdentity, bumpsEpoch: Bool,
        completion: @escaping @Sendable (Result<ProducerIdentity, CoordinatorError>) -> Void
    ) {
        perform(
            { coordinator, table, time throws(CoordinatorError) in
                if bumpsEpoch {
                    try coordinator.end(name, isCommit: isCommit, bumping: producer, table, at: time)
                } else {
                    try coordinator.end(name, isCommit: isCommit, of: producer, table, at: time)
                }
            },
            { [self] result in
                switch result {
                case .failure(let error): completion(.failure(error))
                case .success(let end) where end.hasMarkers:
                    (isCommit ? committed : aborted).increment()
                    awaitMarkers(of: name) { completion($0.map { .failure($0) } ?? .success(end.producer)) }
                case .success(let end): completion(.success(end.producer))
                }
            })
    }

    // MARK: Questions, from any thread

    func isInTransaction(_ place: OffsetPlace, _ producer: ProducerIdentity) -> Bool {
        log.read { $0.isInTransaction(place, producer) }
    }

    /// All transactional ids as they are durable, in order, or one.
    func transactions(_ name: String?) -> [(name: String, transaction: Transaction)] {
        let found: [String: Transaction] = log.read { table in
            guard let name else { return table.transactions }
            return table.transactions[name].map { [name: $0] } ?? [:]
        }
        return found.sorted { $0.key < $1.key }.map { (name: $0.key, transaction: $0.value) }
    }

    /// How all of them stand.
    var standing: TransactionStanding {
        log.read { table in
            table.transactions.values.reduce(into: TransactionStanding()) { standing, transaction in
                if transaction.isPrepared { standing.ending += 1 }
                guard transaction.state == .ongoing, let started = transaction.started else { return }
                standing.open += 1
                standing.oldest = min(standing.oldest ?? started, started)
            }
        }
    }

    /// Forgets transactional ids that nobody has used for long.
    func sweep(wall: Timestamp) {
        guard hasRoom else { return }
        let now = context.clock.now
        let step = state.withLock { state -> TransactionStep<Void>? in
            if let last = state.sweptAt, now - last < Transactions.sweepInterval { return nil }
            let limit = wall.advanced(by: .zero - context.options.transactionalIDRetention)
            let step = log.read { table in
                state.coordinator.forget(unusedSince: limit, atMost: Transactions.sweepCount, table)
            }
            // As long as there are more, they go sooner.
            if step == nil { state.sweptAt = now }
            return step
        }
        if let step { write(step.changes) { _ in } }
    }

    // MARK: Deciding

    /// Whether more may wait to be written.
    private var hasRoom: Bool { log.waitingBytes < StateLog<TransactionTable>.waitingBytesMax }

    /// Decides, writes down what was decided, and tells.
    func perform<Value: Sendable>(
        _ decide: (inout TransactionCoordinator, TransactionTable, Timestamp) throws(CoordinatorError) ->
            TransactionStep<Value>,
        _ completion: @escaping @Sendable (Result<Value, CoordinatorError>) -> Void
    ) {
        guard hasRoom else {
            return completion(.failure(.broker(.unavailable(.overloaded))))
        }
        let time = context.clock.wall
        let step: TransactionStep<Value>
        do throws(CoordinatorError) {
            step = try state.withLock { state throws(CoordinatorError) in
                try decide(&state.coordinator, log.read { $0 }, time)
            }
        } catch { return completion(.failure(error)) }
        write(step.changes) { failure in
            if let failure {
                completion(.failure(.broker(BrokerError(failure))))
            } else {
                completion(.success(step.value))
            }
        }
    }

    func write(_ changes: [TransactionChange], _ completion: @escaping @Sendable (LogError?) -> Void) {
        guard !changes.isEmpty else { return completion(nil) }
        // Not bounded, because what waits behind would be decided on the strength of what was refused: `perform` sees to it that there is room.
        log.write(changes, isBounded: false) { [self] failure in
            state.withLock { state in
                if failure == nil {
                    state.coordinator.confirmed(changes)
                } else {
                    log.read { state.coordinator.failed($0) }
                }
            }
            if failure == nil {
                for case .transaction(let name, _) in changes { follow(name) }
            }
            completion(failure)
        }
    }

    // MARK: Time

    /// Does what a transactional id, as it is durable now, is in need of.
    func follow(_ name: String) {
        guard let transaction = log.read({ $0.transactions[name] }) else { return }
        let deadline = transaction.started.flatMap { started in
            transaction.state == .ongoing ? (started, started.advanced(by: transaction.timeout)) : nil
        }
        state.withLock { state in
            if let timer = state.timers[name] {
                if timer.started == deadline?.0 { return }
                context.timers.cancel(timer.token)
                state.timers[name] = nil
            }
            guard let (started, end) = deadline else { return }
            let due = context.anchor(end, limit: transaction.timeout)
            state.timers[name] = (started, schedule(name, started, at: due))
        }
        if transaction.isPrepared { beginMarking(name, transaction) }
    }

    private func schedule(_ name: String, _ started: Timestamp, at due: Duration) -> UInt64 {
        context.timers.schedule(at: due) { [weak self] in self?.timeOut(name, started) }
    }

    private func timeOut(_ name: String, _ started: Timestamp) {
        let time = context.clock.wall
        let step = state.withLock { state in
            state.timers[name] = nil
            return log.read { table in
                state.coordinator.timeOut(name, started: started, table, at: time)
            }
        }
        guard let step else { return }
        context.logger.info("a transaction's time is over", metadata: ["transactional-id": "\(name)"])
        write(step.changes) { [self] failure in
            guard failure != nil else { return expired.increment() }
            let due = context.clock.now + context.options.storeRetryInterval
            state.withLock { $0.timers[name] = (started, schedule(name, started, at: due)) }
        }
    }
}

extension Result {
    /// The error, if it is one.
    var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
