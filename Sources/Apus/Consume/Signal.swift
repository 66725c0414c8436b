// SPDX-License-Identifier: Apache-2.0

// Something that happens once, and those who wait for it.

import Synchronization

/// Happens once; whoever waits goes on then, or when its task is cancelled.
final class Signal: Sendable {
    private enum State {
        case ahead([Int: CheckedContinuation<Void, Never>])
        case happened
    }

    private let state = Mutex<(state: State, next: Int)>((.ahead([:]), 0))

    var hasHappened: Bool {
        state.withLock { if case .happened = $0.state { true } else { false } }
    }

    func fire() {
        let waiting: [CheckedContinuation<Void, Never>] = state.withLock { state in
            guard case .ahead(let waiting) = state.state else { return [] }
            state.state = .happened
            return Array(waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async {
        let ticket = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    // Cancelled before it came here: the handler found nothing to resume.
                    guard case .ahead(var waiting) = state.state, !Task.isCancelled else { return true }
                    waiting[ticket] = continuation
                    state.state = .ahead(waiting)
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard case .ahead(var waiting) = state.state else { return nil }
                let found = waiting.removeValue(forKey: ticket)
                state.state = .ahead(waiting)
                return found
            }
            continuation?.resume()
        }
    }
}
