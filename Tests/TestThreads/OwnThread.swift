// SPDX-License-Identifier: Apache-2.0

// Tests that compute for seconds without a pause (simulations, damage byte by byte, properties) hold a thread of the concurrency pool, which has as many
// as there are cores. Two of them at a time, and every test that waits for a socket stands still. This trait gives them a thread of their own, one for all.

import Dispatch
public import Testing

/// Runs each case of a test on a thread beside the concurrency pool.
public struct OwnThread: TestTrait, SuiteTrait, TestScoping {
    /// Holds for every test of a suite.
    public let isRecursive = true

    /// Runs `function` on the thread, when it is one case and not a whole suite.
    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try await withTaskExecutorPreference(Worker.shared) { try await function() }
    }
}

extension Trait where Self == OwnThread {
    /// For tests that compute for long without a pause.
    public static var ownThread: OwnThread { OwnThread() }
}

private final class Worker: TaskExecutor {
    static let shared = Worker()

    private let queue = DispatchQueue(label: "apus.tests.own-thread")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
