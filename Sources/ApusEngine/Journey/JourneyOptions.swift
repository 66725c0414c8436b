// SPDX-License-Identifier: Apache-2.0

// How much is noted of the way of events, and for how long.

internal import ApusModel

/// How much is noted of the way of events, and for how long. What goes wrong is noted always.
public struct JourneyOptions: Sendable, Hashable {
    /// How long steps are kept.
    public var ageMax = Defaults.journeyAge
    /// How many bytes of them are kept.
    public var bytesMax = Defaults.journeyBytes
    /// Publishes and attempts that succeed are all noted as long as no more than these come in a second.
    public var perSecond = Defaults.journeyPerSecond
    /// Beyond that, of how many events one is chosen; 0 for none, 1 for all.
    public var oneIn = Defaults.journeyOneIn
    /// Bytes of steps that may wait to be written.
    public var bufferBytes = Defaults.journeyBufferBytes

    /// The defaults.
    public init() {}

    /// Whether an event is among those that are chosen: the same for all that happens to it, so that its journey is noted whole or not at all.
    /// By a hash, because events of a kind may come in a rhythm.
    func chooses(_ partition: Int, _ offset: Offset) -> Bool {
        guard oneIn > 1 else { return oneIn == 1 }
        var hash = UInt64(bitPattern: offset.rawValue) &+ UInt64(truncatingIfNeeded: partition) &<< 48
        hash = (hash ^ (hash &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash &>> 27)) &* 0x94D0_49BB_1331_11EB
        return (hash ^ (hash &>> 31)) % UInt64(oneIn) == 0
    }

    /// Whether any of `count` events from `offset` on is chosen.
    func chooses(_ partition: Int, _ offset: Offset, count: Int) -> Bool {
        guard oneIn > 1, count <= 4 * oneIn else { return oneIn > 0 && count > 0 }
        return (0..<Int64(count)).contains { chooses(partition, offset.advanced(by: $0)) }
    }
}
