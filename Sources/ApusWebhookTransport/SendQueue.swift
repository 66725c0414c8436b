// SPDX-License-Identifier: Apache-2.0

// Work for one event loop, in lanes that take turns, a little at a time: when an event is for thousands of connected targets, the loop looks
// after everything else it has in between. One wake-up is for all that came until it is heard.

internal import NIOCore
internal import Synchronization

/// Sends requests on the connections of one event loop.
final class SendQueue: Sendable {
    private struct State {
        var turns = TurnQueue<String, @Sendable () -> Void>()
        var isScheduled = false
    }

    /// Sent in one go; a request costs some twenty microseconds.
    private static let goMax = 16

    let loop: any EventLoop
    private let state = Mutex(State())

    init(_ loop: any EventLoop) { self.loop = loop }

    /// Runs `send` on the loop.
    func append(topic: String, _ send: @escaping @Sendable () -> Void) {
        let isFirst = state.withLock { state in
            state.turns.append(send, lane: topic)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isFirst { loop.execute { [self] in go() } }
    }

    private func go() {
        for _ in 0..<Self.goMax {
            let send = state.withLock { state in
                let send = state.turns.popFirst()
                if send == nil { state.isScheduled = false }
                return send
            }
            guard let send else { return }
            send()
        }
        // The loop looks at its sockets only when no task is due, so the next go is due in a moment.
        loop.scheduleTask(in: .microseconds(10)) { [self] in go() }
    }
}
