// SPDX-License-Identifier: Apache-2.0

// The engine's inbox: what other threads want done in the worker's turn, and changes of the registry, which run one at a time.

import Synchronization

/// Work handed to the worker's next turn.
final class Inbox: Sendable {
    typealias Work = @Sendable () -> Void

    private let state = Mutex<[Work]>([])
    private let wake: @Sendable () -> Void

    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// Runs `work` in the next turn, after what was posted before.
    func post(_ work: @escaping Work) {
        let wasEmpty = state.withLock { queue in
            queue.append(work)
            return queue.count == 1
        }
        if wasEmpty { wake() }
    }

    /// Runs what was posted so far; what that posts waits for the next turn.
    func drain() {
        let work = state.withLock { queue in
            defer { queue = [] }
            return queue
        }
        for item in work { item() }
    }

    var isEmpty: Bool { state.withLock(\.isEmpty) }
}

/// Lets one command run at a time: the next begins when the one before says that it has ended.
final class CommandGate: Sendable {
    typealias Command = @Sendable (_ ended: @escaping @Sendable () -> Void) -> Void

    private let state = Mutex<(isBusy: Bool, waiting: [Command])>((false, []))
    private let inbox: Inbox

    /// Commands run in the turns of `inbox`.
    init(inbox: Inbox) { self.inbox = inbox }

    /// Whether a command is running.
    var isBusy: Bool { state.withLock(\.isBusy) }

    /// Runs `command` when its turn comes.
    func run(_ command: @escaping Command) {
        let isFree = state.withLock { state in
            guard !state.isBusy else {
                state.waiting.append(command)
                return false
            }
            state.isBusy = true
            return true
        }
        if isFree { begin(command) }
    }

    private func begin(_ command: @escaping Command) {
        inbox.post { command { self.endOne() } }
    }

    private func endOne() {
        let next = state.withLock { state -> Command? in
            guard !state.waiting.isEmpty else {
                state.isBusy = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        if let next { begin(next) }
    }
}
