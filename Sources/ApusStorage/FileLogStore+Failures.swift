// SPDX-License-Identifier: Apache-2.0

// What a failed write owes: it has to be made void before the appends it was for are refused, so that what was refused never comes back;
// and those who wait for a disk that goes on failing are answered within bounds.

import ApusModel
import DequeModule
import Logging
import Synchronization

extension FileLogStore {
    func fail(_ items: [PendingAppend], _ error: LogError, _ completions: inout Completions) {
        guard !items.isEmpty else { return }
        shared.withLock { state in
            for item in items { _ = state.leave(item) }
        }
        completions.outcomes.append(.refused(items, error))
    }

    /// Makes failed writes void, and only then refuses the appends they were for.
    ///
    /// - Returns: false while that fails too.
    func settleFailures(_ committer: inout Committer, _ completions: inout Completions) -> Bool {
        let isOwed = committer.isVoidOwed || !committer.cutsOwed.isEmpty || !committer.failed.isEmpty
        do throws(DiskError) {
            if committer.isVoidOwed {
                try committer.writer.voidFailedBlock()
                committer.isVoidOwed = false
            }
            while let files = committer.cutsOwed.last {
                try files.cutBack()
                committer.cutsOwed.removeLast()
            }
            if isOwed { shared.withLock { if $0.refusal != .diskFull { $0.refusal = nil } } }
        } catch {
            let reason = LogError(error)
            shared.withLock { $0.refusal = reason }
            return false
        }
        fail(committer.failed, committer.failure, &completions)
        committer.failed = []
        return true
    }

    /// Answers those who wait for a disk that has been failing for long. What may have reached it in part stays undecided
    /// until it is made void, which is owed before anything else is written; what was not written at all is refused.
    func losePatience(_ committer: inout Committer, _ completions: inout Completions) {
        let now = clock.monotonic()
        let since = committer.stoppedSince ?? now
        committer.stoppedSince = since
        guard now - since >= configuration.patience else { return }
        let (refusal, waiting) = shared.withLock { state -> (LogError?, [PendingAppend]) in
            guard let refusal = state.refusal ?? state.checkpointFailure else { return (nil, []) }
            defer { state.queue = [] }
            return (refusal, state.queue)
        }
        // Nothing fails: it only takes long.
        guard let refusal else { return }
        if !committer.failed.isEmpty {
            environment.logger.error(
                "The disk goes on failing: what waits for it is answered, and is undecided until it works again",
                metadata: ["batches": "\(committer.failed.count)", "error": "\(refusal)"])
        }
        fail(committer.failed, .undecided("\(committer.failure)"), &completions)
        committer.failed = []
        fail(Array(committer.gathered) + waiting, refusal, &completions)
        committer.gathered = []
    }

    /// Begins a journal file, which makes void whatever a torn end of the last one may still hold.
    func beginJournal() throws(DiskError) {
        try committer.withLock { (committer: inout Committer) throws(DiskError) in
            try committer.writer.voidFailedBlock()
        }
    }

    /// Completes what can no longer be decided: whether it would be found after a restart is not known.
    func abandon() {
        committer.withLock { committer in
            var completions = Completions()
            let queued = shared.withLock { state in
                defer { state.queue = [] }
                return state.queue
            }
            fail(committer.failed + Array(committer.gathered) + queued, .closed, &completions)
            committer.failed = []
            committer.gathered = []
            _ = deliveries.add(completions)
        }
        deliveries.tellAll()
    }
}
