// SPDX-License-Identifier: Apache-2.0

// How readers learn that a partition has grown. The store's thread calls `advanced`; whoever waits is resumed, once.

import ApusModel
import Synchronization

/// The readable end of one partition, and those who wait for it to move.
final class AdvanceSignal: Sendable {
    private struct State {
        var end = Offset.zero
        var waiters: [UInt64: (beyond: Offset, resume: @Sendable (Bool) -> Void)] = [:]
        var lastToken: UInt64 = 0
    }

    private let state = Mutex(State())
    private let observer: @Sendable () -> Void

    /// `observer` is called after every advance.
    init(observer: @escaping @Sendable () -> Void) { self.observer = observer }

    /// The first offset that cannot be read yet.
    var end: Offset { state.withLock { $0.end } }

    /// The partition has grown.
    func advanced(to end: Offset) {
        let ready = state.withLock { state -> [@Sendable (Bool) -> Void] in
            state.end = max(state.end, end)
            guard !state.waiters.isEmpty else { return [] }
            let ready = state.waiters.filter { $0.value.beyond < state.end }.sorted { $0.key < $1.key }
            for (token, _) in ready { state.waiters[token] = nil }
            return ready.map(\.value.resume)
        }
        for resume in ready { resume(true) }
        observer()
    }

    /// Calls `resume(true)` once the end is after `offset`, at once if it is already; gives a token to cancel with.
    func wait(beyond offset: Offset, _ resume: @escaping @Sendable (Bool) -> Void) -> UInt64? {
        let token: UInt64? = state.withLock { state in
            guard state.end <= offset else { return nil }
            state.lastToken += 1
            state.waiters[state.lastToken] = (offset, resume)
            return state.lastToken
        }
        if token == nil { resume(true) }
        return token
    }

    /// Calls `resume(false)` of a waiter that is still waiting.
    func cancel(_ token: UInt64) {
        let waiter = state.withLock { $0.waiters.removeValue(forKey: token) }
        waiter?.resume(false)
    }

    /// Lets a waiter go without a call.
    func forget(_ token: UInt64) { state.withLock { _ = $0.waiters.removeValue(forKey: token) } }

    /// Calls `resume(false)` of everybody: the partition is going away.
    func cancelAll() {
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            return state.waiters.sorted { $0.key < $1.key }.map(\.value.resume)
        }
        for resume in waiters { resume(false) }
    }
}
