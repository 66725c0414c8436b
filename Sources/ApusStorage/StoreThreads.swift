// SPDX-License-Identifier: Apache-2.0

// The three threads of a store that is in production, and how they are woken. Threads of their own, because they wait for
// the disk; not tasks, whose pool is for work that does not wait.

import Synchronization

/// The threads of one store; none until started.
final class StoreThreads: Sendable {
    private struct State {
        var threads: [WorkerThread] = []
        var isStopping = false
        var isRunning = false
    }

    private let state = Mutex(State())
    private let commit = Signal()
    private let maintain = Signal()
    private let deliver = Signal()
    /// Set once, to end a pause when the threads are to stop.
    private let stopped = Signal()

    func wakeCommitter() { commit.set() }
    /// Sleeps on the committing thread until woken, or for `limit` at most.
    func awaitAppends(atMost limit: Duration) { commit.wait(atMost: limit) }
    func wakeMaintenance() { maintain.set() }
    /// Sleeps in the middle of maintenance, unless there are no threads or they are to stop.
    func pauseMaintenance(for pause: Duration) {
        if isRunning, !isStopping { stopped.wait(atMost: pause) }
    }
    func wakeDelivery() { deliver.set() }
    /// Whether somebody delivers what is left to be delivered.
    var isRunning: Bool { state.withLock { $0.isRunning } }
    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Runs each of these on a thread until stopped; each returns how long to sleep, nil for until woken.
    func start(
        committing: @escaping @Sendable () -> Duration?, maintaining: @escaping @Sendable () -> Duration?,
        delivering: @escaping @Sendable () -> Duration?
    ) {
        state.withLock { $0.isRunning = true }
        run("apus-acks", deliver, delivering)
        run("apus-journal", commit, committing)
        run("apus-segments", maintain, maintaining)
    }

    private func run(_ name: String, _ signal: Signal, _ body: @escaping @Sendable () -> Duration?) {
        let loop: @Sendable () -> Void = { [self] in
            while !isStopping {
                let pause = body()
                if pause == .zero { continue }
                if !isStopping { signal.wait(atMost: pause) }
            }
        }
        let thread = WorkerThread(name: name, loop)
        state.withLock { $0.threads.append(thread) }
    }

    /// Stops the threads and waits for their ends.
    func stop() {
        let threads = state.withLock { state in
            state.isStopping = true
            defer { state.threads = [] }
            return state.threads
        }
        for signal in [commit, maintain, deliver, stopped] { signal.set() }
        for thread in threads { thread.join() }
        state.withLock { $0.isRunning = false }
    }
}

extension FileLogStore {
    /// Starts the threads; they hold the store until it is closed.
    func start() {
        threads.start(
            committing: { [self] in
                awaitCrowd()
                switch commitStep() {
                case .progress: return .zero
                case .idle: return nil
                case .blocked:
                    threads.wakeMaintenance()
                    return .milliseconds(100)
                case .stuck: return configuration.retryInterval
                }
            },
            maintaining: { [self] in
                let pause = maintenanceStep()
                threads.wakeCommitter()
                return pause
            },
            delivering: { [self] in
                deliveries.tellAll()
                return nil
            })
    }

    /// Gives those who are about to append a moment to do so, while they come in crowds.
    private func awaitCrowd() {
        let isWaiting = shared.withLock { state in
            guard state.pacing.countWanted > state.queue.count, !state.isClosed else { return false }
            // An empty queue is slept on without a limit, after the step that finds it empty.
            guard state.pacing.countWanted > 1 else { return false }
            state.queueCountWanted = state.pacing.countWanted
            return true
        }
        guard isWaiting else { return }
        threads.awaitAppends(atMost: CommitPacing.waitMax)
        shared.withLock { $0.queueCountWanted = 1 }
    }
}
