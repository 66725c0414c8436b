// SPDX-License-Identifier: Apache-2.0

// Randomness comes in from outside too: identities, lease nonces, jitter.

import ApusModel
import Synchronization

/// A shared source of random numbers, seeded so that a run can be repeated.
public final class Entropy: Sendable, RandomNumberGenerator {
    private let state: Mutex<UInt64>

    /// A source whose numbers follow from `seed` alone.
    public init(seed: UInt64) { state = Mutex(seed) }

    /// A source that nobody can foresee.
    public convenience init() {
        var system = SystemRandomNumberGenerator()
        self.init(seed: system.next())
    }

    /// The next number (SplitMix64: a counter through a bijective mixer, so it never gets stuck).
    public func next() -> UInt64 {
        state.withLock { state in
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    /// A new identity for something that has logs of its own.
    func logFamily() -> LogID {
        LogID(high: next(), low: next() & ~0xFF_FFFF)
    }

    /// A whole number of milliseconds between 0 and `limit`, both included, all equally likely.
    func jitter(upTo limit: Duration) -> Duration {
        let span = UInt64(max(0, limit.milliseconds))
        return .milliseconds(Int64(next() % (span + 1)))
    }
}
