// SPDX-License-Identifier: Apache-2.0

// When the journal is flushed: at once while appends come singly, and a little later, with more in one flush, while they come in
// crowds. A flush costs the same processor time whatever it covers, and under load that time is what publishers wait for.

/// Decides how many appends are worth waiting for.
struct CommitPacing {
    /// No append waits longer than this for others.
    static let waitMax = Duration.microseconds(500)
    /// More than this in one flush saves little.
    static let countMax = 24
    /// If fewer are to be expected within ``waitMax``, none is waited for.
    static let countMin = 16

    /// Appends a second, of late.
    private var rate = 0.0
    private var last: Duration?

    /// Takes note of a flush that covered `count` appends and ended at `now` (monotonic).
    mutating func flushed(_ count: Int, at now: Duration) {
        defer { last = now }
        guard let last, now > last else { return }
        let present = Double(count) / (now - last).seconds
        // A pause counts for what it is; within a crowd, single flushes vary a lot.
        rate = present < rate / 8 ? present : rate * 0.875 + present * 0.125
    }

    /// How many appends the next flush should cover; 1 for whatever is there.
    var countWanted: Int {
        let expected = rate * CommitPacing.waitMax.seconds
        return expected < Double(CommitPacing.countMin) ? 1 : min(CommitPacing.countMax, Int(expected))
    }
}

extension Duration {
    fileprivate var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
