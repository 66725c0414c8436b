// SPDX-License-Identifier: Apache-2.0

// How threads of librdkafka wake tasks. A bell that rings between looking and waiting is heard: who waits says how often it had rung when he looked.

internal import Synchronization

/// Wakes those who wait for something to have changed.
final class Bell: Sendable {
    private struct State {
        var rings: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How often it has rung.
    var rings: UInt64 { state.withLock { $0.rings } }

    /// Wakes all. Called by threads of librdkafka, some of which hold locks of it: nothing here calls it back.
    func ring() {
        let woken = state.withLock { state in
            state.rings += 1
            guard !state.waiters.isEmpty else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in woken { waiter.resume() }
    }

    /// Waits until it has rung more often than `seen`, until `deadline`, or until the task is cancelled.
    func wait(beyond seen: UInt64, until deadline: ContinuousClock.Instant?) async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let timer = deadline.map { deadline in
            Task { [self] in
                try? await Task.sleep(until: deadline, clock: .continuous)
                if !Task.isCancelled { wake(id) }
            }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.rings > seen || Task.isCancelled || deadline.map({ $0 <= .now }) == true {
                        return true
                    }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            wake(id)
        }
        timer?.cancel()
    }

    private func wake(_ id: UInt64) {
        state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
}
