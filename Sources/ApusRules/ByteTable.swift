// SPDX-License-Identifier: Apache-2.0

// A read-only hash table from byte strings to small numbers, probed with a pointer into an event. Dictionary
// would need a String or an array per probe: several allocations for every field of every event.
//
// Each key belongs to a scope, so that one table serves all objects and fields of a program. Open addressing
// with linear probing, at most half full. The hash is keyed by a random seed: who writes patterns must not be
// able to choose keys that collide. The seed decides speed only, never an answer.

/// A map from (scope, bytes) to values.
struct ByteTable: Sendable {
    private struct Slot: Sendable {
        var hash: UInt64 = 0
        var scope: UInt32 = 0
        var start: UInt32 = 0
        var count: UInt32 = 0
        /// `ByteTable.empty` where there is no key.
        var value = ByteTable.empty
    }

    private static let empty = UInt32.max

    private var slots: [Slot]
    private var keys: [UInt8] = []
    private let seed: UInt64

    /// Creates a table of distinct keys; values are less than `UInt32.max`.
    init(_ entries: [(scope: UInt32, key: [UInt8], value: UInt32)], seed: UInt64) {
        var capacity = 8
        while capacity < entries.count * 2 { capacity *= 2 }
        self.slots = Array(repeating: Slot(), count: capacity)
        self.seed = seed
        for entry in entries { insert(entry.scope, entry.key, entry.value) }
    }

    private mutating func insert(_ scope: UInt32, _ key: [UInt8], _ value: UInt32) {
        let hash = key.withUnsafeBytes { hashed(scope, Self.address($0), $0.count) }
        var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[index].value != Self.empty { index = (index + 1) & (slots.count - 1) }
        slots[index] = Slot(
            hash: hash, scope: scope, start: UInt32(keys.count), count: UInt32(key.count), value: value)
        keys.append(contentsOf: key)
    }

    /// The value of a key, nil if it has none.
    @inline(__always)
    func find(_ scope: UInt32, _ key: UnsafeRawPointer, _ count: Int) -> UInt32? {
        let hash = hashed(scope, key, count)
        let mask = slots.count &- 1
        return slots.withUnsafeBufferPointer { slots in
            var index = Int(truncatingIfNeeded: hash) & mask
            while true {
                let slot = slots[index]
                if slot.value == Self.empty { return nil }
                if slot.hash == hash, slot.scope == scope, slot.count == UInt32(truncatingIfNeeded: count),
                    isKey(at: Int(slot.start), key, count)
                {
                    return slot.value
                }
                index = (index &+ 1) & mask
            }
        }
    }

    func find(_ scope: UInt32, _ key: [UInt8]) -> UInt32? {
        key.withUnsafeBytes { find(scope, Self.address($0), $0.count) }
    }

    @inline(__always)
    private func isKey(at start: Int, _ other: UnsafeRawPointer, _ count: Int) -> Bool {
        keys.withUnsafeBytes { keys in
            let key = Self.address(keys) + start
            var index = 0
            while index &+ 8 <= count {
                guard Self.word(key, index) == Self.word(other, index) else { return false }
                index &+= 8
            }
            while index < count {
                guard Self.byte(key, index) == Self.byte(other, index) else { return false }
                index &+= 1
            }
            return true
        }
    }
}

// MARK: - Hash

extension ByteTable {
    /// An address for buffers that may be empty and then have none; nothing is read from it.
    static func address(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawPointer {
        bytes.baseAddress ?? UnsafeRawPointer(("" as StaticString).utf8Start)
    }

    /// Folds 64x64-bit products: eight bytes a step, every input bit reaching every output bit.
    @inline(__always)
    private func hashed(_ scope: UInt32, _ key: UnsafeRawPointer, _ count: Int) -> UInt64 {
        var state = Self.fold(seed ^ UInt64(scope), 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: count))
        var index = 0
        while index &+ 8 <= count {
            state = Self.fold(state ^ Self.word(key, index), 0xD6E8_FEB8_6659_FD93 ^ seed)
            index &+= 8
        }
        var tail: UInt64 = 0
        while index < count {
            tail = tail &<< 8 | UInt64(Self.byte(key, index))
            index &+= 1
        }
        return Self.fold(state ^ tail, 0xA076_1D64_78BD_642F ^ seed)
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inline(__always)
    private static func word(_ base: UnsafeRawPointer, _ index: Int) -> UInt64 {
        base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    }

    @inline(__always)
    private static func byte(_ base: UnsafeRawPointer, _ index: Int) -> UInt8 {
        base.load(fromByteOffset: index, as: UInt8.self)
    }
}
