// SPDX-License-Identifier: Apache-2.0

// Names to addresses, by the system's resolver. It blocks for as long as it likes, so it runs on threads of its own, and whoever
// waits for it can stop waiting. All who ask for one host at the same time wait for one look-up: a resolver that hangs costs one thread
// for each host, not one for each attempt.

internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Looks up host names.
final class HostResolver: Sendable {
    private struct Question: Hashable {
        var host: String
        var port: Int
    }

    private let lookUp: @Sendable (String, Int) -> [SocketAddress]
    private let threads: NIOThreadPool
    private let waiting = Mutex<[Question: [Waiter]]>([:])

    /// - Parameter lookUp: all addresses of a host, none if there are none.
    init(
        threads: NIOThreadPool,
        lookUp: @escaping @Sendable (String, Int) -> [SocketAddress] = HostResolver.system
    ) {
        self.threads = threads
        self.lookUp = lookUp
    }

    /// How many wait for a look-up, for tests.
    var waiters: Int { waiting.withLock { $0.values.reduce(0) { $0 + $1.count } } }

    /// The addresses of `host`, none if there are none or the task is cancelled.
    func addresses(of host: String, port: Int) async -> [SocketAddress] {
        let waiter = Waiter()
        let question = Question(host: host, port: port)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard waiter.wait(continuation) else { return }
                ask(question, for: waiter)
            }
        } onCancel: {
            waiter.resume([])
        }
    }

    private func ask(_ question: Question, for waiter: Waiter) {
        let isFirst = waiting.withLock { waiting in
            waiting[question, default: []].append(waiter)
            return waiting[question]?.count == 1
        }
        guard isFirst else { return }
        threads.submit { [self] state in
            let found = state == .active ? lookUp(question.host, question.port) : []
            let waiters = waiting.withLock { $0.removeValue(forKey: question) } ?? []
            for waiter in waiters { waiter.resume(found) }
        }
    }

    /// Somebody who waits; the first answer counts.
    private final class Waiter: Sendable {
        private enum State {
            case idle
            case waiting(CheckedContinuation<[SocketAddress], Never>)
            case done
        }

        private let state = Mutex(State.idle)

        /// False if the wait is over already; then the continuation has been resumed.
        func wait(_ continuation: CheckedContinuation<[SocketAddress], Never>) -> Bool {
            let isOver = state.withLock { state in
                if case .done = state { return true }
                state = .waiting(continuation)
                return false
            }
            if isOver { continuation.resume(returning: []) }
            return !isOver
        }

        func resume(_ addresses: [SocketAddress]) {
            let continuation = state.withLock { state -> CheckedContinuation<[SocketAddress], Never>? in
                defer { state = .done }
                if case .waiting(let continuation) = state { return continuation }
                return nil
            }
            continuation?.resume(returning: addresses)
        }
    }
}
