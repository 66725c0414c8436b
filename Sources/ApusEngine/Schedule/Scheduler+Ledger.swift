// SPDX-License-Identifier: Apache-2.0

// The ledger: one write at a time, with everything that has come up meanwhile. Later notes must not say that copies are done whose note was
// lost, so what a failed write had is in the next one.

import ApusModel
import ApusStorage
import Logging
import NIOCore
import Synchronization

extension Scheduler {
    /// For how long there is nothing to copy before the ledger says that no copies are under way, in milliseconds.
    static let closeAfter: Int64 = 2000

    /// What is to be written, and what was.
    struct Ledger {
        struct Cancellation: Sendable {
            var keys: [ScheduleKey]
            var completion: @Sendable (LogError?) -> Void
        }

        var isWriting = false
        /// Whether there is anything that should not wait.
        var wantsWrite = false
        var wantsSnapshot = false
        var retryAt: Duration?
        var bytes = 0
        var snapshotBytes = 0
        /// Done and not written down.
        var done: [Int: [Int64]] = [:]
        var doneCount = 0
        var opened: [(number: Int, span: ScheduleSpan)] = []
        var removed: [ScheduleBucket] = []
        var cancellations: [Cancellation] = []
        var fired: [LogID: Int64] = [:]
        /// Where copies may be that are not written down as done, as it is now and as the ledger has it.
        var copying: [LogID: Offset] = [:]
        var noted: [LogID: Offset] = [:]
        /// The same as it was last written down for certain: what a restart goes by when nothing of what is being written arrives.
        var durable: [LogID: Offset] = [:]
        var lastRound: Int64 = 0
    }

    /// Where copies may be that no note knows of: retention leaves them.
    var notedEnds: [LogID: Offset] {
        state.withLock { state in
            state.ledger.durable.merging(state.ledger.noted, uniquingKeysWith: min)
                .merging(state.ledger.copying, uniquingKeysWith: min)
        }
    }

    /// The offset before which a restart takes events to have been in this log.
    func seen(_ log: LogID) -> Offset { state.withLock { $0.ledger.noted[log] ?? .zero } }

    func writeLedger(_ time: Int64, _ state: inout State) {
        if state.round != nil { state.ledger.lastRound = time }
        let isQuiet =
            state.round == nil && state.ledger.done.isEmpty && !state.ledger.copying.isEmpty
            && time - state.ledger.lastRound >= Scheduler.closeAfter
        if isQuiet {
            state.ledger.copying = [:]
            state.ledger.wantsWrite = true
        }
        let wantsWrite =
            state.ledger.wantsWrite || !state.ledger.opened.isEmpty || !state.ledger.removed.isEmpty
            || !state.ledger.cancellations.isEmpty || !state.ledger.fired.isEmpty
        guard wantsWrite, !state.ledger.isWriting, !state.isClosed else { return }
        if let retry = state.ledger.retryAt, retry > context.clock.now { return }
        write(&state)
    }

    private func write(_ state: inout State) {
        var written = state.ledger
        let isSnapshot =
            written.wantsSnapshot
            || written.bytes > max(context.options.snapshotBytes, 4 * written.snapshotBytes)
        var changes: [ScheduleChange] = isSnapshot ? snapshot(state) : []
        changes += written.opened.map { .opened(bucket: $0.number, $0.span) }
        changes += written.done.sorted { $0.key < $1.key }.map { .done(bucket: $0.key, offsets: $0.value) }
        for cancellation in written.cancellations {
            let byBucket = Dictionary(grouping: cancellation.keys, by: \.bucket)
            changes += byBucket.sorted { $0.key < $1.key }.map {
                .done(bucket: $0.key, offsets: $0.value.map(\.offset).sorted())
            }
        }
        changes += written.fired.sorted { $0.key < $1.key }.map { .fired(schedule: $0.key, time: $0.value) }
        changes += written.removed.map { .removed(bucket: $0.number) }
        if isSnapshot || written.copying != written.noted { changes.append(.copying(written.copying)) }
        state.ledger.wantsWrite = false
        guard !changes.isEmpty else { return }
        var value = ByteBuffer()
        for change in changes { change.encode(into: &value) }
        var builder = RecordBatchBuilder(capacity: 128 + value.readableBytes)
        value.withUnsafeReadableBytes { builder.append(timestamp: context.clock.wall, key: nil, value: $0) }
        guard let batch = builder.finish() else { return }
        written.bytes = batch.length
        (state.ledger.isWriting, state.ledger.retryAt) = (true, nil)
        // What this takes back may be taken back already when the next round begins.
        state.ledger.noted = state.ledger.noted.filter { written.copying[$0.key] != nil }
        state.ledger.bytes = isSnapshot ? 0 : state.ledger.bytes + batch.length
        if isSnapshot { (state.ledger.snapshotBytes, state.ledger.wantsSnapshot) = (batch.length, false) }
        (state.ledger.done, state.ledger.doneCount) = ([:], 0)
        (state.ledger.opened, state.ledger.removed, state.ledger.cancellations) = ([], [], [])
        state.ledger.fired = [:]
        let sent = written
        context.store.append(batch, holding: claim) { [weak self, context] result in
            context.inbox.post { [weak self] in self?.wrote(sent, isSnapshot: isSnapshot, result) }
        }
    }

    private func wrote(_ written: Ledger, isSnapshot: Bool, _ result: Result<Offset, LogError>) {
        switch result {
        case .success(let base):
            state.withLock { state in
                state.ledger.isWriting = false
                (state.ledger.noted, state.ledger.durable) = (written.copying, written.copying)
                for cancellation in written.cancellations {
                    for key in cancellation.keys {
                        state.busy.remove(key)
                        state.buckets[key.bucket]?.done.insert(key.offset)
                        waiting.subtract(1, ordering: .relaxed)
                    }
                }
                for (number, span) in written.opened { state.unopened[number] = span }
                announce(&state)
            }
            if isSnapshot { context.forget(ScheduleBucket.ledgerLog, before: base) }
            for (number, span) in written.opened { claim(number, span) }
            for bucket in written.removed { try? context.store.delete(bucket.log) }
            for cancellation in written.cancellations { cancellation.completion(nil) }
        case .failure(let error):
            context.logger.warning("what became of delayed events could not be written down: \(error)")
            state.withLock { state in takeBack(written, isSnapshot, &state) }
            for (_, span) in written.opened { opened(span, error: error) }
            for cancellation in written.cancellations { cancellation.completion(error) }
        }
        context.followers.enqueue(self)
    }

    private func takeBack(_ written: Ledger, _ isSnapshot: Bool, _ state: inout State) {
        state.ledger.isWriting = false
        state.ledger.wantsWrite = true
        if isSnapshot { state.ledger.wantsSnapshot = true }
        state.ledger.retryAt = context.clock.now + context.options.storeRetryInterval
        for (bucket, offsets) in written.done {
            state.ledger.done[bucket] = offsets + (state.ledger.done[bucket] ?? [])
            state.ledger.doneCount += offsets.count
        }
        state.ledger.removed = written.removed + state.ledger.removed
        state.ledger.fired.merge(written.fired) { newer, _ in newer }
        for cancellation in written.cancellations {
            for key in cancellation.keys { state.busy.remove(key) }
        }
        // Some of them may have been passed over meanwhile.
        if !written.cancellations.isEmpty { forgetWindow(&state) }
    }

    /// Reads everything again that becomes due soon.
    func forgetWindow(_ state: inout State) {
        state.window.removeAll()
        (state.covered, state.target) = (.first, nil)
        for number in state.buckets.keys { state.buckets[number]?.followed = 0 }
    }

    private func snapshot(_ state: State) -> [ScheduleChange] {
        var changes: [ScheduleChange] = [.reset, .numbered(state.lastNumber)]
        for (number, span) in state.unopened.sorted(by: { $0.key < $1.key }) {
            changes.append(.opened(bucket: number, span))
        }
        for (number, tracked) in state.buckets.sorted(by: { $0.key < $1.key }) {
            changes.append(.opened(bucket: number, tracked.bucket.span))
            changes.append(.floor(bucket: number, tracked.done.floor))
            for part in tracked.done.parts {
                changes.append(.bits(bucket: number, first: part.first, words: part.words))
            }
        }
        for (id, recurring) in state.recurring.sorted(by: { $0.key < $1.key }) {
            changes.append(.fired(schedule: id, time: recurring.progress))
        }
        return changes
    }

    // MARK: Recovery

    /// What the ledger says.
    private struct Recovered {
        var spans: [Int: ScheduleSpan] = [:]
        var done: [Int: OffsetBits] = [:]
        var copying: [LogID: Offset] = [:]
        var fired: [LogID: Int64] = [:]
        var lastNumber = 0

        mutating func apply(_ change: ScheduleChange) {
            switch change {
            case .reset: self = Recovered()
            case .numbered(let number): lastNumber = max(lastNumber, number)
            case .opened(let bucket, let span):
                spans[bucket] = span
                // A number that was used names copies in topics: it is not used again.
                lastNumber = max(lastNumber, bucket)
            case .removed(let bucket):
                spans[bucket] = nil
                done[bucket] = nil
            case .done(let bucket, let offsets):
                for offset in offsets { done[bucket, default: OffsetBits()].insert(offset) }
            case .floor(let bucket, let floor): done[bucket, default: OffsetBits()].setFloor(floor)
            case .bits(let bucket, let first, let words):
                done[bucket, default: OffsetBits()].insert(words, from: first)
            case .copying(let logs): copying = logs
            case .fired(let schedule, let time): fired[schedule] = max(time, fired[schedule] ?? .min)
            }
        }
    }

    func recover() throws(LogError) {
        var recovered = Recovered()
        var damage: Offset?
        try context.replay(ScheduleBucket.ledgerLog) { record in
            guard let value = record.value, let changes = ScheduleChange.decode(value) else {
                damage = damage ?? record.offset
                return
            }
            for change in changes { recovered.apply(change) }
        }
        if let damage {
            throw .corrupt(
                log: ScheduleBucket.ledgerLog, offset: damage, next: damage.advanced(by: 1),
                reason: "not a list of changes of schedules")
        }
        var buckets: [Int: Tracked] = [:]
        for (number, span) in recovered.spans.sorted(by: { $0.key < $1.key }) {
            let bucket = try ScheduleBucket(number: number, span: span, store: context.store, grown: grown)
            buckets[number] = Tracked(bucket: bucket, done: recovered.done[number] ?? OffsetBits())
        }
        try deleteOrphans(recovered.spans)
        let found = try copies(after: recovered.copying)
        let (opened, progress) = (buckets, recovered)
        state.withLock { state in
            state.buckets = opened
            state.lastNumber = progress.lastNumber
            (state.ledger.copying, state.ledger.noted) = (progress.copying, progress.copying)
            state.ledger.durable = progress.copying
            for (id, time) in progress.fired { state.recurring[id] = Recurring(progress: time) }
            for (number, offset) in found.waiting where state.buckets[number]?.done.contains(offset) == false
            {
                state.buckets[number]?.done.insert(offset)
                state.ledger.done[number, default: []].append(offset)
                state.ledger.wantsWrite = true
            }
            for (id, time) in found.occurrences {
                state.recurring[id, default: Recurring(progress: time)].raise(to: time)
                state.ledger.fired[id] = max(time, state.ledger.fired[id] ?? .min)
            }
            let count = state.buckets.values.reduce(Int64(0)) {
                $0 + max(0, $1.bucket.signal.end.rawValue - $1.done.count)
            }
            waiting.store(count, ordering: .relaxed)
        }
        front.withLock { front in
            for tracked in opened.values { front.buckets[tracked.bucket.span] = tracked.bucket }
        }
    }

    /// Logs whose removal was written down and not carried out.
    private func deleteOrphans(_ spans: [Int: ScheduleSpan]) throws(LogError) {
        let kept = Set(spans.keys.map { ScheduleBucket.family.member($0) } + [ScheduleBucket.ledgerLog])
        for log in try context.store.logs()
        where log.high == ScheduleBucket.family.high && log.member(0) == ScheduleBucket.family.member(0)
            && !kept.contains(log)
        {
            try context.store.delete(log)
        }
    }

    /// Copies that were made and maybe not noted as done.
    private func copies(
        after noted: [LogID: Offset]
    ) throws(LogError) -> (waiting: [(Int, Int64)], occurrences: [(LogID, Int64)]) {
        var found: (waiting: [(Int, Int64)], occurrences: [(LogID, Int64)]) = ([], [])
        for (log, from) in noted.sorted(by: { $0.key < $1.key }) {
            let bounds: LogBounds
            do { bounds = try context.store.bounds(log) } catch {
                // Its topic was deleted.
                if case .unknownLog = error { continue }
                throw error
            }
            var offset = max(from, bounds.start)
            while offset < bounds.end {
                let batches: [RecordBatch]
                do { batches = try context.store.read(log, from: offset, byteLimit: 1 << 20) } catch {
                    guard let next = LookAhead.wayAround(error) else { throw error }
                    offset = next
                    continue
                }
                guard let last = batches.last else { break }
                for batch in batches where batch.isCopy(by: Scheduler.producerID) {
                    _ = try? batch.forEachRecord { record in
                        guard let text = record.header(LineageHeader.scheduleBytes) else { return true }
                        if let place = ScheduleKey.place(of: text) {
                            found.waiting.append(place)
                        } else if let occurrence = Recurring.occurrence(text) {
                            found.occurrences.append(occurrence)
                        }
                        return true
                    }
                }
                offset = last.nextOffset
            }
        }
        return found
    }
}
