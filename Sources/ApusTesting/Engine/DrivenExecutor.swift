// SPDX-License-Identifier: Apache-2.0

// A task executor without threads: what async calls of the broker have to do waits until the simulation runs it, one piece after the
// other. So a whole history, tasks included, happens on one thread and in one order.

import Synchronization

/// Runs tasks when told.
final class DrivenExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    /// Runs everything that can run now, and what becomes of it.
    func drain() {
        while true {
            let ready = jobs.withLock { jobs in
                defer { jobs = [] }
                return jobs
            }
            guard !ready.isEmpty else { return }
            for job in ready { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }
}
