// SPDX-License-Identifier: Apache-2.0

// Bounded replays: begun, handed out, and written down, so that they go on after a restart.

import ApusModel
import ApusStorage
import DequeModule
import Synchronization

extension SharedSubscription {
    /// Whether a bounded replay is under way.
    var isReplaying: Bool { state.withLock { !$0.delivery.replays.isEmpty || $0.isReplayBeingWritten } }

    /// Hands out once more what lies in `ranges`, by partition. What is not settled there comes anyway, and only once.
    func replay(
        _ ranges: [Range<Offset>], completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        let refusal = state.withLock { state -> BrokerError? in
            if let refusal = refusalOfBoundedReplay(state) { return refusal }
            var windows: [Int: ReplayWindow] = [:]
            for (partition, range) in ranges.enumerated() {
                // What lies beyond the subscription's end is not for it, also when it began there.
                let end = min(
                    range.upperBound, state.definition.end(ofPartition: partition) ?? range.upperBound)
                windows[partition] = state.delivery.replayWindow(
                    partition: partition, from: range.lowerBound, to: end)
            }
            state.isReplayBeingWritten = true
            let (begun, era) = (windows, state.replayEra)
            state.log.append(SubscriptionChange.replaying(windows)) { [weak self] result in
                guard let self else { return }
                // The store may complete while the append is being made, and so under the lock.
                self.context.inbox.post { self.begun(begun, era, result, completion) }
            }
            return nil
        }
        if let refusal { completion(.failure(refusal)) }
    }

    /// Why no bounded replay can begin now.
    func refusalOfBoundedReplay(_ state: borrowing State) -> BrokerError? {
        // Order looks through the topic once; what lies behind cannot be put among what is new.
        guard state.delivery.arrangement == nil else {
            return .conflict(
                "subscription '\(name)' decides who goes first, so the past cannot come beside what is new: move it "
                    + "back without an end, or replay to a subscription of its own")
        }
        guard state.delivery.replays.isEmpty, !state.isReplayBeingWritten else {
            return .conflict(
                "a bounded replay of subscription '\(name)' is under way; it ends by itself, or with one without an end"
            )
        }
        return nil
    }

    private func begun(
        _ windows: [Int: ReplayWindow], _ era: Int, _ result: Result<Offset, LogError>,
        _ completion: @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        state.withLock { state in
            // A replay without an end that came meanwhile has ended this one before it began: everything comes by that.
            guard era == state.replayEra else { return }
            state.isReplayBeingWritten = false
            if case .success = result { state.delivery.replays = windows }
        }
        completion(result.map { _ in () }.mapError { BrokerError($0) })
        context.followers.enqueue(self)
    }

    /// The next event of a bounded replay.
    func nextReplayedEvent(_ state: inout State) -> EventInTurn? {
        let partitions = topic.partitions
        for (number, window) in state.delivery.replays.sorted(by: { $0.key < $1.key }) {
            guard number < partitions.count, state.wanted?.contains(number) ?? true else { continue }
            var window = window
            var ahead =
                state.replayAhead.removeValue(forKey: number)
                ?? LookAhead(scanned: window.next, limit: window.end)
            let progress = ahead.fill(
                from: partitions[number], topic: topic.name, recipient: name, filter: &state.filter,
                context: context
            ) { error in report(error, partition: number) }
            while let box = ahead.events.popFirst() {
                let position = Position(partition: number, offset: box.value.offset)
                window.next = box.value.offset.advanced(by: 1)
                // What is not settled is on its way already.
                guard state.delivery.items[position] == nil else { continue }
                state.replayAhead[number] = ahead
                note(window, number, &state)
                return EventInTurn(position, box)
            }
            window.next = max(window.next, min(ahead.scanned, window.end))
            note(window, number, &state)
            switch progress {
            case .done: if !window.isDone { context.followers.enqueue(self) }
            case .hasMore:
                state.replayAhead[number] = ahead
                context.followers.enqueue(self)
            case .failed(let error): tryAgain(error, partition: number)
            }
        }
        return nil
    }

    private func note(_ window: ReplayWindow, _ number: Int, _ state: inout State) {
        state.delivery.replayed(partition: number, to: window)
        state.replayProgress[number] = window
        if window.isDone { state.replayAhead[number] = nil }
    }

    /// What the log has to be told of how far replays have come.
    func takeReplayProgress(_ state: inout State) -> [SubscriptionChange] {
        guard !state.replayProgress.isEmpty else { return [] }
        defer { state.replayProgress = [:] }
        return SubscriptionChange.replaying(state.replayProgress)
    }
}
