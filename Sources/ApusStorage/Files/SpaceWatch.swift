// SPDX-License-Identifier: Apache-2.0

// When little space is left, and when too little. A value: what is free comes in, what changed goes out. Between raising and clearing lies a band, so
// that a disk that hovers about a watermark does not have publishers refused and accepted every second.

import ApusModel

/// An amount of free space: so many bytes, or such a part of the disk, or the lesser of both.
public struct SpaceThreshold: Sendable, Hashable {
    /// Bytes; nil where only the part counts.
    public var bytes: Int64?
    /// A part of the disk, 0 to 1; nil where only the bytes count.
    public var part: Double?

    /// An amount of free space. Without either it is none.
    public init(bytes: Int64? = nil, part: Double? = nil) {
        self.bytes = bytes
        self.part = part
    }

    /// How many bytes that is on a disk of this size.
    public func bytes(of total: Int64?) -> Int64 {
        let share = total.flatMap { total in part.map { Int64(Double(total) * $0) } }
        return max(0, min(bytes ?? .max, share ?? bytes ?? 0))
    }
}

/// How much space is left.
public enum SpaceLevel: String, Sendable, Hashable, CaseIterable {
    /// Enough.
    case ample
    /// Little: somebody should see to it.
    case low
    /// Too little: appends are refused, but for those that are essential.
    case short
}

/// Watches free space.
struct SpaceWatch: Sendable {
    let alarm: SpaceThreshold
    let refusal: SpaceThreshold
    /// What is kept for essential appends whatever the watermarks say.
    let reserve: Int64

    private(set) var level = SpaceLevel.ample
    /// Since when it is at this level; nil when it was never at another.
    private(set) var since: Timestamp?
    private(set) var total: Int64?

    init(alarm: SpaceThreshold, refusal: SpaceThreshold, reserve: Int64) {
        self.alarm = alarm
        self.refusal = refusal
        self.reserve = reserve
    }

    /// Below this many free bytes appends are refused.
    var refusesBelow: Int64 { max(reserve, refusal.bytes(of: total)) }

    /// Below this many free bytes there is an alarm; never where there is no watermark.
    var alarmsBelow: Int64 {
        let bytes = alarm.bytes(of: total)
        // A warning that comes with the refusal is none.
        return bytes > 0 ? max(bytes, refusesBelow + refusesBelow / 2) : 0
    }

    /// Takes in what is free.
    ///
    /// - Parameters:
    ///   - free: free bytes, less those that what was accepted will need.
    ///   - total: the size of the disk, where it is known.
    /// - Returns: whether the level changed.
    mutating func note(free: Int64, total: Int64?, at wall: Timestamp) -> Bool {
        self.total = total
        let isShort = free < raised(refusesBelow, when: level == .short)
        let isLow = free < raised(alarmsBelow, when: level != .ample)
        let next: SpaceLevel = isShort ? .short : isLow ? .low : .ample
        guard next != level else { return false }
        level = next
        since = wall
        return true
    }

    /// What is raised is cleared when an eighth of the watermark more is free.
    private func raised(_ watermark: Int64, when isRaised: Bool) -> Int64 {
        guard isRaised, watermark > 0 else { return watermark }
        return watermark + watermark / 8
    }
}
