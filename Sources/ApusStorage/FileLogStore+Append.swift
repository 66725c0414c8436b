// SPDX-License-Identifier: Apache-2.0

// An append gets its place and queues up, under a short lock that is never held over disk work. FileLogStore+Commit.swift takes it
// from there.

public import ApusModel
import Synchronization

extension FileLogStore {
    /// Appends up to this size that nobody was promised a flush of are written by whoever appends them, when nothing else is under way: into
    /// the page cache that takes less time than to wake a thread for it.
    static let inlineBytesMax = 16 << 10

    /// As ``LogStore/append(_:holding:completion:)``.
    public func append(
        _ batch: consuming RecordBatch, holding claim: LogClaim, completion: @escaping AppendCompletion
    ) {
        var batch = batch
        environment.moved.add(UInt64(batch.length))
        enum Next {
            case refused(LogError)
            case wakes
            /// Others have woken whoever writes.
            case waits
            case writes
        }
        let next = shared.withLock { state -> Next in
            if state.isClosed { return .refused(.closed) }
            let index: Int
            switch state.index(claim) {
            case .success(let found): index = found
            case .failure(let error): return .refused(error)
            }
            let isEssential = state.slots[index]?.configuration.isEssential ?? false
            if let refusal = state.refusal, refusal != .diskFull || !isEssential { return .refused(refusal) }
            let length = batch.length
            guard length <= RecordBatch.lengthMax else {
                return .refused(.tooLarge(bytes: length, limit: RecordBatch.lengthMax))
            }
            if state.queueBytes > 0, state.queueBytes + length > configuration.queueBytesMax {
                return .refused(.overloaded)
            }
            guard let place = state.slots[index]?.place(&batch) else {
                return .refused(.unknownLog(claim.log))
            }
            state.queueBytes += length
            state.queue.append(
                PendingAppend(
                    batch: batch, base: place.base, slot: index, epoch: claim.epoch, files: place.files,
                    isDirect: place.isDirect,
                    isEssential: isEssential, completion: completion))
            if place.isDirect, state.queue.count == 1, length <= FileLogStore.inlineBytesMax {
                return .writes
            }
            return state.queue.count == state.queueCountWanted ? .wakes : .waits
        }
        switch next {
        case .refused(let error): completion(.failure(error))
        case .wakes: threads.wakeCommitter()
        case .waits: break
        case .writes: if !threads.isRunning || !commitInline() { threads.wakeCommitter() }
        }
    }
}
