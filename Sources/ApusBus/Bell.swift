// SPDX-License-Identifier: Apache-2.0

// Waiting for something to happen that others make happen: a receiver whose events are all handed out waits for verdicts, not for time to pass.

import Synchronization

/// Wakes those who wait, and those who were about to.
package final class Bell: Sendable {
    private struct State {
        var rings: UInt64 = 0
        var next: UInt64 = 0
        /// Those who wait, or (nil) are about to.
        var waiting: [UInt64: CheckedContinuation<Void, Never>?] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// How often it has rung. Read before looking at what to wait for: a ring in between is then not missed.
    package var rings: UInt64 { state.withLock(\.rings) }

    /// Wakes everybody.
    package func ring() {
        let waiting = state.withLock { state in
            state.rings &+= 1
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation?.resume() }
    }

    /// Waits until it has rung more than `rings` times, some time has passed, or the task is cancelled.
    package func wait(since rings: UInt64, atMost limit: Duration) async {
        let number = state.withLock { state in
            state.next += 1
            state.waiting[state.next] = .some(nil)
            return state.next
        }
        let timer = Task {
            try? await Task.sleep(for: limit)
            self.wake(number)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // Whoever was to wake it may have done so already.
                    guard state.rings == rings, state.waiting[number] != nil else {
                        state.waiting[number] = nil
                        return true
                    }
                    state.waiting[number] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            wake(number)
        }
        timer.cancel()
    }

    private func wake(_ number: UInt64) {
        let waiting = state.withLock { $0.waiting.removeValue(forKey: number) }
        waiting??.resume()
    }
}
