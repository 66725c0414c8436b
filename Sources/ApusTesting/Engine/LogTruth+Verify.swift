// SPDX-License-Identifier: Apache-2.0

// Holding a store that was just opened against the truth.

import ApusModel
import ApusStorage
import NIOCore

extension LogTruth {
    /// Reads everything in `store` and says what is wrong with it; what was not known before is known then.
    ///
    /// - Returns: per log that does not promise to survive power cuts and lost its end, the first offset lost.
    func verify(_ store: any LogStore, afterPowerCut isPowerCut: Bool) -> [LogID: Offset] {
        let logs = withState { state in state.logs.filter { !$0.value.isMaybeGone }.keys.sorted() }
        var cut: [LogID: Offset] = [:]
        for log in logs {
            if let offset = verify(log, in: store, isPowerCut) { cut[log] = offset }
        }
        return cut
    }

    private func verify(_ log: LogID, in store: any LogStore, _ isPowerCut: Bool) -> Offset? {
        let start: Offset
        let end: Offset
        var found: [RecordBatch] = []
        do throws(LogError) {
            let bounds = try store.bounds(log)
            start = bounds.start
            end = bounds.end
            let mayBeDamaged = withState { state -> Bool in
                guard isPowerCut, state.logs[log]?.batches.contains(where: { !$0.isFlushed }) == true else {
                    return state.logs[log]?.mayBeDamaged ?? false
                }
                state.logs[log]?.mayBeDamaged = true
                return true
            }
            found = try LogTruth.everything(in: log, of: store, bounds, aroundDamage: mayBeDamaged)
        } catch {
            withState { $0.violations.append("I1: log \(log) cannot be read: \(error)") }
            return nil
        }
        return withState { state in
            guard var truth = state.logs[log] else { return nil }
            if start > truth.trimmedTo {
                state.violations.append(
                    "I1: log \(log) starts at \(start) and was trimmed to \(truth.trimmedTo)")
            }
            var seen: Set<Int> = []
            var after = 0
            for batch in found {
                guard let number = truth.number(of: batch, from: after) else {
                    state.violations.append(
                        "I4: log \(log) holds at \(batch.baseOffset) what was not appended or refused")
                    continue
                }
                after = number + 1
                seen.insert(number)
                if truth.batches[number].fate == .unknown {
                    state.place(number, of: log, at: batch.baseOffset)
                    truth = state.logs[log] ?? truth
                }
            }
            let lost = truth.loseMissing(
                seen, start: start, log: log, isPowerCut: isPowerCut, &state.violations)
            state.logs[log] = truth
            return lost.map { min($0, end) }
        }
    }

    private static func everything(
        in log: LogID, of store: any LogStore, _ bounds: LogBounds, aroundDamage: Bool
    ) throws(LogError) -> [RecordBatch] {
        var found: [RecordBatch] = []
        var offset = bounds.start
        while offset < bounds.end {
            do throws(LogError) {
                let batches = try store.read(log, from: offset, byteLimit: 1 << 20)
                guard let last = batches.last else { break }
                found += batches
                offset = last.nextOffset
            } catch {
                // Of what was not flushed when the power went, pieces may be left: reported, and read around.
                guard aroundDamage, case .corrupt(_, _, let next, _) = error, next > offset else {
                    throw error
                }
                offset = next
            }
        }
        return found
    }
}

extension TrueLog {
    /// Which append a batch comes from; nil when it should not be there.
    func number(of batch: RecordBatch, from first: Int) -> Int? {
        // What a producer sends again has the same bytes as before: the one that was given this offset goes first.
        var possible: Int?
        for number in batches.indices.dropFirst(first) {
            let entry = batches[number]
            switch entry.fate {
            case .there where entry.base == batch.baseOffset:
                let isRight =
                    entry.batch.bytes == batch.bytes || entry.versions.contains { $0.bytes == batch.bytes }
                return isRight ? number : nil
            case .unknown where possible == nil:
                var expected = entry.batch
                expected.baseOffset = batch.baseOffset
                if expected.bytes == batch.bytes { possible = number }
            default: continue
            }
        }
        return possible
    }

    /// What was not seen is lost, where that is allowed.
    ///
    /// - Returns: the first offset lost.
    mutating func loseMissing(
        _ seen: Set<Int>, start: Offset, log: LogID, isPowerCut: Bool, _ violations: inout [String]
    ) -> Offset? {
        var first: Offset?
        for number in batches.indices where !seen.contains(number) {
            let entry = batches[number]
            if entry.fate == .unknown { batches[number].fate = .refused }
            guard entry.fate == .there, let base = entry.base, entry.next > start, !entry.mayBeGone
            else { continue }
            guard !entry.isFlushed, isPowerCut || mayBeDamaged else {
                violations.append("I1: log \(log) lost what was acknowledged at \(base)")
                continue
            }
            // A damaged piece that is kept aside may read well after another power cut.
            batches[number].fate = .unknown
            batches[number].base = nil
            first = min(first ?? base, base)
            for offset in base.rawValue..<entry.next.rawValue { records[Offset(offset)] = nil }
        }
        if first != nil {
            floor = batches.reduce(.zero) { $1.fate == .there ? max($0, $1.next) : $0 }
        }
        return first
    }
}
