// SPDX-License-Identifier: Apache-2.0

// Telling every partition how a transaction was decided. A marker that cannot be written is tried again, for as long as its topic exists; one
// that was written before a crash is written once more after it, which changes nothing, because nothing new can begin before all have it.

import ApusModel
import ApusStorage
import Logging
import Synchronization

/// Who has to be told of a decision.
enum MarkerTarget: Hashable, Comparable, Sendable {
    /// The positions of groups, all at once.
    case positions
    case partition(OffsetPlace)
}

/// A decision on its way to those that it concerns.
struct Marking: Sendable {
    typealias Waiter = (timer: UInt64, completion: @Sendable (CoordinatorError?) -> Void)

    static let waitMin = Duration.seconds(1)
    static let waitMax = Duration.seconds(60)

    let number: Int
    let producer: ProducerIdentity
    let isCommit: Bool
    /// Who has not been told.
    var left: Set<MarkerTarget>
    /// Who is being told.
    var underWay: Set<MarkerTarget> = []
    /// Who waits for all to be told, with the timers that end their waiting.
    var waiters: [Int: Waiter] = [:]
    var lastWaiter = 0
    var wait = Marking.waitMin
    var isRetrying = false

    init(number: Int, _ transaction: Transaction) {
        self.number = number
        producer = transaction.producer
        isCommit = transaction.isCommit
        left = Set(transaction.places.map { .partition($0) })
        if !transaction.groups.isEmpty { left.insert(.positions) }
    }
}

extension Transactions {
    /// Begins to tell of a decision that is durable, unless that is under way.
    func beginMarking(_ name: String, _ transaction: Transaction) {
        let number = state.withLock { state -> Int? in
            guard state.markings[name] == nil else { return nil }
            state.lastMarking += 1
            state.markings[name] = Marking(number: state.lastMarking, transaction)
            return state.lastMarking
        }
        if let number { tell(name, number) }
    }

    /// Calls `completion` when all know of the decision, or after a while: it is durable anyway.
    func awaitMarkers(of name: String, _ completion: @escaping @Sendable (CoordinatorError?) -> Void) {
        let isMarking = state.withLock { state in
            guard var marking = state.markings.removeValue(forKey: name) else { return false }
            marking.lastWaiter += 1
            let waiter = marking.lastWaiter
            let due = context.clock.now + Transactions.answerWait
            let timer = context.timers.schedule(at: due) { [weak self] in
                let waited = self?.state.withLock { $0.markings[name]?.waiters.removeValue(forKey: waiter) }
                waited?.completion(nil)
            }
            marking.waiters[waiter] = (timer, completion)
            state.markings[name] = marking
            return true
        }
        if !isMarking { completion(nil) }
    }

    /// Tells those who are left and not being told.
    private func tell(_ name: String, _ number: Int) {
        let marking = state.withLock { state -> Marking? in
            guard let marking = state.markings[name], marking.number == number else { return nil }
            state.markings[name]?.underWay = marking.left
            state.markings[name]?.isRetrying = false
            return marking
        }
        guard let marking else { return }
        if marking.left.isEmpty { return complete(name, number) }
        for target in marking.left.subtracting(marking.underWay).sorted() {
            let report: @Sendable (MarkerFailure?) -> Void = { [self] failure in
                context.inbox.post { [self] in told(name, number, target, failure) }
            }
            switch target {
            case .positions: tellPositions(marking, report)
            case .partition(let place): tell(place, marking, report)
            }
        }
    }

    private func tell(
        _ place: OffsetPlace, _ marking: Marking, _ report: @escaping @Sendable (MarkerFailure?) -> Void
    ) {
        guard let topic = neighbours.topic(place.topic) else {
            return report(MarkerFailure("the topic was deleted", isFinal: true))
        }
        neighbours.markers(topic, Int(place.partition), marking.producer, marking.isCommit) {
            report($0.failure)
        }
    }

    private func tellPositions(_ marking: Marking, _ report: @escaping @Sendable (MarkerFailure?) -> Void) {
        guard let offsets = neighbours.offsets() else {
            return report(MarkerFailure("positions of groups are not open", isFinal: false))
        }
        offsets.endTransaction(of: marking.producer.id, isCommit: marking.isCommit) { failure in
            report(failure.map { MarkerFailure("\($0)", isFinal: false) })
        }
    }

    private func told(_ name: String, _ number: Int, _ target: MarkerTarget, _ failure: MarkerFailure?) {
        let (isDone, retryIn) = state.withLock { state -> (Bool, Duration?) in
            guard var marking = state.markings.removeValue(forKey: name) else { return (false, nil) }
            defer { state.markings[name] = marking }
            guard marking.number == number else { return (false, nil) }
            marking.underWay.remove(target)
            guard let failure, !failure.isFinal else {
                marking.left.remove(target)
                return (marking.left.isEmpty, nil)
            }
            guard !marking.isRetrying else { return (false, nil) }
            defer { marking.wait = min(marking.wait * 2, Marking.waitMax) }
            marking.isRetrying = true
            return (false, marking.wait)
        }
        if let failure, !failure.isFinal, let retryIn {
            context.logger.warning(
                "the end of a transaction could not be marked, which is tried again: \(failure.reason)",
                metadata: ["transactional-id": "\(name)"])
            context.timers.schedule(at: context.clock.now + retryIn) { [weak self] in self?.tell(name, number)
            }
        }
        if isDone { complete(name, number) }
    }

    /// Notes that all know, and tells those who wait for it.
    private func complete(_ name: String, _ number: Int) {
        let time = context.clock.wall
        let step = state.withLock { state in
            log.read { state.coordinator.complete(name, $0, at: time) }
        }
        // From now on the next transaction can begin, so that whoever waits need not wait for the note.
        answerWaiters(name, number)
        guard let step else { return }
        write(step.changes) { [self] failure in
            guard failure != nil else {
                answerWaiters(name, number)
                state.withLock { state in
                    if state.markings[name]?.number == number { state.markings[name] = nil }
                }
                return
            }
            context.timers.schedule(at: context.clock.now + context.options.storeRetryInterval) {
                [weak self] in
                self?.tell(name, number)
            }
        }
    }
    private func answerWaiters(_ name: String, _ number: Int) {
        let waiters = state.withLock { state -> [Marking.Waiter] in
            guard let marking = state.markings[name], marking.number == number else { return [] }
            state.markings[name]?.waiters = [:]
            return marking.waiters.sorted { $0.key < $1.key }.map(\.value)
        }
        for waiter in waiters {
            context.timers.cancel(waiter.timer)
            waiter.completion(nil)
        }
    }
}
