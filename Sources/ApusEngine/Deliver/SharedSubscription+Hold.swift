// SPDX-License-Identifier: Apache-2.0

// Events in the hands of somebody who settles them by offset. A holder's leases all have its number, so nobody has to keep a table of what it
// has: the subscription's own items say it.

import ApusModel
import ApusStorage
import Synchronization

extension SharedSubscription {
    /// Settles all of these events, or, when the holder does not have one of them any more, none.
    func settle(
        by holder: LeaseHolder, partition: Int, _ verdicts: [OffsetVerdict],
        completion: @escaping HoldCompletion
    ) {
        let tokens = verdicts.map {
            LeaseToken(position: Position(partition: partition, offset: $0.offset), nonce: holder.nonce)
        }
        conclude(completion) { state, letters, changes in
            let isHeld = tokens.allSatisfy { state.delivery.leasedItem($0.position, nonce: $0.nonce) != nil }
            guard isHeld else { return false }
            for (token, verdict) in zip(tokens, verdicts) {
                apply(verdict.verdict, token, &state, &letters, &changes)
            }
            return true
        }
    }

    /// Puts everything that the holder has back to its place.
    func release(by holder: LeaseHolder, counted: Bool, completion: @escaping HoldCompletion) {
        conclude(completion) { state, letters, changes in
            for position in state.delivery.leased(with: holder.nonce) {
                let token = LeaseToken(position: position, nonce: holder.nonce)
                apply(.release(delay: .zero, counted: counted), token, &state, &letters, &changes)
            }
            return true
        }
    }

    private func apply(
        _ verdict: Verdict, _ token: LeaseToken, _ state: inout State, _ letters: inout [DeadLetterDraft],
        _ changes: inout [VerdictNote]
    ) {
        guard let item = state.delivery.leasedItem(token.position, nonce: token.nonce) else { return }
        if case .acknowledge = verdict { metrics.attempt(.acknowledged) }
        guard let change = apply(verdict, token, item, &state, &letters) else { return }
        changes.append(VerdictNote(change: change, position: token.position, attempts: item.attempts))
    }

    /// Writes down what `body` did, and tells when that, and every dead letter, is durable.
    private func conclude(
        _ completion: @escaping HoldCompletion,
        _ body: (inout State, inout [DeadLetterDraft], inout [VerdictNote]) -> Bool
    ) {
        var letters: [DeadLetterDraft] = []
        let ending = Ending(completion)
        let isDone = state.withLock { state -> Bool in
            state.delivery.times.tell(context.clock.now)
            reopen(&state)
            var changes: [VerdictNote] = []
            let isDone = body(&state, &letters, &changes)
            rearm(&state)
            if !changes.isEmpty {
                ending.expect()
                append(changes, &state) { ending.came($0) }
            }
            return isDone
        }
        if !letters.isEmpty {
            ending.expect()
            bury(letters) { ending.came($0) }
        }
        ending.begin(isDone)
        context.followers.enqueue(self)
    }

    // MARK: Waiting

    /// Calls `body` at the next reason to look again, at once when there was one since `version`.
    func watch(since version: UInt64, _ body: @escaping @Sendable () -> Void) -> BatchWait? {
        let id = state.withLock { state -> UInt64? in
            guard !state.isClosed, state.version == version else { return nil }
            state.lastWaiter += 1
            state.watchers[state.lastWaiter] = body
            return state.lastWaiter
        }
        guard let id else {
            body()
            return nil
        }
        return BatchWait { [weak self] in
            self?.state.withLock { _ = $0.watchers.removeValue(forKey: id) }
        }
    }

    /// Moves partitions to other offsets; completes when that is durable.
    func reposition(
        to offsets: [Int: Offset], completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        let (all, isArranged) = state.withLock { state -> ([Offset], Bool) in
            var all = state.delivery.next
            while all.count < topic.partitions.count { all.append(.zero) }
            for (partition, offset) in offsets where partition < all.count { all[partition] = offset }
            return (all, state.delivery.arrangement != nil)
        }
        guard !isArranged || offsets.count == all.count else {
            return completion(
                .failure(
                    .conflict(
                        "subscription '\(name)' decides who goes first, over all partitions: move all of them at once"
                    )))
        }
        replay(from: all, completion: completion)
    }
}

/// Waits for several things to become durable; the first error is what is told.
private final class Ending: Sendable {
    private struct State {
        var left = 1
        var isDone = false
        var error: BrokerError?
    }

    private let completion: HoldCompletion
    private let state = Mutex(State())

    init(_ completion: @escaping HoldCompletion) { self.completion = completion }

    func expect() { state.withLock { $0.left += 1 } }

    /// Everything is expected that will come.
    func begin(_ isDone: Bool) {
        state.withLock { $0.isDone = isDone }
        came(.success(()))
    }

    func came(_ result: Result<Void, BrokerError>) {
        let verdict = state.withLock { state -> Result<Bool, BrokerError>? in
            state.left -= 1
            if case .failure(let error) = result { state.error = state.error ?? error }
            guard state.left == 0 else { return nil }
            return state.error.map { .failure($0) } ?? .success(state.isDone)
        }
        if let verdict { completion(verdict) }
    }
}
