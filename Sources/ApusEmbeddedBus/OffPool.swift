// SPDX-License-Identifier: Apache-2.0

// What waits for the disk for longer than a read: opening a folder, which may have a journal to go through, and closing it.

import ApusStorage

/// Runs `work` on a thread of its own and waits for it without holding up one of the cooperative pool's.
func offPool<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    var thread: WorkerThread?
    let value = await withUnsafeContinuation { continuation in
        thread = WorkerThread(name: "apus-files") { continuation.resume(returning: work()) }
    }
    thread?.join()
    return value
}
