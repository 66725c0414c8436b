// SPDX-License-Identifier: Apache-2.0

// Threads of our own, for the few loops that block on a disk or a condition and must not hold a thread of the cooperative pool.

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

    /// Waits for the function's end; call once.
    package func join() { pthread_join(thread, nil) }
}
