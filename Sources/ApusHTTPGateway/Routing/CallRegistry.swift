// SPDX-License-Identifier: Apache-2.0

// The requests that are being answered by tasks. It bounds how many of them may wait for something at the same time, and
// ends those that wait when their client goes or the server stops; whoever is at work is left to finish.

internal import Synchronization

/// Knows every task that answers a request.
///
/// Invariant: `waiting` is the number of entries that wait, and never above `waitingMax`.
final class CallRegistry: Sendable {
    /// One call among those that are being answered.
    struct Ticket: Sendable, Hashable {
        fileprivate var number: UInt64
    }

    private struct Entry {
        var task: Task<Void, Never>?
        var isWaiting = false
        var isAbandoned = false
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var next: UInt64 = 0
        var waiting = 0
        var isDraining = false
    }

    private let waitingMax: Int
    private let state = Mutex(State())

    init(waitingMax: Int) { self.waitingMax = waitingMax }

    /// How many wait now.
    var waiting: Int { state.withLock { $0.waiting } }

    /// Whether the server is stopping.
    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Takes note of a call.
    func open() -> Ticket {
        state.withLock { state in
            state.next += 1
            state.entries[state.next] = Entry()
            return Ticket(number: state.next)
        }
    }

    /// Names the task that answers a call; one that has ended already is not kept.
    func attach(_ task: Task<Void, Never>, to ticket: Ticket) {
        let isTooLate = state.withLock { state in
            guard let entry = state.entries[ticket.number] else { return false }
            state.entries[ticket.number]?.task = task
            // It may have begun to wait, and been told to stop, before it had a name.
            return entry.isWaiting && (entry.isAbandoned || state.isDraining)
        }
        if isTooLate { task.cancel() }
    }

    /// Forgets a call that has been answered.
    func close(_ ticket: Ticket) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: ticket.number) else { return }
            if entry.isWaiting { state.waiting -= 1 }
        }
    }

    /// Counts a call as one that waits, until it is closed.
    ///
    /// - Throws: ``Problem`` when too many wait already, or the server is stopping.
    func beginWaiting(_ ticket: Ticket) throws(Problem) {
        let (isFull, isDraining, isAbandoned) = state.withLock { state in
            let entry = state.entries[ticket.number]
            let isFull = state.waiting >= waitingMax
            if !isFull, !state.isDraining, let entry, !entry.isWaiting {
                state.entries[ticket.number]?.isWaiting = true
                state.waiting += 1
            }
            return (isFull, state.isDraining, entry?.isAbandoned ?? false)
        }
        if isDraining || isAbandoned { throw Problem(.unavailable, "the server is stopping") }
        if isFull {
            throw Problem(
                .unavailable, "\(waitingMax) requests are waiting already: that is the limit",
                hint: "ask without 'wait', or close streams that nobody reads")
        }
    }

    /// Ends a call if it waits, because its client is gone.
    func abandon(_ ticket: Ticket) {
        let task = state.withLock { state -> Task<Void, Never>? in
            state.entries[ticket.number]?.isAbandoned = true
            guard let entry = state.entries[ticket.number], entry.isWaiting else { return nil }
            return entry.task
        }
        task?.cancel()
    }

    /// Whether a call's client is gone.
    func isAbandoned(_ ticket: Ticket) -> Bool {
        state.withLock { $0.entries[ticket.number]?.isAbandoned ?? false }
    }

    /// Ends every call that waits and lets no other begin to.
    func drain() {
        let tasks = state.withLock { state in
            state.isDraining = true
            return state.entries.values.filter(\.isWaiting).compactMap(\.task)
        }
        tasks.forEach { $0.cancel() }
    }
}
