// SPDX-License-Identifier: Apache-2.0

// The three threads of a store that is in production, and how they are woken. Threads of their own, because they wait for
// the disk; not tasks, whose pool is for work that does not wait.

import Glibc
import Synchronization

/// Something to sleep on. A wake-up that comes before the sleep ends it at once.
final class Signal: @unchecked Sendable {
    // Unchecked: the mutex guards `isSet`, and the pointers never change.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isSet = false

    init() {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func set() {
        pthread_mutex_lock(mutex)
        isSet = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Sleeps until set, or for `limit` at most.
    func wait(atMost limit: Duration? = nil) {
        var deadline = timespec()
        if let limit {
            clock_gettime(CLOCK_MONOTONIC, &deadline)
            let nanoseconds = limit.components.attoseconds / 1_000_000_000 + Int64(deadline.tv_nsec)
            deadline.tv_sec += Int(limit.components.seconds + nanoseconds / 1_000_000_000)
            deadline.tv_nsec = Int(nanoseconds % 1_000_000_000)
        }
        pthread_mutex_lock(mutex)
        while !isSet {
            if limit == nil {
                pthread_cond_wait(condition, mutex)
            } else if pthread_cond_timedwait(condition, mutex, &deadline) != 0 {
                break
            }
        }
        isSet = false
        pthread_mutex_unlock(mutex)
    }
}

/// The threads of one store; none until started.
final class StoreThreads: Sendable {
    private struct State {
        var threads: [pthread_t] = []
        var isStopping = false
        var isRunning = false
    }

    private let state = Mutex(State())
    private let commit = Signal()
    private let maintain = Signal()
    private let deliver = Signal()

    func wakeCommitter() { commit.set() }
    func wakeMaintenance() { maintain.set() }
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
        run(deliver, delivering)
        run(commit, committing)
        run(maintain, maintaining)
    }

    private func run(_ signal: Signal, _ body: @escaping @Sendable () -> Duration?) {
        let loop = ThreadBody { [self] in
            while !isStopping {
                let pause = body()
                if pause == .zero { continue }
                if !isStopping { signal.wait(atMost: pause) }
            }
        }
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(loop).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument)
        precondition(code == 0, "the system gives no more threads")
        state.withLock { $0.threads.append(thread) }
    }

    /// Stops the threads and waits for their ends.
    func stop() {
        let threads = state.withLock { state in
            state.isStopping = true
            defer { state.threads = [] }
            return state.threads
        }
        for signal in [commit, maintain, deliver] { signal.set() }
        for thread in threads { pthread_join(thread, nil) }
        state.withLock { $0.isRunning = false }
    }
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

extension FileLogStore {
    /// Starts the threads; they hold the store until it is closed.
    func start() {
        threads.start(
            committing: { [self] in
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
                deliverAll()
                return nil
            })
    }
}
