// SPDX-License-Identifier: Apache-2.0

// State logs that have written themselves down anew forget what came before, and partitions what is past its time. The store may be busy with a
// checkpoint for seconds, and whoever trims waits for that: so it is not the worker, which everybody else waits for, but a thread beside it, one
// for all logs that are due.

import ApusModel
import ApusStorage
import Logging
import Synchronization

/// Forgets the beginnings of logs, beside the worker.
final class LogTrimmer: Sendable {
    private struct Due {
        var offset: Offset
        /// What is told of it when the log is that of one.
        var partition: Partition?
    }

    private struct State {
        /// How far logs may be forgotten. Bounded by the number of logs.
        var due: [LogID: Due] = [:]
        var isAtWork = false
    }

    private let state = Mutex(State())

    /// Forgets what a log has before `offset`, soon. What fails is logged and tried again with the next snapshot of that log, or when retention next
    /// looks.
    func trim(
        _ log: LogID, of partition: Partition? = nil, before offset: Offset, in context: EngineContext
    ) {
        let isFirst = state.withLock { state in
            let offset = max(state.due[log]?.offset ?? .zero, offset)
            state.due[log] = Due(offset: offset, partition: partition)
            defer { state.isAtWork = true }
            return !state.isAtWork
        }
        guard isFirst else { return }
        context.offload { [self] in
            while let (log, due) = next() { trimNow(log, due, in: context) }
        }
    }

    private func next() -> (LogID, Due)? {
        state.withLock { state in
            guard let next = state.due.popFirst() else {
                state.isAtWork = false
                return nil
            }
            return (next.key, next.value)
        }
    }

    private func trimNow(_ log: LogID, _ due: Due, in context: EngineContext) {
        do throws(LogError) {
            if let partition = due.partition {
                try partition.trim(before: due.offset, in: context.store)
            } else {
                try context.store.trim(log, before: due.offset)
            }
        } catch {
            switch error {
            // Deleted meanwhile, or the end of this life.
            case .unknownLog, .closed: break
            default:
                context.logger.warning(
                    "old records could not be forgotten: \(error)", metadata: ["log": "\(log)"])
            }
        }
    }
}

extension EngineContext {
    /// Forgets what a log has before `offset`, beside the worker.
    func forget(_ log: LogID, before offset: Offset) { trimmer.trim(log, before: offset, in: self) }

    /// Forgets what a partition has before `offset`, beside the worker.
    func forget(_ partition: Partition, before offset: Offset) {
        trimmer.trim(partition.log, of: partition, before: offset, in: self)
    }
}
