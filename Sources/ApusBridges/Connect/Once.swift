// SPDX-License-Identifier: Apache-2.0

// A value that is told once and waited for once, and waiting that has an end: transports may take longer than whoever asks them wants to wait.

import Synchronization

/// A value that comes later; who tells it first is heard, and one waits for it.
final class Once<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Value, Never>)
        case told(Value)
        case over
    }

    private let state = Mutex(State.open)

    func tell(_ value: Value) {
        let waiter = state.withLock { state -> CheckedContinuation<Value, Never>? in
            switch state {
            case .open: state = .told(value)
            case .awaited(let waiter):
                state = .over
                return waiter
            case .told, .over: break
            }
            return nil
        }
        waiter?.resume(returning: value)
    }

    func value() async -> Value {
        await withCheckedContinuation { continuation in
            let value = state.withLock { state -> Value? in
                guard case .told(let value) = state else {
                    state = .awaited(continuation)
                    return nil
                }
                state = .over
                return value
            }
            if let value { continuation.resume(returning: value) }
        }
    }
}

/// What `work` returns; nil when it takes longer. It is then cancelled and left to itself.
func within<Value: Sendable>(
    _ deadline: ContinuousClock.Instant, _ work: @escaping @Sendable () async -> Value
) async -> Value? {
    let once = Once<Value?>()
    let working = Task { once.tell(await work()) }
    let timing = Task {
        if (try? await Task.sleep(until: deadline, clock: .continuous)) != nil { once.tell(nil) }
    }
    let value = await once.value()
    timing.cancel()
    if value == nil { working.cancel() }
    return value
}
