// SPDX-License-Identifier: Apache-2.0

// Threads beside Swift's pool, for what blocks: librdkafka's polling, and its calls that wait for a broker.

#if Kafka
    #if canImport(Glibc)
        internal import Glibc
    #elseif canImport(Musl)
        internal import Musl
    #elseif canImport(Darwin)
        internal import Darwin
    #endif

    /// Threads of this module.
    enum KafkaThread {
        private final class Work {
            let body: () -> Void
            init(_ body: @escaping () -> Void) { self.body = body }
        }

        /// Runs `body` on a thread of its own, which nobody joins; on this one if there can be no other.
        static func start(_ body: @escaping @Sendable () -> Void) {
            let work = Unmanaged.passRetained(Work(body))
            #if canImport(Darwin)
                var thread: pthread_t?
            #else
                var thread = pthread_t()
            #endif
            let status = pthread_create(
                &thread, nil,
                { argument in
                    #if canImport(Darwin)
                        Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                    #else
                        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                    #endif
                    return nil
                }, work.toOpaque())
            guard status == 0 else { return work.takeRetainedValue().body() }
            #if canImport(Darwin)
                if let thread { pthread_detach(thread) }
            #else
                pthread_detach(thread)
            #endif
        }

        /// Runs `body` on a thread of its own and waits for it without holding up one of the pool's.
        static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
            await withCheckedContinuation { continuation in
                start { continuation.resume(returning: body()) }
            }
        }

        /// As ``run(_:)``, for what can fail.
        static func attempt<Value: Sendable, Failure: Error>(
            _ body: @escaping @Sendable () throws(Failure) -> Value
        ) async throws(Failure) -> Value {
            try await run { () -> Result<Value, Failure> in
                do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
            }.get()
        }
    }

    /// Where a thread waits for something that another one does.
    final class Signal: @unchecked Sendable {
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        private var count: UInt64 = 0

        init() {
            mutex.initialize(to: pthread_mutex_t())
            condition.initialize(to: pthread_cond_t())
            pthread_mutex_init(mutex, nil)
            pthread_cond_init(condition, nil)
        }

        deinit {
            pthread_cond_destroy(condition)
            pthread_mutex_destroy(mutex)
            mutex.deallocate()
            condition.deallocate()
        }

        /// How often it was given.
        var given: UInt64 {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return count
        }

        func give() {
            pthread_mutex_lock(mutex)
            count += 1
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }

        /// Waits until it was given more often than `seen`, or for `time`.
        func wait(beyond seen: UInt64, for time: Duration) {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            let (seconds, attoseconds) = time.components
            var end = timespec()
            let nanoseconds = Int(attoseconds / 1_000_000_000) + now.tv_nsec
            end.tv_sec = now.tv_sec + Int(seconds) + nanoseconds / 1_000_000_000
            end.tv_nsec = nanoseconds % 1_000_000_000
            pthread_mutex_lock(mutex)
            while count <= seen {
                if pthread_cond_timedwait(condition, mutex, &end) != 0 { break }
            }
            pthread_mutex_unlock(mutex)
        }
    }
#endif
