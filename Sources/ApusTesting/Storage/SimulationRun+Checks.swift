// SPDX-License-Identifier: Apache-2.0

// The invariants of a simulated history.

import ApusModel
import ApusStorage
import NIOCore
import Synchronization

extension SimulationRun {
    /// Reads every log from its start to its end.
    func checkAll() {
        guard let store, report.violations.isEmpty else { return }
        let faults = disk.pauseFaults()
        defer { disk.setFaults(faults) }
        for log in logs where log.isAlive { check(log, in: store) }
    }

    private func check(_ log: SimulatedLog, in store: FileLogStore) {
        guard let bounds = try? store.bounds(log.id) else {
            if log.claim != nil || !log.entries.isEmpty { violate("I1: log \(log.id) is gone") }
            return
        }
        // Both copies of where it starts may be damaged, which is reported; then it starts at the first batch it has.
        let isExcused =
            rots && store.statistics().quarantined > 0
            && !log.entries.contains { entry in
                entry.fate == .acknowledged
                    && (entry.base.map { $0 >= log.start && $0 < bounds.start } ?? false)
            }
        guard bounds.start <= max(log.start, log.trimmedAtMost) || isExcused else {
            return violate("I1: log \(log.id) starts at \(bounds.start), not at \(log.start)")
        }
        if isExcused { log.start = max(log.start, bounds.start) }
        if bounds.end < log.floor, !rots {
            return violate("I1: log \(log.id) ends at \(bounds.end), before \(log.floor)")
        }
        var reader = LogReading(offset: bounds.start)
        while reader.offset < bounds.end, report.violations.isEmpty {
            do throws(LogError) {
                let batches = try store.read(log.id, from: reader.offset, byteLimit: 1 + random.below(4_000))
                guard let last = batches.last else {
                    note("nothing at \(reader.offset) of \(log.id), end \(bounds.end)")
                    // Only refused offsets can stand before the end.
                    break
                }
                for batch in batches { accept(batch, log, &reader) }
                reader.offset = last.nextOffset
            } catch {
                note("reading \(log.id) at \(reader.offset): \(error)")
                guard case .corrupt(_, let offset, let next, let reason) = error else {
                    if case .closed = error { return }
                    return violate("reading log \(log.id) at \(reader.offset): \(error)")
                }
                note("corrupt \(offset)..<\(next): \(reason)")
                guard next > reader.offset else { return violate("reading cannot go on after \(offset)") }
                reader.damaged.append(offset..<max(next, offset))
                reader.offset = next
            }
        }
        guard report.violations.isEmpty else { return }
        settle(log, reader, start: bounds.start, isReported: store.statistics().quarantined > 0)
    }

    /// A walk through one log.
    struct LogReading {
        var offset: Offset
        var lastNumber = -1
        var lastNext = Offset.zero
        var seen: Set<Int> = []
        var damaged: [Range<Offset>] = []
    }

    private func accept(_ batch: RecordBatch, _ log: SimulatedLog, _ reader: inout LogReading) {
        guard let number = number(of: batch, in: log) else {
            return violate("I3: log \(log.id) holds a batch at \(batch.baseOffset) that was never appended")
        }
        if options.rewrites { decide(log, number, batch) }
        let entry = log.entries[number]
        let tag = entry.tag
        var expected = entry.batch
        expected.baseOffset = batch.baseOffset
        if expected.bytes != batch.bytes { violate("I3: batch \(tag) reads back with other bytes") }
        if entry.isDropped { violate("I5: batch \(tag) is back after it was left out") }
        if let base = entry.base, base != batch.baseOffset {
            violate("I2: batch \(tag) was acknowledged at \(base) and is at \(batch.baseOffset)")
        }
        if entry.fate == .refused { violate("I4: batch \(tag) was refused and is at \(batch.baseOffset)") }
        if number <= reader.lastNumber {
            let before = log.entries[reader.lastNumber]
            violate(
                "I2: batch \(tag) at \(batch.baseOffset) is out of order in log \(log.id), after \(before.tag) "
                    + "up to \(reader.lastNext); it is \(entry.fate), that \(before.fate)")
        }
        if batch.baseOffset < reader.lastNext { violate("I2: batch \(tag) overlaps the one before") }
        reader.lastNumber = number
        reader.lastNext = batch.nextOffset
        reader.seen.insert(number)
        if entry.fate == .unknown {
            // It has been read: from now on it has to stay, as far as its log promises.
            log.entries[number].fate = entry.isFlushed ? .acknowledged : .excused
            log.entries[number].base = batch.baseOffset
            log.floor = max(log.floor, batch.nextOffset)
        }
    }

    private func settle(_ log: SimulatedLog, _ reader: LogReading, start: Offset, isReported: Bool) {
        for (number, entry) in log.entries.enumerated() where entry.fate == .acknowledged {
            guard let base = entry.base, !reader.seen.contains(number) else { continue }
            if entry.isDropped || isLeftOut(log, number) { continue }
            let next = base.advanced(by: Int64(entry.batch.lastOffsetDelta) + 1)
            // A log that has forgotten where it starts may show what was trimmed, or may not have it any more.
            if next <= max(start, log.start) { continue }
            let isDamaged = reader.damaged.contains { $0.lowerBound < next && $0.upperBound > base }
            // After a power cut a flipped bit in what was written last cannot be told from a sector that did not arrive.
            let isCutBack = couldBeTorn && reader.offset < next
            if rots, report.flips > 0, isDamaged || isReported || isCutBack {
                log.entries[number].fate = .excused
                log.lowerFloor()
                continue
            }
            violate("I1: batch \(entry.tag) of log \(log.id) was acknowledged at \(base) and is lost")
        }
        // What was not there when everything was read does not come back.
        for (number, entry) in log.entries.enumerated()
        where entry.fate == .unknown && number < reader.lastNumber {
            if !reader.seen.contains(number), reader.damaged.isEmpty, start == .zero {
                log.entries[number].fate = .refused
            }
        }
    }

    /// Reads anywhere, as consumers do.
    func readSomewhere() {
        let alive = logs.filter(\.isAlive)
        guard let store, !alive.isEmpty else { return }
        let log = alive[random.below(alive.count)]
        guard let bounds = try? store.bounds(log.id), bounds.end > bounds.start else { return }
        let from = bounds.start.advanced(
            by: Int64(random.below(Int(bounds.end.rawValue - bounds.start.rawValue))))
        guard let batches = try? store.read(log.id, from: from, byteLimit: random.below(8_000)) else {
            return
        }
        var reader = LogReading(offset: from)
        for batch in batches { accept(batch, log, &reader) }
        if let first = batches.first, first.nextOffset <= from {
            violate("a read from \(from) began with the batch at \(first.baseOffset)")
        }
        let time = Timestamp(milliseconds: Int64(random.below(nextTag)) * 10)
        if let found = try? store.offset(log.id, at: time), found < bounds.start {
            violate("time \(time) is found at \(found), before the start")
        }
    }
}

extension SimulatedDisk {
    /// Stops faults for a while.
    ///
    /// - Returns: what they were.
    func pauseFaults() -> DiskFaults {
        state.withLock { state in
            defer { state.faults = DiskFaults() }
            return state.faults
        }
    }
}
