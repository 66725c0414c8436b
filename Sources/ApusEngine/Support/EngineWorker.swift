// SPDX-License-Identifier: Apache-2.0

// The one thread that gives the engine its turns. Nothing else in the engine has a thread or a task of its own, so a simulator that calls
// `turn` by itself runs the same code.

import ApusStorage
import Synchronization

/// Runs `Engine.turn` whenever there is something to do.
final class EngineWorker: Sendable {
    private let signal = Signal()
    private let isStopping = Atomic(false)
    private let thread = Mutex<WorkerThread?>(nil)

    /// Ends the current sleep, or the next one before it begins.
    func wake() { signal.set() }

    /// Starts the thread; `turn` returns when it next wants to be called (on `clock`), nil for not before being woken.
    func start(clock: any EngineClock, turn: @escaping @Sendable () -> Duration?) {
        let thread = WorkerThread(name: "apus-engine") { [self] in
            while !isStopping.load(ordering: .acquiring) {
                guard let deadline = turn() else {
                    signal.wait()
                    continue
                }
                let pause = deadline - clock.now
                if pause > .zero { signal.wait(atMost: pause) }
            }
        }
        self.thread.withLock { $0 = thread }
    }

    /// Stops the thread after its current turn, and waits for that.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        wake()
        let thread = self.thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        thread?.join()
    }
}
