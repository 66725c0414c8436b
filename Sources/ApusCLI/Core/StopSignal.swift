// SPDX-License-Identifier: Apache-2.0

// Ctrl-C once means: finish what is under way. Twice means: now.

internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Whether the user wants the command to end.
final class StopSignal: Sendable {
    private struct State {
        var isRequested = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Whether it was asked for.
    var isRequested: Bool { state.withLock { $0.isRequested } }

    /// Asks for the end; asking again ends the process.
    func request() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
            guard !state.isRequested else { return nil }
            state.isRequested = true
            defer { state.waiters = [] }
            return state.waiters
        }
        guard let waiters else { exit(CommandStatus.interrupted.rawValue) }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when the end is asked for, or when the task is cancelled.
    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // Cancelled tasks must not wait: their handler may have run before this.
                    if state.isRequested || Task.isCancelled { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiters = state.withLock { state in
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume() }
        }
    }

    /// Runs `body` while SIGINT and SIGTERM request the end instead of ending the process.
    static func whileHandled<Result>(_ body: (StopSignal) async throws -> Result) async throws -> Result {
        let stop = StopSignal()
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { stop.request() }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
        }
        return try await body(stop)
    }

    /// Runs `body` until it ends, or cancels it and fails as interrupted when the end is asked for.
    static func cancelling<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await whileHandled { stop in
            try await withThrowingTaskGroup(of: Result?.self) { group in
                group.addTask { try await body() }
                group.addTask {
                    await stop.wait()
                    return nil
                }
                defer { group.cancelAll() }
                guard let first = try await group.next(), let result = first else {
                    throw Failure("interrupted", status: .interrupted)
                }
                return result
            }
        }
    }
}
