// SPDX-License-Identifier: Apache-2.0

// Which offset a key was last written at: the memory of a compaction. Keys are remembered by 128 bits of a keyed hash, so the size of a key
// does not matter and nobody can make two of them meet; when the memory is full it says so, and what is behind waits for another pass.

import ApusModel

/// Keys and the last offset of each.
struct KeyOffsets {
    private struct Slot {
        var key = Digest128(high: 0, low: 0)
        /// Negative for an empty place.
        var offset: Int64 = -1
    }

    /// Bytes that a key takes, with the room that a hash table needs.
    static let bytesPerKey = 32

    private var slots: [Slot]
    private(set) var count = 0
    private let limit: Int
    private let hash: SipHash128
    /// Only keys of one class of so many are remembered.
    private let part: (number: UInt64, of: UInt64)

    /// A memory of at most `bytes`, for the keys of class `part.number` of `part.of`.
    init(bytes: Int, hash: SipHash128, part: (number: UInt64, of: UInt64) = (0, 1)) {
        limit = max(bytes / KeyOffsets.bytesPerKey, 16)
        slots = Array(repeating: Slot(), count: 64)
        self.hash = hash
        self.part = part
    }

    /// What stands for a key; nil for keys of other classes.
    func digest(_ key: UnsafeRawBufferPointer) -> Digest128? {
        let digest = hash.digest(key)
        return part.of == 1 || digest.high % part.of == part.number ? digest : nil
    }

    /// Remembers that a key was written at `offset`.
    ///
    /// - Returns: false when there is no room for another key; then nothing is remembered.
    mutating func put(_ key: Digest128, _ offset: Offset) -> Bool {
        var place = self.place(of: key)
        if slots[place].offset < 0 {
            guard count < limit else { return false }
            // At least a quarter stays free, so that looking for a key ends soon.
            if 4 * (count + 1) > 3 * slots.count {
                grow()
                place = self.place(of: key)
            }
            count += 1
            slots[place].key = key
        }
        slots[place].offset = max(slots[place].offset, offset.rawValue)
        return true
    }

    /// The last offset at which a key was written; nil when that is not remembered.
    func last(_ key: Digest128) -> Offset? {
        let offset = slots[place(of: key)].offset
        return offset < 0 ? nil : Offset(offset)
    }

    private func place(of key: Digest128) -> Int {
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: key.low) & mask
        while slots[place].offset >= 0, slots[place].key != key { place = (place + 1) & mask }
        return place
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(), count: 2 * old.count)
        for slot in old where slot.offset >= 0 { slots[place(of: slot.key)] = slot }
    }
}
