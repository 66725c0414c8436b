// SPDX-License-Identifier: Apache-2.0

// Identities of events: UUIDs of version 7 (RFC 9562), whose text sorts by the time they were made, which keeps indexes over them small and logs readable.

import Synchronization

/// Makes identities for events.
///
/// Those made within a millisecond by one process ascend: the random part is drawn once for a millisecond and then grows by random steps (RFC 9562,
/// section 6.2, method 2). That also spares a call of the system for each.
final class EventIDs: Sendable {
    private struct State {
        var milliseconds: Int64 = -1
        /// The 12 bits behind the version.
        var high: UInt64 = 0
        /// The 62 bits behind the variant.
        var low: UInt64 = 0
        var steps = SystemRandomNumberGenerator()
        /// 32-bit steps not yet used.
        var spare: UInt64 = 0
    }

    private let state = Mutex(State())

    static let shared = EventIDs()

    /// A new identity, as 36 characters.
    func next(at milliseconds: Int64) -> String {
        let (time, high, low) = state.withLock { state in
            // A clock that goes back must not make what is made next sort before; a lead of ten seconds is given up.
            if milliseconds > state.milliseconds || milliseconds < state.milliseconds - 10_000 {
                state.milliseconds = max(0, milliseconds)
                let random: UInt64 = state.steps.next()
                state.high = random & 0xFFF
                // The topmost bit is left to grow into.
                state.low = state.steps.next() & 0x1FFF_FFFF_FFFF_FFFF
                state.spare = random >> 12
            } else {
                if state.spare < 1 << 16 { state.spare = state.steps.next() }
                state.low += (state.spare & 0xFFFF) + 1
                state.spare >>= 16
                if state.low >> 62 != 0 {
                    state.low &= 0x1FFF_FFFF_FFFF_FFFF
                    state.milliseconds += 1
                }
            }
            return (UInt64(state.milliseconds) & 0xFFFF_FFFF_FFFF, state.high, state.low)
        }
        return Self.text(time << 16 | 0x7000 | high, 1 << 63 | low)
    }

    private static func text(_ high: UInt64, _ low: UInt64) -> String {
        String(unsafeUninitializedCapacity: 36) { bytes in
            var place = 0
            for (index, word) in [high, low].enumerated() {
                for digit in 0..<16 {
                    // Dashes follow the digits 8, 12, 16 and 20.
                    let total = index * 16 + digit
                    if total == 8 || total == 12 || total == 16 || total == 20 {
                        bytes[place] = UInt8(ascii: "-")
                        place += 1
                    }
                    let value = UInt8(truncatingIfNeeded: word >> UInt64(60 - digit * 4)) & 0xF
                    bytes[place] = value < 10 ? 0x30 + value : 0x57 + value
                    place += 1
                }
            }
            return place
        }
    }
}
