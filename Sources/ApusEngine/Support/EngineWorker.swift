// SPDX-License-Identifier: Apache-2.0

// The one thread that gives the engine its turns. Nothing else in the engine has a thread or a task of its own, so a simulator that calls
// `turn` by itself runs the same code.

import ApusModel
import ApusModel
import ApusStorage
import NIOConcurrencyHelpers

/// Runs `Engine.turn` whenever there is something to do.
final class EngineWorker: Sendable {
    private enum Signal: Int { case idle, woken }

    private let condition = ConditionLock<Int>(value: Signal.idle.rawValue)
    private let isStopping = NIOLockedValueBox(false)
    private let thread = NIOLockedValueBox<WorkerThread?>(nil)

    /// Ends the current sleep, or the next one before it begins.
    func wake() {
        condition.lock()
        condition.unlock(withValue: Signal.woken.rawValue)
    }

    /// Starts the thread; `turn` returns when it next wants to be called (on `clock`), nil for not before being woken.
    func start(clock: any EngineClock, turn: @escaping @Sendable () -> Duration?) {
        let thread = WorkerThread(name: "apus-engine") { [self] in
            while !isStopping.withLockedValue({ $0 }) {
                let deadline = turn()
                sleep(until: deadline, clock: clock)
            }
        }
        self.thread.withLockedValue { $0 = thread }
    }

    /// Stops the thread after its current turn, and waits for that.
    func stop() {
        isStopping.withLockedValue { $0 = true }
        wake()
        let thread = self.thread.withLockedValue { thread in
            defer { thread = nil }
            return thread
        }
        thread?.join()
    }

    private func sleep(until deadline: Duration?, clock: any EngineClock) {
        let longest = Duration.seconds(60)
        let wait = deadline.map { min(max($0 - clock.now, .zero), longest) } ?? longest
        if condition.lock(whenValue: Signal.woken.rawValue, timeoutSeconds: wait.seconds) {
            condition.unlock(withValue: Signal.idle.rawValue)
        }
    }
}
