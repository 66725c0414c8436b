// SPDX-License-Identifier: Apache-2.0

// An append gets its place and queues up, under a short lock that is never held over disk work. FileLogStore+Commit.swift takes it
// from there.

public import ApusModel
import Synchronization

extension FileLogStore {
    /// As ``LogStore/append(_:holding:completion:)``.
    public func append(
        _ batch: consuming RecordBatch, holding claim: LogClaim, completion: @escaping AppendCompletion
    ) {
        var batch = batch
        let (refusal, isAwaited) = shared.withLock { state -> (LogError?, Bool) in
            if state.isClosed { return (.closed, false) }
            let index: Int
            switch state.index(claim) {
            case .success(let found): index = found
            case .failure(let error): return (error, false)
            }
            let isEssential = state.slots[index]?.configuration.isEssential ?? false
            if let refusal = state.refusal, refusal != .diskFull || !isEssential { return (refusal, false) }
            let length = batch.length
            guard length <= RecordBatch.lengthMax else {
                return (.tooLarge(bytes: length, limit: RecordBatch.lengthMax), false)
            }
            if state.queueBytes > 0, state.queueBytes + length > configuration.queueBytesMax {
                return (.overloaded, false)
            }
            guard let place = state.slots[index]?.place(&batch) else {
                return (.unknownLog(claim.log), false)
            }
            state.queueBytes += length
            state.queue.append(
                PendingAppend(
                    batch: batch, slot: index, epoch: claim.epoch, files: place.files,
                    isDirect: place.isDirect,
                    isEssential: isEssential, completion: completion))
            return (nil, state.queue.count == state.queueCountWanted)
        }
        if let refusal { return completion(.failure(refusal)) }
        if isAwaited { threads.wakeCommitter() }
    }
}
