// SPDX-License-Identifier: Apache-2.0

// Everything the engine has to do later, in one heap that the worker's turn empties. A cancelled timer stays in the heap until it is
// due or until cancelled ones are the majority, whichever comes first, so cancelling costs nothing and memory stays bounded.

import HeapModule
import Synchronization

/// Actions with deadlines on the monotonic clock.
final class TimerQueue: Sendable {
    typealias Action = @Sendable () -> Void

    private struct Entry: Comparable {
        var deadline: Duration
        var token: UInt64

        static func < (left: Entry, right: Entry) -> Bool {
            (left.deadline, left.token) < (right.deadline, right.token)
        }
    }

    private struct State {
        var heap = Heap<Entry>()
        var actions: [UInt64: Action] = [:]
        var lastToken: UInt64 = 0
    }

    private let state = Mutex(State())
    private let wake: @Sendable () -> Void

    /// `wake` is called when a new timer is due before all others.
    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// Runs `action` in the first turn at or after `deadline`.
    @discardableResult
    func schedule(at deadline: Duration, _ action: @escaping Action) -> UInt64 {
        let (token, isFirst) = state.withLock { state in
            state.lastToken += 1
            let entry = Entry(deadline: deadline, token: state.lastToken)
            let isFirst = state.heap.min.map { entry < $0 } ?? true
            state.heap.insert(entry)
            state.actions[entry.token] = action
            return (entry.token, isFirst)
        }
        if isFirst { wake() }
        return token
    }

    /// Forgets a timer; one that ran already is not there to forget.
    func cancel(_ token: UInt64) {
        state.withLock { state in
            guard state.actions.removeValue(forKey: token) != nil else { return }
            guard state.heap.count > 2 * state.actions.count + 64 else { return }
            let live = state.heap.unordered.filter { state.actions[$0.token] != nil }
            state.heap = Heap(live)
        }
    }

    /// When the next one is due.
    var next: Duration? {
        state.withLock { state in
            while let first = state.heap.min {
                if state.actions[first.token] != nil { return first.deadline }
                state.heap.removeMin()
            }
            return nil
        }
    }

    /// Runs what is due, and says when the next one will be.
    func run(now: Duration) -> Duration? {
        while true {
            let due: (action: Action?, next: Duration?) = state.withLock { state in
                while let first = state.heap.min {
                    guard let action = state.actions[first.token] else {
                        state.heap.removeMin()
                        continue
                    }
                    guard first.deadline <= now else { return (nil, first.deadline) }
                    state.heap.removeMin()
                    state.actions[first.token] = nil
                    return (action, nil)
                }
                return (nil, nil)
            }
            guard let action = due.action else { return due.next }
            action()
        }
    }
}
