// SPDX-License-Identifier: Apache-2.0

// Identities of events: UUIDs of version 7 (RFC 9562), whose text sorts by the time they were made, which keeps indexes over them small and logs readable.

import CApus
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
        /// Random steps not yet used: of many at a time, because each asking is a call of the system.
        var steps: [UInt16] = []

        mutating func nextStep() -> UInt64 {
            if steps.isEmpty { steps = EventIDs.randomSteps() }
            return UInt64(steps.removeLast())
        }
    }

    private let state = Mutex(State())

    static let shared = EventIDs()

    /// A new identity, as 36 characters.
    func next(at milliseconds: Int64) -> String {
        let (time, high, low) = state.withLock { state in
            // A clock that goes back must not make what is made next sort before; a lead of ten seconds is given up.
            if milliseconds > state.milliseconds || milliseconds < state.milliseconds - 10_000 {
                state.milliseconds = max(0, milliseconds)
                var random: UInt64 = 0
                state.high = state.nextStep() & 0xFFF
                for _ in 0..<4 { random = random << 16 | state.nextStep() }
                // The topmost bit is left to grow into.
                state.low = random & 0x1FFF_FFFF_FFFF_FFFF
            } else {
                state.low += state.nextStep() + 1
                if state.low >> 62 != 0 {
                    state.low &= 0x1FFF_FFFF_FFFF_FFFF
                    state.milliseconds += 1
                }
            }
            return (UInt64(state.milliseconds) & 0xFFFF_FFFF_FFFF, state.high, state.low)
        }
        return Self.text(time << 16 | 0x7000 | high, 1 << 63 | low)
    }

    private static func randomSteps() -> [UInt16] {
        var steps = [UInt16](repeating: 0, count: 128)
        if steps.withUnsafeMutableBytes({ capus_random($0.baseAddress, $0.count) }) { return steps }
        var system = SystemRandomNumberGenerator()
        return steps.map { _ in system.next() }
    }

    private static func text(_ high: UInt64, _ low: UInt64) -> String {
        String(unsafeUninitializedCapacity: 36) { bytes in
            let target = UnsafeMutableRawBufferPointer(bytes)
            let middle = digits(UInt32(truncatingIfNeeded: high))
            let next = digits(UInt32(truncatingIfNeeded: low >> 32))
            func put(_ value: some FixedWidthInteger, at place: Int) {
                target.storeBytes(of: value.bigEndian, toByteOffset: place, as: type(of: value))
            }
            put(digits(UInt32(truncatingIfNeeded: high >> 32)), at: 0)
            put(UInt32(truncatingIfNeeded: middle >> 32), at: 9)
            put(UInt32(truncatingIfNeeded: middle), at: 14)
            put(UInt32(truncatingIfNeeded: next >> 32), at: 19)
            put(UInt32(truncatingIfNeeded: next), at: 24)
            put(digits(UInt32(truncatingIfNeeded: low)), at: 28)
            (bytes[8], bytes[13], bytes[18], bytes[23]) = (0x2D, 0x2D, 0x2D, 0x2D)
            return 36
        }
    }

    /// Eight hexadecimal digits, the first in the highest byte: all of them at once.
    private static func digits(_ value: UInt32) -> UInt64 {
        var spread = UInt64(value)
        spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        spread = (spread | spread << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // 1 in each byte that is a letter: from 10 on, 6 more make 16 of it.
        let letters = (spread + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return spread + 0x3030_3030_3030_3030 + letters * 0x27
    }
}
