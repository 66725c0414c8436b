// SPDX-License-Identifier: Apache-2.0

// Closed segments written anew, beside everything else: batches are copied without any lock, and only the moment at which the new segment
// takes the place of the old ones excludes checkpoints and trims. One at a time.

public import ApusModel
import Logging
import Synchronization

extension FileLogStore {
    /// As ``LogStore/rewrite(_:_:noting:_:)``.
    public func rewrite(
        _ log: LogID, _ range: Range<Offset>, noting time: Timestamp?, _ thin: (RecordBatch) -> Thinned
    ) throws(LogError) -> RewriteOutcome {
        guard !range.isEmpty else { return .notNow }
        return try rewriting.withLock { (_: inout Void) throws(LogError) -> RewriteOutcome in
            let files = shared.withLock { state in
                state.slotOf[log].flatMap { state.slots[$0]?.files }
            }
            guard let files else { throw .unknownLog(log) }
            guard shared.withLock({ !$0.isClosed && $0.refusal == nil }),
                maintenance.withLock({ $0.isPast(range, of: files) })
            else { return .notNow }
            let planned: RewritePlan?
            do throws(DiskError) { planned = try files.planRewrite(range) } catch { throw LogError(error) }
            guard let planned else { return .notNow }
            return try rewrite(files, planned, range, time) { batch in
                shared.withLock { $0.isClosed } ? .stop : thin(batch)
            }
        }
    }

    private func rewrite(
        _ files: LogFiles, _ plan: RewritePlan, _ range: Range<Offset>, _ time: Timestamp?,
        _ thin: (RecordBatch) -> Thinned
    ) throws(LogError) -> RewriteOutcome {
        var new: SegmentState?
        switch try change(files, plan, thin) {
        case .none: break
        case .stop: return .stopped
        case .some:
            new = try files.writeAnew(plan, SegmentScratch(), thin)
            guard new != nil else { return .stopped }
        }
        let isDone = try maintenance.withLock { (maintenance: inout Maintenance) throws(LogError) -> Bool in
            guard maintenance.isPast(range, of: files) else {
                if new != nil { files.discard(plan) }
                return false
            }
            do throws(DiskError) { return try files.swap(plan, for: new, noting: time) } catch {
                throw LogError(error)
            }
        }
        guard isDone else { return .notNow }
        // What is kept of the last batches is as it was.
        shared.withLock { state in
            if let slot = state.slotOf[files.id] { state.forgetRecent(of: slot) }
        }
        return .done(before: plan.bytes, after: new?.bytes ?? plan.bytes)
    }

    private enum Change { case none, some, stop }

    /// Whether anything is to be different; several segments become one in any case.
    private func change(
        _ files: LogFiles, _ plan: RewritePlan, _ thin: (RecordBatch) -> Thinned
    ) throws(LogError) -> Change {
        guard plan.sources.count == 1, let end = plan.sources.first?.segment.end else { return .some }
        var change = Change.none
        try files.forEachBatch(of: plan) { batch throws(DiskError) in
            switch thin(batch) {
            case .stop: change = .stop
            // The last one stays as it is when it is empty already.
            case .drop: if batch.nextOffset < end || batch.recordCount > 0 { change = .some }
            case .keep(let kept): if kept.bytes != batch.bytes { change = .some }
            }
            return change == .none
        }
        return change
    }
}

extension Maintenance {
    /// Whether the checkpoint on the disk is past these segments: what recovery compares with it must not change.
    fileprivate func isPast(_ range: Range<Offset>, of files: LogFiles) -> Bool {
        guard let entry = checkpoint.logs[files.id], entry.life == files.life else { return false }
        return entry.base >= range.upperBound
    }
}
