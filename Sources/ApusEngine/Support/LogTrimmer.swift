// SPDX-License-Identifier: Apache-2.0

// State logs that have written themselves down anew forget what came before. The store may be busy with a checkpoint for half a second, and whoever
// trims waits for that: so it is not the worker, which everybody else waits for, but a thread beside it, one for all logs that are due.

import ApusModel
import ApusStorage
import Logging
import Synchronization

/// Forgets the beginnings of logs, beside the worker.
final class LogTrimmer: Sendable {
    private struct State {
        /// How far logs may be forgotten. Bounded by the number of logs.
        var due: [LogID: Offset] = [:]
        var isAtWork = false
    }

    private let state = Mutex(State())

    /// Forgets what a log has before `offset`, soon. What fails is logged and tried again with the next snapshot of that log.
    func trim(_ log: LogID, before offset: Offset, in context: EngineContext) {
        let isFirst = state.withLock { state in
            state.due[log] = max(state.due[log] ?? .zero, offset)
            defer { state.isAtWork = true }
            return !state.isAtWork
        }
        guard isFirst else { return }
        context.offload { [self] in
            while let (log, offset) = next() { trimNow(log, before: offset, in: context) }
        }
    }

    private func next() -> (LogID, Offset)? {
        state.withLock { state in
            guard let next = state.due.popFirst() else {
                state.isAtWork = false
                return nil
            }
            return (next.key, next.value)
        }
    }

    private func trimNow(_ log: LogID, before offset: Offset, in context: EngineContext) {
        do throws(LogError) {
            try context.store.trim(log, before: offset)
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
}
