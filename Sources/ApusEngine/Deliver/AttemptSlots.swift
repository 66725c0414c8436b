// SPDX-License-Identifier: Apache-2.0

// How many attempts of all subscriptions may be under way at the same time. Each is a connection and some memory, so there is a limit; and
// thousands of targets that take seconds must not keep the slots from one that takes none. So a subscription may hold half as many as are
// free, and its even share in any case: while slots are plenty anybody may have as many as it has use for, and the fewer are
// left, the less any single one can take of them.

import ApusModel
import Synchronization

/// The attempts that may be under way.
final class AttemptSlots: Sendable {
    private struct State {
        var used = 0
        var holdings: [LogID: Int] = [:]
        var waiting: [(id: LogID, follower: any Follower)] = []
        var waitingIDs: Set<LogID> = []
    }

    private let capacity: @Sendable () -> Int
    private let followers: FollowerQueue
    private let state = Mutex(State())

    init(capacity: @escaping @Sendable () -> Int, followers: FollowerQueue) {
        self.capacity = capacity
        self.followers = followers
    }

    /// Takes up to `want` slots for the subscription `id`. When it gets fewer it is given a turn as soon as there may be more.
    func take(upTo want: Int, for id: LogID, _ follower: any Follower) -> Int {
        let capacity = max(1, capacity())
        guard want > 0 else { return 0 }
        return state.withLock { state in
            let free = capacity - state.used
            let held = state.holdings[id] ?? 0
            // One share is left for whoever comes next.
            let share = max(1, capacity / (state.holdings.count + (held == 0 ? 2 : 1)))
            let granted = max(0, min(want, free, max(share, free / 2) - held))
            if granted < want, state.waitingIDs.insert(id).inserted {
                state.waiting.append((id, follower))
            }
            guard granted > 0 else { return 0 }
            state.used += granted
            state.holdings[id] = held + granted
            return granted
        }
    }

    /// Gives back what `id` holds beyond `count`; true if that was something.
    func trim(_ id: LogID, to count: Int) -> Bool {
        let excess = state.withLock { ($0.holdings[id] ?? 0) - count }
        give(excess, from: id)
        return excess > 0
    }

    /// Gives slots back.
    func give(_ count: Int, from id: LogID) {
        guard count > 0 else { return }
        let next = state.withLock { state -> [any Follower] in
            state.used -= count
            let left = (state.holdings[id] ?? 0) - count
            state.holdings[id] = left > 0 ? left : nil
            guard !state.waiting.isEmpty else { return [] }
            let chosen = state.waiting.prefix(count)
            state.waiting.removeFirst(chosen.count)
            for entry in chosen { state.waitingIDs.remove(entry.id) }
            return chosen.map(\.follower)
        }
        for follower in next { followers.enqueue(follower) }
    }

    /// How many the subscription `id` has: as many as it has requests under way.
    func held(by id: LogID) -> Int { state.withLock { $0.holdings[id] ?? 0 } }

    /// Whether the subscription `id` waits for others' attempts to end.
    func isWaiting(_ id: LogID) -> Bool { state.withLock { $0.waitingIDs.contains(id) } }

    /// How many are taken.
    var used: Int { state.withLock(\.used) }
}
