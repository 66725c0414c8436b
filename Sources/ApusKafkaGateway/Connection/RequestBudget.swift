// SPDX-License-Identifier: Apache-2.0

// The bound on bytes of large requests that are held at the same time, of all connections together. A connection whose next request does not fit
// is not read from until it does: the client waits, nobody is refused.

internal import DequeModule
internal import Synchronization

/// Counts the bytes of requests that are not small.
final class RequestBudget: Sendable {
    /// Requests up to this size are not counted: the bound on connections bounds them.
    static let uncountedBytes = 64 << 10

    private struct State {
        var free: Int
        /// Whoever waits, first come first served: large requests must not starve behind small ones.
        var waiting = Deque<(bytes: Int, resume: @Sendable (Hold) -> Void)>()
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

    /// A share of `bytes`, or nil: then `resume` is called with it once it is there. Who has no use for it any more lets it go.
    func take(_ bytes: Int, orLater resume: @escaping @Sendable (Hold) -> Void) -> Hold? {
        let isTaken = state.withLock { state in
            guard state.waiting.isEmpty, state.free >= bytes else {
                state.waiting.append((bytes, resume))
                return false
            }
            state.free -= bytes
            return true
        }
        return isTaken ? Hold(self, bytes) : nil
    }

    private func giveBack(_ bytes: Int) {
        // Taken here for those whose turn has come: if they had to ask again, they would find themselves behind others, and could wait for
        // a share that nobody has to give back.
        let ready = state.withLock { state in
            state.free += bytes
            var ready: [(bytes: Int, resume: @Sendable (Hold) -> Void)] = []
            while let first = state.waiting.first, first.bytes <= state.free {
                state.free -= first.bytes
                ready.append(state.waiting.removeFirst())
            }
            return ready
        }
        for one in ready { one.resume(Hold(self, one.bytes)) }
    }
}
