// SPDX-License-Identifier: Apache-2.0

// Segments written anew in a simulated history, and what the model makes of it.

import ApusModel
import ApusStorage

extension SimulationRun {
    /// Writes some closed segments of a log anew, with other things going on meanwhile.
    func rewriteSomething() {
        guard let log = someLog, let store, let closed = try? store.closedSegments(log.id), !closed.isEmpty
        else { return }
        let first = random.below(closed.count)
        let last = min(closed.count - 1, first + random.below(3))
        let range = closed[first].base..<closed[last].end
        let salt = random.next()
        let rewrite = SimulatedRewrite()
        var contents: [(number: Int, batch: RecordBatch?)] = []
        note("rewriting \(range) of \(log.id)")
        do throws(LogError) {
            let outcome = try store.rewrite(log.id, range, noting: Timestamp(milliseconds: 1)) { batch in
                meddle(with: log)
                if salt % 11 == 0, batch.nextOffset >= range.upperBound { return .stop }
                guard let number = number(of: batch, in: log), log.entries[number].base == batch.baseOffset,
                    log.entries[number].fate == .acknowledged
                else { return .keep(batch) }
                let content = content(of: batch, salt)
                contents.removeAll { $0.number == number }
                contents.append(
                    (number, content ?? (batch.nextOffset < range.upperBound ? nil : batch.emptied())))
                return content.map { .keep($0) } ?? .drop
            }
            note("rewrite: \(outcome)")
            guard case .done = outcome else { return }
            for (number, batch) in contents {
                log.entries[number].candidates = []
                log.entries[number].isDropped = batch == nil
                if let batch { log.entries[number].batch = batch }
            }
        } catch {
            note("rewrite failed: \(error)")
            for (number, batch) in contents { log.entries[number].candidates.append((rewrite, batch)) }
        }
    }

    /// Whatever may go on while segments are being written anew.
    private func meddle(with log: SimulatedLog) {
        guard random.oneIn(10), !disk.isOff else { return }
        switch random.below(4) {
        case 0: commit()
        case 1: _ = store?.checkpointNow()
        case 2: readSomewhere()
        default: if random.oneIn(4) { trim() }
        }
    }

    /// What a batch becomes; the same whenever it is asked.
    private func content(of batch: RecordBatch, _ salt: UInt64) -> RecordBatch? {
        var chance = SplitMix64(seed: salt ^ UInt64(bitPattern: batch.baseOffset.rawValue))
        switch chance.below(4) {
        case 0: return nil
        case 1:
            // The first record stays: it tells which batch this is.
            return try? batch.keeping { $0.offset == batch.baseOffset || chance.oneIn(2) }
        default: return batch
        }
    }

    /// Which append a batch is.
    func number(of batch: RecordBatch, in log: SimulatedLog) -> Int? {
        guard batch.recordCount == 0 else {
            return (try? LogStoreContract.tags([batch]))?.first.flatMap { log.number(of: $0) }
        }
        return log.entries.lastIndex { entry in
            entry.base == batch.baseOffset && entry.fate != .refused
                && (entry.batch.recordCount == 0 || entry.candidates.contains { $0.batch?.recordCount == 0 })
        }
    }

    /// Finds out by a batch that was read whether what was being written anew counts.
    func decide(_ log: SimulatedLog, _ number: Int, _ batch: RecordBatch) {
        for (rewrite, content) in log.entries[number].candidates where rewrite.isOpen && rewrite.isNew == nil
        {
            guard content?.bytes != log.entries[number].located(at: batch.baseOffset).bytes else { continue }
            rewrite.isNew = content?.bytes == batch.bytes
        }
        apply(log, number)
    }

    /// Whether an append that was not found may be one of those left out.
    func isLeftOut(_ log: SimulatedLog, _ number: Int) -> Bool {
        for (rewrite, content) in log.entries[number].candidates
        where rewrite.isOpen && rewrite.isNew == nil && content == nil {
            rewrite.isNew = true
        }
        apply(log, number)
        return log.entries[number].isDropped
    }

    private func apply(_ log: SimulatedLog, _ number: Int) {
        for (rewrite, content) in log.entries[number].candidates where rewrite.isNew == true {
            log.entries[number].isDropped = content == nil
            if let content { log.entries[number].batch = content }
        }
        log.entries[number].candidates.removeAll { $0.rewrite.isNew != nil }
    }
}

extension SimulatedLog.Entry {
    func located(at offset: Offset) -> RecordBatch {
        var located = batch
        located.baseOffset = offset
        return located
    }
}
