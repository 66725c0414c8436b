// SPDX-License-Identifier: Apache-2.0

// What a log must hold, as the simulation's model knows it.

import ApusModel
import ApusStorage
import NIOCore

/// Segments being written anew, of which it is not known whether the new one counts.
final class SimulatedRewrite {
    /// Whether a process has begun since, which found out.
    var isOpen = false
    /// What it found; nil as long as nobody has looked.
    var isNew: Bool?
}

/// The model of one log.
final class SimulatedLog {
    enum Fate: Equatable {
        case pending
        case acknowledged
        case refused
        /// The process died before it was told: both outcomes are right, for good once one has been seen.
        case unknown
        /// It may be gone, with the power or with a flipped bit.
        case excused
    }

    struct Entry {
        let tag: Int
        /// What it holds now.
        var batch: RecordBatch
        /// Whether it was left out when its segment was written anew.
        var isDropped = false
        /// What it may hold instead: what it would be in segments that were being written anew when that failed, or the process died.
        var candidates: [(rewrite: SimulatedRewrite, batch: RecordBatch?)] = []
        let isFlushed: Bool
        var fate = Fate.pending
        var base: Offset?
    }

    let id: LogID
    var claim: LogClaim?
    var configuration: LogConfiguration
    var isAlive = true
    var start = Offset.zero
    /// How far a trim that failed may have moved the start.
    var trimmedAtMost = Offset.zero
    /// In the order of the appends, which is that of their tags.
    var entries: [Entry] = []
    private var numberOf: [Int: Int] = [:]
    /// The offset after the last that must not be given out again.
    var floor = Offset.zero

    init(_ id: LogID, _ configuration: LogConfiguration) {
        self.id = id
        self.configuration = configuration
    }

    func add(_ tag: Int, _ batch: RecordBatch) {
        numberOf[tag] = entries.count
        entries.append(Entry(tag: tag, batch: batch, isFlushed: configuration.durability == .flush))
    }

    func number(of tag: Int) -> Int? { numberOf[tag] }

    /// The power went: what was not flushed before its acknowledgement may be gone, and its offsets come again.
    func losePower() {
        for index in entries.indices where !entries[index].isFlushed && entries[index].fate == .acknowledged {
            entries[index].fate = .excused
        }
        lowerFloor()
    }

    /// Only what is still promised keeps its offsets.
    func lowerFloor() {
        floor =
            entries.last { $0.fate == .acknowledged }.flatMap { entry in
                entry.base?.advanced(by: Int64(entry.batch.lastOffsetDelta) + 1)
            } ?? .zero
    }

    /// A process has ended: what it was writing anew counts, or it does not.
    func forgetRewrites() {
        for index in entries.indices {
            for candidate in entries[index].candidates { candidate.rewrite.isOpen = true }
        }
    }

    func forgetPending() {
        forgetRewrites()
        for index in entries.indices where entries[index].fate == .pending { entries[index].fate = .unknown }
    }
}
