// SPDX-License-Identifier: Apache-2.0

// How a router writes down where it has come to. A note is safe as long as every copy that is not before its `next` is after its target
// ends: those are found again at start. Rules take over only once a note tells where they begin, so that what a note leaves open was only
// ever looked at by the rules in force.

import ApusModel
import ApusStorage
import Synchronization

extension TopicRouter {
    func noteIfDue() {
        let now = context.clock.now
        state.withLock { state in
            guard !state.isNoting, !state.isClosed else { return }
            let isDue = state.next != state.noted.next && now - state.lastNote >= TopicRouter.noteInterval
            guard isDue || state.pending != nil else { return }
            // While copies are under way the ends of the targets may already include them, and the note must not.
            state.wantsNote = !state.busy.isEmpty
            guard !state.wantsNote else { return }
            write(RouteProgress(next: state.next, targetEnds: ends(state)), &state)
        }
    }

    /// Where targets are to be looked through from, if this is the last note before a crash.
    private func ends(_ state: State) -> [LogID: Offset] {
        let topics = state.targetTopics
        let targets = topics.flatMap(\.partitions)
        var ends = Dictionary(targets.map { ($0.log, $0.written.end) }) { first, _ in first }
        // Copies of events that are still to be passed, from before the last crash or from a chunk of which others failed, have to be found
        // again: then the ends of the last note stay.
        guard state.repeats.reachBeyond(state.next) else { return ends }
        ends.merge(state.noted.targetEnds) { _, noted in noted }
        // Named, a new partition would look as if events had always gone to it.
        for log in TopicRouter.logsAdded(to: topics, since: state.noted) { ends[log] = nil }
        return ends
    }

    /// The partitions that a note does not name of topics that it does name others of: they have come since.
    private static func logsAdded(to topics: [Topic], since note: RouteProgress) -> [LogID] {
        topics.flatMap { topic in
            let logs = topic.partitions.map(\.log)
            let added = logs.filter { note.targetEnds[$0] == nil }
            return added.count < logs.count ? added : []
        }
    }

    private func write(_ progress: RouteProgress, _ state: inout State) {
        let pending = state.pending?.number
        let value = progress.encoded()
        var builder = RecordBatchBuilder(capacity: value.count + 128)
        builder.append(timestamp: context.clock.wall, key: nil, value: value)
        guard let batch = builder.finish() else { return }
        (state.isNoting, state.lastNote) = (true, context.clock.now)
        state.noteBytes += batch.length
        let forgets = state.noteBytes > 4 * context.options.snapshotBytes
        if forgets { state.noteBytes = 0 }
        let before = state.noted
        state.noted = progress
        let (context, log) = (context, claim.log)
        context.store.append(batch, holding: claim) { [weak self] result in
            // The store may complete while the append is being made, and so under the lock.
            context.inbox.post { [weak self] in
                if forgets, case .success(let base) = result { context.forget(log, before: base) }
                self?.wrote(progress, before: before, pending, result)
            }
        }
    }

    private func wrote(
        _ progress: RouteProgress, before: RouteProgress, _ pending: UInt64?,
        _ result: Result<Offset, LogError>
    ) {
        let isWritten = state.withLock { state in
            state.isNoting = false
            guard case .success = result else {
                state.noted = before
                return false
            }
            state.durable = progress
            // Rules that changed again meanwhile wait for a note of their own.
            if let pending, state.pending?.number == pending { state.takeOver() }
            return true
        }
        if isWritten {
            context.followers.enqueue(self)
        } else {
            context.enqueue(self, after: context.options.storeRetryInterval)
        }
    }

    /// Where targets ended when progress was last written down for good: from there on copies are needed to recognise repeats.
    var notedEnds: [LogID: Offset] {
        state.withLock { state in
            guard let durable = state.durable else { return [:] }
            var ends = durable.targetEnds
            for log in TopicRouter.logsAdded(to: state.targetTopics, since: durable) { ends[log] = .zero }
            return ends
        }
    }
}

extension TopicRouter.State {
    /// The topics that copies may go to, now or when what waits has taken over.
    var targetTopics: [Topic] { pending?.targetTopics(after: table) ?? table.targetTopics }
}
