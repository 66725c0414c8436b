// SPDX-License-Identifier: Apache-2.0

// Time-to-live: an event that is past its time when its turn comes is not handed out. It becomes a dead letter with the reason `expired`, after
// the subscription has noted that it is about to be one, so that a restart looks for the letter before it writes another.

import ApusModel
import ApusStorage
import CloudEvents
import Synchronization

extension SharedSubscription {
    /// The reason of such dead letters.
    static let expiredReason = "expired"
    /// Expired events that are dealt with together.
    static let expiringMax = 256

    /// Whether the event's time is over: what its `expirytime` says, or its topic's time-to-live. Dead letters and what is sent back from
    /// among them do not expire again.
    func isExpired(_ box: StoredEventBox, timeToLive: Duration?) -> Bool {
        // Most cannot be, which is seen without a copy of the event.
        guard timeToLive != nil || !box.value.event.extensions.isEmpty else { return false }
        return isExpired(box.value, timeToLive: timeToLive)
    }

    /// Whether an event is too old to be handed out.
    func isExpired(_ stored: StoredEvent) -> Bool { isExpired(stored, timeToLive: topic.timeToLive) }

    private func isExpired(_ stored: StoredEvent, timeToLive ttl: Duration?) -> Bool {
        guard ttl != nil || !stored.event.extensions.isEmpty else { return false }
        let now = context.clock.wall
        let isLate = ttl.map { stored.timestamp.advanced(by: $0) <= now } ?? false
        guard isLate || stored.event.expiry.map({ $0 <= now }) ?? false else { return false }
        return !stored.headers.contains {
            $0.name == LineageHeader.recipient || $0.name == LineageHeader.subscription
        }
    }

    /// Takes an event that nobody has seen out of delivery.
    func expire(_ position: Position, _ state: inout State) {
        state.delivery.pass(position)
        state.delivery.putBack(position, attempts: 0)
        state.delivery.close(position)
        state.expiring.append(position)
    }

    /// Takes an event that came back out of delivery.
    func expireAgain(_ position: Position, attempts: Int, _ state: inout State) -> DeadLetterDraft {
        metrics.expired.increment()
        state.failures[position] = DeliveryFailure(
            status: nil, reason: SharedSubscription.expiredReason, isFinal: true)
        return draft(position, attempts, &state)
    }

    /// Notes which events are about to become dead letters, and then makes them so.
    func noteExpired(_ state: inout State) {
        guard !state.expiring.isEmpty else { return }
        let positions = state.expiring
        state.expiring = []
        state.log.append(positions.map { .ready($0, attempts: 0) }) { [weak self] result in
            guard let self else { return }
            self.context.inbox.post { self.noted(positions, result) }
        }
    }

    private func noted(_ positions: [Position], _ result: Result<Offset, LogError>) {
        let letters = state.withLock { state -> [DeadLetterDraft] in
            let closed = positions.filter { state.delivery.items[$0]?.phase == .closing }
            guard case .success = result else {
                state.wantsSnapshot = true
                let due = context.clock.now + context.options.storeRetryInterval
                for position in closed {
                    state.delivery.postpone(position, attempts: 0, due: due, wall: context.clock.wall)
                }
                rearm(&state)
                return []
            }
            return closed.map {
                DeadLetterDraft(
                    position: $0, attempts: 0, status: nil, reason: SharedSubscription.expiredReason)
            }
        }
        metrics.expired.increment(by: Int64(letters.count))
        bury(letters)
        context.followers.enqueue(self)
    }
}

extension CloudEvent {
    /// After when nobody wants the event any more, if it says so.
    var expiry: Timestamp? {
        guard !extensions.isEmpty, let time = extensions[.expiryTime] else { return nil }
        return Timestamp(milliseconds: time.secondsSinceEpoch * 1000 + Int64(time.nanoseconds) / 1_000_000)
    }
}
