// SPDX-License-Identifier: Apache-2.0

// Time that moves when a test says so.

import Synchronization

@testable import Apus

/// A clock moved by hand. Who sleeps wakes up when the hand has passed.
final class TestClock: BusClock {
    private struct Sleeper {
        var until: Duration
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: Duration = .zero
        var sleepers: [Int: Sleeper] = [:]
        var next = 0
        var watchers: [(count: Int, until: Duration, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    let start = CloudEventTimestamp(millisecondsSinceEpoch: 1_700_000_000_000)

    var uptime: Duration { state.withLock(\.now) }
    var wallTime: CloudEventTimestamp {
        let (seconds, attoseconds) = uptime.components
        return CloudEventTimestamp(
            millisecondsSinceEpoch: start.millisecondsSinceEpoch + seconds * 1000 + attoseconds
                / 1_000_000_000_000_000)
    }

    func sleep(until uptime: Duration) async throws {
        let ticket = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                (continuation: CheckedContinuation<Void, any Error>) in
                enum Step { case wake, cancelled, sleep([CheckedContinuation<Void, Never>]) }
                let step = state.withLock { state -> Step in
                    if Task.isCancelled { return .cancelled }
                    if state.now >= uptime { return .wake }
                    state.sleepers[ticket] = Sleeper(until: uptime, continuation: continuation)
                    return .sleep(Self.seen(&state))
                }
                switch step {
                case .wake: continuation.resume()
                case .cancelled: continuation.resume(throwing: CancellationError())
                case .sleep(let watchers): for watcher in watchers { watcher.resume() }
                }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: ticket) }?.continuation.resume(
                throwing: CancellationError())
        }
    }

    private static func seen(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        var woken: [CheckedContinuation<Void, Never>] = []
        state.watchers.removeAll { watcher in
            guard state.sleepers.values.count(where: { $0.until == watcher.until }) >= watcher.count else {
                return false
            }
            woken.append(watcher.continuation)
            return true
        }
        return woken
    }

    /// Waits until `count` tasks sleep until a time.
    func sleepers(_ count: Int = 1, until: Duration) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.values.count(where: { $0.until == until }) >= count { return true }
                state.watchers.append((count, until, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for ticket in due.keys { state.sleepers[ticket] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }
}
