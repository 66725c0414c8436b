// SPDX-License-Identifier: Apache-2.0

// Segments that are written anew while a broker runs: what is left of each batch is as right as the batch itself from then on, and whatever was left
// out is noted, to be held against the reasons for which something may be.

import ApusModel
import ApusStorage

extension LogTruth {
    /// What is about to take a batch's place.
    func rewriting(_ batch: RecordBatch, as thinned: Thinned, in log: LogID) {
        let kept: RecordBatch
        var isDropped = false
        switch thinned {
        case .keep(let batch): kept = batch
        // The last one of a segment stays, without records.
        case .drop: (kept, isDropped) = (batch.emptied(), true)
        case .stop: return
        }
        guard isDropped || kept.bytes != batch.bytes else { return }
        withState { state in
            guard let number = state.logs[log]?.number(of: batch, from: 0) else {
                state.violations.append(
                    "I4: log \(log) has written anew at \(batch.baseOffset) what was not appended or refused")
                return
            }
            if state.logs[log]?.batches[number].fate == .unknown {
                state.place(number, of: log, at: batch.baseOffset)
            }
            state.logs[log]?.batches[number].versions.append(kept)
            if isDropped { state.logs[log]?.batches[number].mayBeGone = true }
            let (before, after) = (LogTruth.offsets(of: batch), LogTruth.offsets(of: kept))
            for offset in before.subtracting(after) where state.logs[log]?.gone[offset] == nil {
                state.logs[log]?.gone[offset] = state.step
                state.leftOut.append((log, offset))
            }
        }
    }

    private static func offsets(of batch: RecordBatch) -> Set<Offset> {
        var offsets: Set<Offset> = []
        _ = try? batch.forEachRecord { record in
            offsets.insert(record.offset)
            return true
        }
        return offsets
    }

    /// What was left out since this was asked last.
    func takeLeftOut() -> [(log: LogID, offset: Offset)] {
        withState { state in
            defer { state.leftOut = [] }
            return state.leftOut
        }
    }
}
