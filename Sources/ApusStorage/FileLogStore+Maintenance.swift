// SPDX-License-Identifier: Apache-2.0

// Work behind the appends: checkpoints (tails into segments, segments durable, journal files free again), a journal file
// kept ready, free space watched, old segments closed, deleted logs swept away.

import ApusModel
import CApus
import Logging
import Synchronization

/// What only the maintaining thread touches.
struct Maintenance {
    var lock: (any DiskLock)?
    var checkpoint: Checkpoint
    let scratch = SegmentScratch()
    var lastTick: Duration?
    var lastRoll: Duration?
    var lastIdleSync: Duration?
    var hasTrash = true
    var memoryReturn = MemoryReturn()
    /// Journal files with damage: kept aside when they are done with.
    var damagedFiles: Set<UInt64> = []

    init(lock: any DiskLock, _ opened: (checkpoint: Checkpoint, damaged: Set<UInt64>)) {
        self.lock = lock
        checkpoint = opened.checkpoint
        damagedFiles = opened.damaged
    }
}

/// Which segments a checkpoint makes durable.
enum CheckpointScope {
    /// Those of logs that promise it, and all closed ones.
    case promised
    /// All.
    case everything
}

extension FileLogStore {
    /// Does what is due.
    ///
    /// - Returns: how long there is nothing to do, if nothing happens.
    package func maintenanceStep() -> Duration {
        let now = clock.monotonic()
        maintenance.withLock { tick(&$0, now) }
        if isCheckpointDue(now) { _ = checkpoint(.promised) }
        return pause(now)
    }

    private func isCheckpointDue(_ now: Duration) -> Bool {
        shared.withLock { state in
            guard !state.isClosed else { return false }
            if state.isCheckpointWanted { return true }
            guard let since = state.dirtySince else { return false }
            return now - since >= checkpointAge(state)
        }
    }

    /// How long something waits for a checkpoint: longer when many logs have something waiting, because each costs three writes, whatever
    /// it is that waits. All of it is in the journal, which begins a checkpoint by itself when it fills up.
    private func checkpointAge(_ state: borrowing SharedState) -> Duration {
        let grown = min(configuration.checkpointAgePerLog * state.dirty.count, configuration.checkpointAgeMax)
        var age = max(configuration.checkpointAge, grown)
        for slot in state.dirty {
            if case .interval(let interval) = state.slots[slot]?.configuration.durability {
                age = min(age, interval)
            }
        }
        return age
    }

    private func pause(_ now: Duration) -> Duration {
        shared.withLock { state in
            guard let since = state.dirtySince else { return configuration.retryInterval }
            let left = since + checkpointAge(state) - now
            return max(.milliseconds(1), min(left, configuration.retryInterval))
        }
    }

    private func tick(_ maintenance: inout Maintenance, _ now: Duration) {
        prepareJournal()
        if maintenance.hasTrash { maintenance.hasTrash = !sweepTrash() }
        if maintenance.lastTick.map({ now - $0 >= configuration.retryInterval }) ?? true {
            maintenance.lastTick = now
            watchSpace()
            if threads.isRunning, maintenance.memoryReturn.isDue(after: environment.moved.value) {
                capus_return_memory()
            }
        }
        if maintenance.lastRoll.map({ now - $0 >= .seconds(10) }) ?? true {
            maintenance.lastRoll = now
            rollOldSegments()
        }
        if maintenance.lastIdleSync.map({ now - $0 >= configuration.idleSyncAge }) ?? false {
            shared.withLock { if !$0.dirty.isEmpty || !$0.idle.isEmpty { $0.isCheckpointWanted = true } }
        }
    }

    private func prepareJournal() {
        do throws(DiskError) {
            while try pool.prepare(bytes: configuration.journalFileBytes) {}
        } catch {
            environment.logger.warning("No journal file could be prepared", metadata: ["error": "\(error)"])
        }
    }

    /// Looks at free space and refuses appends while there is too little.
    func watchSpace() {
        guard let free = try? environment.disk.freeBytes(at: directory) else { return }
        let total = (try? environment.disk.totalBytes(at: directory)) ?? nil
        let wall = clock.wall()
        let (level, changesRefusal) = shared.withLock { state -> (SpaceLevel?, Bool?) in
            state.freeBytes = free
            state.bytesUnwatched = 0
            // What waits in the journal will need as much once more in segments, and the reserve is not for that.
            let isChanged = state.space.note(free: free - Int64(state.tailBytes), total: total, at: wall)
            let level = isChanged ? state.space.level : nil
            if state.space.level == .short, state.refusal == nil {
                state.refusal = .diskFull
                return (level, true)
            }
            if state.space.level != .short, state.refusal == .diskFull {
                state.refusal = nil
                state.isCheckpointWanted = state.isCheckpointWanted || !state.dirty.isEmpty
                return (level, false)
            }
            return (level, nil)
        }
        tell(level, changesRefusal, free: free)
    }

    /// Says once what changed about the disk's space.
    private func tell(_ level: SpaceLevel?, _ changesRefusal: Bool?, free: Int64) {
        let (severity, text): (Logger.Level, Logger.Message)
        switch (changesRefusal, level) {
        case (true?, _): (severity, text) = (.error, "The disk is nearly full: appends are refused")
        case (_, .low?) where changesRefusal == nil:
            (severity, text) = (.warning, "Little space is left on the disk")
        case (false?, _): (severity, text) = (.notice, "There is space again: appends are accepted")
        case (nil, .ample?): (severity, text) = (.notice, "There is enough space on the disk again")
        case (nil, _): return
        }
        environment.logger.log(level: severity, text, metadata: ["free": "\(free)"])
    }

    private func rollOldSegments() {
        let now = clock.wall()
        let logs = shared.withLock {
            $0.slots.compactMap { slot in slot.map { ($0.files, $0.configuration) } }
        }
        for (files, configuration) in logs {
            do throws(DiskError) { try files.rollIfOld(configuration, now: now) } catch {
                environment.logger.warning("A segment could not be closed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// - Returns: whether the trash is empty.
    private func sweepTrash() -> Bool {
        let trash = directory + "/trash"
        do throws(DiskError) {
            let names = try environment.disk.list(trash)
            if names.isEmpty { return true }
            // Only what is in here for good is taken apart: a power cut could give a log its name back.
            try environment.disk.syncDirectory(trash)
            try environment.disk.syncDirectory(directory + "/logs")
            for name in names {
                let path = trash + "/" + name
                for file in try environment.disk.list(path) { try environment.disk.remove(path + "/" + file) }
                try environment.disk.removeDirectory(path)
            }
            return true
        } catch {
            environment.logger.warning(
                "A deleted log could not be removed yet", metadata: ["error": "\(error)"])
            return false
        }
    }
}
