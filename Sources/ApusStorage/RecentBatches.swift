// SPDX-License-Identifier: Apache-2.0

// The last batches of logs whose appends go to segments right away. A reader that waits for the next batch would otherwise find it by the index, the
// log and the sums, each a system call or more, moments after it was written. Bounded over all logs together: what does not fit is read from segments.

import ApusModel
import DequeModule
import NIOCore

extension SharedState {
    /// Larger batches are read from segments: what reading costs beside their bytes does not matter.
    private static let recentBatchBytesMax = 16 << 10
    /// Of one log; a reader that is further behind reads segments.
    private static let recentLogBytesMax = 32 << 10
    /// Of all logs.
    private static let recentBytesMax = 4 << 20

    /// Keeps a copy of a batch that its log now ends with.
    mutating func remember(_ batch: SegmentBatch, of slot: Int) {
        guard batch.batch.length <= SharedState.recentBatchBytesMax else { return forgetRecent(of: slot) }
        if recentBytes + batch.batch.length > SharedState.recentBytesMax { forgetAllRecent() }
        // A copy, because the batch may be a small part of what a connection has read at once.
        var copy = RecordBatch(trusted: ByteBuffer(buffer: batch.batch.bytes))
        copy.baseOffset = batch.base
        if slots[slot]?.recent.isEmpty ?? true { recentSlots.append(slot) }
        slots[slot]?.recent.append(SegmentBatch(copy))
        slots[slot]?.recentBytes += copy.length
        recentBytes += copy.length
        while slots[slot]?.recentBytes ?? 0 > SharedState.recentLogBytesMax { dropOldest(of: slot) }
    }

    private mutating func dropOldest(of slot: Int) {
        guard let length = slots[slot]?.recent.popFirst()?.batch.length else { return }
        slots[slot]?.recentBytes -= length
        recentBytes -= length
    }

    /// The log goes on elsewhere.
    mutating func forgetRecent(of slot: Int) {
        guard let bytes = slots[slot]?.recentBytes, bytes > 0 else { return }
        slots[slot]?.recent = []
        slots[slot]?.recentBytes = 0
        recentBytes -= bytes
        recentSlots.removeAll { $0 == slot }
    }

    private mutating func forgetAllRecent() {
        for slot in recentSlots {
            slots[slot]?.recent = []
            slots[slot]?.recentBytes = 0
        }
        recentSlots = []
        recentBytes = 0
    }
}
