// SPDX-License-Identifier: Apache-2.0

// What beginnings and ends of texts that rules ask for mostly stop at: `/orders/`, `com.example.`, `.pdf`. A text has few marks, so only few of the
// lengths that are looked for need to be looked up in it.

import CApus

/// An ASCII character that is neither a letter nor a digit nor control.
enum Mark {
    /// Beginnings and ends as long as this are looked for by the way that takes any.
    private static let limit = KeyLengths.bitCount

    /// How a beginning or an end of texts that stops at a mark is looked for: the kind of its key, and the bit that stands for its length. Nil if it
    /// does not stop at one, or is too long.
    static func way(
        to text: [UInt8], _ kind: MatchProgram.KeyKind
    ) -> (kind: MatchProgram.KeyKind, bit: Int)? {
        guard text.count < limit else { return nil }
        switch kind {
        case .prefix: return isMark(text.last) ? (.markedPrefix, text.count) : nil
        // Counted from where the text ends, which is where the last bit is put when the text is sifted.
        case .suffix: return isMark(text.first) ? (.markedSuffix, limit - text.count) : nil
        default: return nil
        }
    }

    private static func isMark(_ byte: UInt8?) -> Bool {
        byte.map { withUnsafeBytes(of: $0) { marks(ByteTable.address($0), 1) != 0 } } ?? false
    }

    @inline(__always)
    private static func marks(_ text: UnsafeRawPointer, _ count: Int) -> UInt64 {
        capus_marks(text.assumingMemoryBound(to: UInt8.self), count)
    }

    /// Of the lengths that are looked for, one bit each, those at which a beginning and an end of a text stops at a mark; of ends, as `way` counts.
    @inline(__always)
    static func sift(
        _ prefixes: UInt64, _ suffixes: UInt64, _ text: UnsafeRawPointer, _ count: Int
    ) -> (prefixes: UInt64, suffixes: UInt64) {
        let first = marks(text, min(count, limit))
        let last = count <= limit ? first : marks(text + (count &- limit), limit)
        return (
            first &<< 1 & prefixes, last &<< UInt64(truncatingIfNeeded: limit &- min(count, limit)) & suffixes
        )
    }

    /// The length of an end that a bit stands for.
    @inline(__always)
    static func suffixLength(_ bit: Int) -> Int { limit &- bit }
}
