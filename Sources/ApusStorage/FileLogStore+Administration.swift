// SPDX-License-Identifier: Apache-2.0

// Logs come and go: claim, configure, trim, delete, list. Each is durable when it returns.

public import ApusModel
import Logging
import Synchronization

extension FileLogStore {
    /// As ``LogStore/claim(_:_:onAdvance:)``.
    public func claim(
        _ log: LogID, _ configuration: LogConfiguration, onAdvance: @escaping @Sendable (Offset) -> Void
    ) throws(LogError) -> LogClaim {
        if let claim = try claimFirst(log, configuration, onAdvance) { return claim }
        // Outside the locks, since those who are told may call the store; and not for as long as appends keep coming.
        defer { if threads.isRunning { threads.wakeDelivery() } else { deliveries.tellAll() } }
        administrators.add(1, ordering: .relaxed)
        defer { administrators.subtract(1, ordering: .relaxed) }
        return try maintenance.withLock { (_: inout Maintenance) throws(LogError) -> LogClaim in
            if let claim = try reclaim(log, configuration, onAdvance) { return claim }
            let files: LogFiles
            do throws(DiskError) {
                files = try LogFiles.create(log, life: random(), in: directory + "/logs", environment)
            } catch { throw LogError(error) }
            return shared.withLock { state in
                var slot = LogSlot(
                    id: log, files: files, start: .zero, reserved: .zero, end: .zero, tailFrom: .zero)
                state.claims += 1
                slot.epoch = state.claims
                slot.configuration = configuration
                slot.onAdvance = onAdvance
                return LogClaim(log: log, epoch: slot.epoch, slot: state.add(slot))
            }
        }
    }

    /// How many logs are made together: what waits for the maintenance lock (a checkpoint) does not wait long.
    private static let creationGroupMax = 500

    /// As ``LogStore/create(_:)``.
    public func create(_ logs: [LogID]) throws(LogError) {
        administrators.add(1, ordering: .relaxed)
        defer { administrators.subtract(1, ordering: .relaxed) }
        var rest = logs[...]
        while !rest.isEmpty {
            let group = rest.prefix(FileLogStore.creationGroupMax)
            rest = rest.dropFirst(group.count)
            try maintenance.withLock { (_: inout Maintenance) throws(LogError) in
                let missing = try shared.withLock { state throws(LogError) in
                    if state.isClosed { throw .closed }
                    var seen: Set<LogID> = []
                    return group.filter { state.slotOf[$0] == nil && seen.insert($0).inserted }
                }
                guard !missing.isEmpty else { return }
                let made: [LogFiles]
                do throws(DiskError) {
                    made = try LogFiles.create(
                        missing.map { ($0, random()) }, in: directory + "/logs", environment)
                } catch { throw LogError(error) }
                shared.withLock { state in
                    for files in made {
                        _ = state.add(
                            LogSlot(
                                id: files.id, files: files, start: .zero, reserved: .zero, end: .zero,
                                tailFrom: .zero))
                    }
                }
            }
        }
    }

    /// Claims a log that was never claimed in this life: nobody can have anything under way.
    private func claimFirst(
        _ log: LogID, _ configuration: LogConfiguration, _ onAdvance: @escaping @Sendable (Offset) -> Void
    ) throws(LogError) -> LogClaim? {
        try shared.withLock { (state: inout SharedState) throws(LogError) -> LogClaim? in
            if state.isClosed { throw .closed }
            guard let index = state.slotOf[log], state.slots[index]?.epoch == 0 else { return nil }
            return state.claim(index, configuration, onAdvance)
        }
    }

    /// Claims a log that exists. What the previous holder has under way is completed or fenced before.
    private func reclaim(
        _ log: LogID, _ configuration: LogConfiguration, _ onAdvance: @escaping @Sendable (Offset) -> Void
    ) throws(LogError) -> LogClaim? {
        try committer.withLock { (committer: inout Committer) throws(LogError) -> LogClaim? in
            let (fenced, claim) = try shared.withLock {
                (state: inout SharedState) throws(LogError) -> ([PendingAppend], LogClaim?) in
                if state.isClosed { throw .closed }
                guard let index = state.slotOf[log] else { return ([], nil) }
                let claim = state.claim(index, configuration, onAdvance)
                let fenced = state.queue.filter { $0.slot == index }
                if !fenced.isEmpty { state.queue.removeAll { $0.slot == index } }
                return (fenced, claim)
            }
            guard let claim else { return nil }
            let gathered = committer.gathered.filter { $0.slot == claim.slot }
            if !gathered.isEmpty { committer.gathered.removeAll { $0.slot == claim.slot } }
            var completions = Completions()
            fail(gathered + fenced, .fenced(log), &completions)
            _ = deliveries.add(completions)
            return claim
        }
    }

    /// As ``LogStore/configure(_:_:)``.
    public func configure(_ claim: LogClaim, _ configuration: LogConfiguration) throws(LogError) {
        let result = shared.withLock { state in
            state.index(claim).map { state.slots[$0]?.configuration = configuration }
        }
        try result.get()
    }

    /// As ``LogStore/closedSegments(_:)``.
    public func closedSegments(_ log: LogID) throws(LogError) -> [SegmentDescription] {
        let files = try files(log)
        do throws(DiskError) { return try files.closedSegments() } catch { throw LogError(error) }
    }

    private func files(_ log: LogID) throws(LogError) -> LogFiles {
        let files = shared.withLock { state in state.slotOf[log].flatMap { state.slots[$0]?.files } }
        guard let files else { throw .unknownLog(log) }
        return files
    }

    /// As ``LogStore/trim(_:before:)``.
    public func trim(_ log: LogID, before offset: Offset) throws(LogError) {
        // Essential logs, which hold states, are trimmed all the time and beside everything else: they have time.
        let isUrgent = shared.withLock { state in
            state.slotOf[log].flatMap { state.slots[$0]?.configuration.isEssential } == false
        }
        if isUrgent { administrators.add(1, ordering: .relaxed) }
        defer { if isUrgent { administrators.subtract(1, ordering: .relaxed) } }
        try maintenance.withLock { (_: inout Maintenance) throws(LogError) in
            let files = try files(log)
            let end = shared.withLock { state in state.slotOf[log].flatMap { state.slots[$0]?.end } }
            guard let end, offset <= end else { throw .beyondEnd(end: end ?? .zero) }
            do throws(DiskError) { try files.trim(before: offset) } catch { throw LogError(error) }
            shared.withLock { state in
                guard let index = state.slotOf[log], let start = state.slots[index]?.start else { return }
                state.slots[index]?.start = max(start, offset)
            }
        }
        watchSpace()
    }

    /// As ``LogStore/delete(_:)``.
    public func delete(_ log: LogID) throws(LogError) {
        administrators.add(1, ordering: .relaxed)
        defer { administrators.subtract(1, ordering: .relaxed) }
        try maintenance.withLock { (maintenance: inout Maintenance) throws(LogError) in
            let files = try files(log)
            do throws(DiskError) {
                let digits = String(random(), radix: 16)
                try files.delete(to: directory + "/trash/" + log.description + "-" + digits)
                maintenance.checkpoint.logs[log] = nil
                maintenance.hasTrash = true
                forget(log)
                try environment.disk.syncDirectory(directory + "/trash")
                try environment.disk.syncDirectory(directory + "/logs")
            } catch { throw LogError(error) }
        }
        threads.wakeMaintenance()
    }

    private func forget(_ log: LogID) {
        shared.withLock { state in
            guard let index = state.slotOf.removeValue(forKey: log) else { return }
            state.forgetRecent(of: index)
            state.tailBytes -= state.slots[index]?.tail.reduce(0) { $0 + $1.batch.length } ?? 0
            state.slots[index] = nil
            state.freeSlots.append(index)
        }
    }

    /// As ``LogStore/logs()``.
    public func logs() throws(LogError) -> [LogID] {
        shared.withLock { $0.slotOf.keys.sorted() }
    }
}

extension SharedState {
    /// Makes the caller the holder of the log in a slot.
    fileprivate mutating func claim(
        _ index: Int, _ configuration: LogConfiguration, _ onAdvance: @escaping @Sendable (Offset) -> Void
    ) -> LogClaim? {
        guard slots.indices.contains(index), let log = slots[index]?.id else { return nil }
        claims += 1
        slots[index]?.epoch = claims
        slots[index]?.configuration = configuration
        slots[index]?.onAdvance = onAdvance
        return LogClaim(log: log, epoch: claims, slot: index)
    }
}
