// SPDX-License-Identifier: Apache-2.0

// The bound on bytes of large requests that are held at the same time, of all connections together. A connection whose next request does not fit
// is not read from until it does: the client waits, nobody is refused.

internal import Synchronization

/// Counts the bytes of requests that are not small.
final class RequestBudget: Sendable {
    /// Requests up to this size are not counted: the bound on connections bounds them.
    static let uncountedBytes = 64 << 10

    private struct State {
        var free: Int
        var waiting: [(bytes: Int, resume: @Sendable () -> Void)] = []
    }

    private let state: Mutex<State>

    /// - Parameter bytesMax: at least the largest request, so that the first in line always gets its turn.
    init(bytesMax: Int) { state = Mutex(State(free: bytesMax)) }

    /// A share of the budget, given back when it is let go.
    final class Hold: Sendable {
        private let budget: RequestBudget
        private let bytes: Int

        fileprivate init(_ budget: RequestBudget, _ bytes: Int) {
            self.budget = budget
            self.bytes = bytes
        }

        deinit { budget.giveBack(bytes) }
    }

    /// A share of `bytes`, or nil: then `retry` is called once when it is worth asking again.
    func take(_ bytes: Int, orCall retry: @escaping @Sendable () -> Void) -> Hold? {
        let isTaken = state.withLock { state in
            // First come, first served: large requests must not starve behind small ones.
            guard state.waiting.isEmpty, state.free >= bytes else {
                state.waiting.append((bytes, retry))
                return false
            }
            state.free -= bytes
            return true
        }
        return isTaken ? Hold(self, bytes) : nil
    }

    private func giveBack(_ bytes: Int) {
        let ready = state.withLock { state in
            state.free += bytes
            var left = state.free
            var ready: [@Sendable () -> Void] = []
            while let first = state.waiting.first, first.bytes <= left {
                left -= first.bytes
                ready.append(first.resume)
                state.waiting.removeFirst()
            }
            return ready
        }
        for resume in ready { resume() }
    }
}
