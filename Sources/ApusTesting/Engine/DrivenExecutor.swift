// SPDX-License-Identifier: Apache-2.0

// A task executor without threads: what async calls of the broker have to do waits until the simulation runs it, one piece after the
// other. So a whole history, tasks included, happens on one thread and in one order.

import Synchronization

/// Runs tasks when told.
package final class DrivenExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    /// An executor with nothing to do.
    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    /// Runs everything that can run now, and what becomes of it.
    package func drain() {
        while true {
            let ready = jobs.withLock { jobs in
                defer { jobs = [] }
                return jobs
            }
            guard !ready.isEmpty else { return }
            for job in ready { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }

    /// Runs an async call to its end here and now.
    ///
    /// - Parameter turn: what has to be given turns while the call waits.
    /// - Returns: what it returned; nil if it waits for something that nobody does.
    package func run<Value: Sendable>(
        turning turn: () -> Void = {}, _ body: @escaping @Sendable () async -> Value
    ) -> Value? {
        let result = Box<Value>()
        Task(executorPreference: self) {
            let value = await body()
            result.value.withLock { $0 = value }
        }
        for _ in 0..<Self.turnsMax {
            drain()
            if let value = result.value.withLock({ $0 }) { return value }
            turn()
        }
        return nil
    }

    private static var turnsMax: Int { 1_000 }
}

/// What a task leaves behind.
private final class Box<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
}
