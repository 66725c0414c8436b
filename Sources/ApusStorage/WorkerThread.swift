// SPDX-License-Identifier: Apache-2.0

// Threads of our own, for the few loops that block on a disk or a condition and must not hold a thread of the cooperative pool; and what
// they sleep on.

import CApus

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A thread that runs one function to its end.
package struct WorkerThread: Sendable {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private let thread: pthread_t

    /// Starts a thread, named for debuggers and profilers (15 characters are shown).
    package init(name: String, _ run: @escaping @Sendable () -> Void) {
        let body = Body {
            capus_name_thread(name)
            run()
        }
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(body).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument)
        // Without its threads a server cannot keep any promise, and there is nobody to tell yet.
        precondition(code == 0, "the system gives no more threads")
        self.thread = thread
    }

    /// Lets the thread go: what the system keeps for it ends with it. A thread that is neither joined nor detached leaves its stack behind. Call once,
    /// instead of ``join()``.
    package func detach() { pthread_detach(thread) }

    /// Waits for the function's end; call once.
    package func join() { pthread_join(thread, nil) }
}

/// Something to sleep on. A wake-up that comes before the sleep ends it at once.
package final class Signal: @unchecked Sendable {
    // Unchecked: the mutex guards `isSet`, and the pointers never change.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isSet = false

    /// A signal that is not set.
    package init() {
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

    /// Ends the current sleep, or the next one before it begins.
    package func set() {
        pthread_mutex_lock(mutex)
        isSet = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Sleeps until set, or for `limit` at most.
    package func wait(atMost limit: Duration? = nil) {
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
