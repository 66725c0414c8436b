// SPDX-License-Identifier: Apache-2.0

// Names to addresses, by the system's resolver. It blocks for as long as it likes, so it runs on threads of its own, and whoever
// waits for it can stop waiting.

internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Looks up host names.
struct HostResolver: Sendable {
    private let lookUp: @Sendable (String, Int) -> [SocketAddress]
    private let threads: NIOThreadPool

    /// - Parameter lookUp: all addresses of a host, none if there are none.
    init(
        threads: NIOThreadPool,
        lookUp: @escaping @Sendable (String, Int) -> [SocketAddress] = HostResolver.system
    ) {
        self.threads = threads
        self.lookUp = lookUp
    }

    /// The addresses of `host`, none if there are none or the task is cancelled.
    func addresses(of host: String, port: Int) async -> [SocketAddress] {
        let waiter = Waiter()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard waiter.wait(continuation) else { return }
                threads.submit { state in
                    waiter.resume(state == .active ? lookUp(host, port) : [])
                }
            }
        } onCancel: {
            waiter.resume([])
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
