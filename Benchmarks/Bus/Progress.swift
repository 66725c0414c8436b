// SPDX-License-Identifier: Apache-2.0

// What publishers and consumers of the benchmark share: how far each has come, so that neither runs away from the other.

import Synchronization

/// How far both sides have come.
final class Progress: Sendable {
    private struct State {
        var published = 0
        var consumed = 0
        var isRunning = true
        var waiting: [UnsafeContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var published: Int { state.withLock(\.published) }
    var consumed: Int { state.withLock(\.consumed) }
    var isRunning: Bool { state.withLock(\.isRunning) }

    func publish(_ count: Int) { state.withLock { $0.published += count } }

    func consume(_ count: Int, _ window: Int) {
        resume { state in
            state.consumed += count
            return state.published - state.consumed <= window / 2
        }
    }

    /// Waits while more than `window` events are published and not consumed.
    func waitForRoom(_ window: Int) async {
        await withUnsafeContinuation { continuation in
            let goesOn = state.withLock { state in
                guard state.isRunning, state.published - state.consumed > window else { return true }
                state.waiting.append(continuation)
                return false
            }
            if goesOn { continuation.resume() }
        }
    }

    func stop() {
        resume { state in
            state.isRunning = false
            return true
        }
    }

    private func resume(_ change: (inout State) -> Bool) {
        let waiting = state.withLock { state -> [UnsafeContinuation<Void, Never>] in
            guard change(&state) else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
