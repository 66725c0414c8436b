// SPDX-License-Identifier: Apache-2.0

// What recovery makes of a log's segments: which batches only they have, and what bytes are that are no whole batch. A
// value without files, so that every combination can be thought through in one place.

import ApusModel

/// What a walk through one log's segments has found so far.
struct Walk {
    /// What bytes that are no whole batch turned out to be.
    enum Finding: Equatable {
        /// The end: torn, or the journal has what comes here and all that follows.
        case end
        /// The end, and batches before those that the journal has are lost.
        case gap
        /// Damage that stays in place; the walk goes on at a whole batch behind it.
        case stays(BatchFacts)
        /// Damage that stays in place, up to a position, with nothing behind; and the offset to go on with.
        case staysLast(Int64, next: Offset)
    }

    /// What may be missing since the segments were last brought to whole batches, because the power went.
    let tearing: SegmentScanner.Tearing
    /// The offset after the last that segments have, damaged or not, and the journal does not; nil for none.
    private(set) var keptEnd: Offset?
    /// What is lost.
    private(set) var gaps: [Gap] = []
    private let frames: [SegmentBatch]
    private let journaled: Set<Offset>

    init(_ frames: [SegmentBatch], tearing: SegmentScanner.Tearing) {
        self.frames = frames
        self.tearing = tearing
        journaled = Set(frames.map(\.base))
    }

    /// Takes note of a whole batch.
    mutating func note(_ facts: BatchFacts) {
        if !journaled.contains(facts.base) { keep(until: facts.next) }
    }

    private mutating func keep(until end: Offset) { keptEnd = max(keptEnd ?? end, end) }

    /// Says what bytes are that are no whole batch.
    ///
    /// - Parameters:
    ///   - expected: the offset that the batch there had at least.
    ///   - ceiling: where the next segment begins.
    ///   - limit: the end of the file.
    mutating func judge(
        _ damage: SegmentDamage, after expected: Offset, ceiling: Offset?, limit: Int64
    ) -> Finding {
        // What the journal has beyond this segment says nothing about it: the next one holds batches in between.
        let supplied = frames.first { $0.base >= expected && $0.base < ceiling ?? Offset(.max) }
        if let resume = damage.resume, supplied.map({ $0.base > resume.base }) ?? true {
            keep(until: resume.base)
            return .stays(resume)
        }
        if let supplied {
            // Before the first that the journal has there may have been others, which it has no more or never had. A
            // hole in the offsets looks the same: then one batch too many is said to be lost, and none too few.
            let isKnownHole = supplied.base == expected || supplied.base == damage.base
            guard tearing == .none, !damage.isCutShort, !isKnownHole else { return .end }
            gaps.append(Gap(from: expected, to: supplied.base))
            keep(until: supplied.base)
            return .gap
        }
        if let body = damage.body, body.base >= expected, body.base < ceiling ?? Offset(.max) {
            // Not torn: only its header, or the sum of that, is not what it was.
            keep(until: body.next)
            return .staysLast(body.position + Int64(body.length), next: body.next)
        }
        guard tearing == .none, !damage.isCutShort else { return .end }
        let next = min(damage.base.map { max($0, expected) } ?? expected, ceiling ?? Offset(.max))
            .advanced(by: damage.offsets)
        keep(until: min(next, ceiling ?? next))
        return .staysLast(limit, next: min(next, ceiling ?? next))
    }
}
