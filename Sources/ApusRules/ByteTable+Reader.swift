// SPDX-License-Identifier: Apache-2.0

// A table of keys as it is read while an event goes by: plain addresses, nothing counted and nothing checked.
//
// The hash of a short text is made of the two words that it is compared by. That of a longer one is made of eight bytes a step, from the front or
// from the back, and the scope comes in last: the hashes of all beginnings (or ends) of a text are had in one walk over it. Its first bits tell the
// part, its last where in that the search begins, others are the tag.

import CApus

extension ByteTable {
    /// A table at work.
    struct Reader {
        fileprivate let places: UnsafePointer<ByteTablePart.Place>
        fileprivate let seed: UInt64

        init(places: UnsafePointer<ByteTablePart.Place>, seed: UInt64) {
            (self.places, self.seed) = (places, seed)
        }

        /// Where the part of a hash is.
        @inline(__always)
        func place(of hash: UInt64) -> UnsafePointer<ByteTablePart.Place> {
            places + Int(truncatingIfNeeded: hash &>> UInt64(64 &- ByteTable.partBits))
        }

        /// Where a key with a hash may be: a bit for each slot from its home on, and one more if it may be further on; none if it is not there. One
        /// look at its tags, which decides nothing on the way.
        @inline(__always)
        func candidates(_ hash: UInt64) -> UInt32 {
            let place = place(of: hash)
            let home = Int(truncatingIfNeeded: hash) & place.pointee.mask
            return capus_tags(place.pointee.tags + home, ByteTable.tag(hash))
        }

        /// The first slot of those where a key may be.
        @inline(__always)
        func slot(_ hash: UInt64, _ candidates: UInt32) -> UnsafePointer<Slot> {
            let place = place(of: hash)
            let home = Int(truncatingIfNeeded: hash) &+ candidates.trailingZeroBitCount
            return place.pointee.slots + (home & place.pointee.mask)
        }

        /// Whether a key is in the first of the slots where it may be, or nowhere.
        @inline(__always)
        static func isOnly(_ candidates: UInt32) -> Bool { candidates & (candidates &- 1 | 1 &<< 16) == 0 }

        /// The slot of a key, nil if it is not there.
        @inline(__always)
        func find(
            _ scope: UInt32, _ hash: UInt64, _ key: UnsafeRawPointer, _ length: Int
        ) -> UnsafePointer<Slot>? {
            guard length > ByteTable.shortKeyMax else {
                return find(scope, hash, length, ByteTable.words(key, length))
            }
            let texts = UnsafeRawPointer(place(of: hash).pointee.texts)
            return find(hash) { slot in
                slot.pointee.scope == scope && slot.pointee.count == UInt32(truncatingIfNeeded: length)
                    && ByteTable.equal(texts + Int(slot.pointee.first), key, length)
            }
        }

        /// The slot of a short key, which is given as two words.
        @inline(__always)
        func find(
            _ scope: UInt32, _ hash: UInt64, _ length: Int, _ words: (UInt64, UInt64)
        ) -> UnsafePointer<Slot>? {
            find(hash) { $0.pointee.isShort(scope, UInt32(truncatingIfNeeded: length), words) }
        }

        /// The first slot with a hash's tag that is wanted.
        @inline(__always)
        private func find(
            _ hash: UInt64, _ isWanted: (UnsafePointer<Slot>) -> Bool
        ) -> UnsafePointer<Slot>? {
            let place = place(of: hash).pointee
            var index = Int(truncatingIfNeeded: hash) & place.mask
            while true {
                let flags = capus_tags(place.tags + index, ByteTable.tag(hash))
                var candidates = flags & 0xFFFF
                while candidates != 0 {
                    let slot = place.slots + (index &+ candidates.trailingZeroBitCount) & place.mask
                    if isWanted(slot) { return slot }
                    candidates &= candidates &- 1
                }
                guard flags &>> 16 != 0 else { return nil }
                index = (index &+ ByteTablePart.group) & place.mask
            }
        }

        /// The value of a key that is hashed from the front.
        @inline(__always)
        func value(_ scope: UInt32, _ key: UnsafeRawPointer, _ length: Int) -> UInt32? {
            find(scope, hash(scope, key, length, .forward), key, length)?.pointee.value
        }

        /// The slot of a key, nil if it is not there.
        func find(_ scope: UInt32, _ key: [UInt8], _ direction: Direction) -> UnsafePointer<Slot>? {
            key.withUnsafeBytes { key in
                let address = ByteTable.address(key)
                return find(scope, hash(scope, address, key.count, direction), address, key.count)
            }
        }
    }

    /// Keys up to this length stand in their slots.
    static let shortKeyMax = 16

    /// The bytes of a short key as two numbers: one for the front and one for the back, which may have bytes in common.
    @inline(__always)
    static func words(_ key: UnsafeRawPointer, _ count: Int) -> (UInt64, UInt64) {
        count >= 8 ? (word(key, 0), word(key, count &- 8)) : (tail(key, count), 0)
    }

    /// An address for buffers that may be empty and then have none; nothing is read from it.
    @inline(__always)
    static func address(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawPointer {
        bytes.baseAddress ?? UnsafeRawPointer(("" as StaticString).utf8Start)
    }

    /// Whether the same bytes stand at two places.
    @inline(__always)
    static func equal(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
        guard count >= 8 else { return tail(left, count) == tail(right, count) }
        var index = 0
        while index &+ 8 < count {
            guard word(left, index) == word(right, index) else { return false }
            index &+= 8
        }
        // The last eight, some of which may have been looked at.
        return word(left, count &- 8) == word(right, count &- 8)
    }
}

// MARK: - Hash

extension ByteTable.Reader {
    /// The hash of whole words so far.
    typealias State = UInt64

    @inline(__always)
    var initialState: State { seed ^ 0x9E37_79B9_7F4A_7C15 }

    /// Takes in eight more bytes.
    @inline(__always)
    func step(_ state: State, _ word: UInt64) -> State {
        ByteTable.fold(state ^ word, 0xD6E8_FEB8_6659_FD93 ^ seed)
    }

    /// The hash of a long text of `length` bytes, those in `state` and the `count` at `rest`, which are eight at most.
    @inline(__always)
    func finish(
        _ state: State, _ scope: UInt32, _ rest: UnsafeRawPointer, _ count: Int, of length: Int
    ) -> UInt64 {
        ByteTable.fold(state ^ ByteTable.tail(rest, count), last(scope, length))
    }

    @inline(__always)
    private func last(_ scope: UInt32, _ length: Int) -> UInt64 {
        (UInt64(scope) &<< 32 | UInt64(truncatingIfNeeded: length)) &* 0xA076_1D64_78BD_642F ^ seed
    }

    /// The hash of a short key, which is given as two words.
    @inline(__always)
    func hash(_ scope: UInt32, _ length: Int, _ words: (UInt64, UInt64)) -> UInt64 {
        ByteTable.fold(step(initialState, words.0) ^ words.1, last(scope, length))
    }

    @inline(__always)
    func hash(
        _ scope: UInt32, _ key: UnsafeRawPointer, _ length: Int, _ direction: ByteTable.Direction
    ) -> UInt64 {
        guard length > ByteTable.shortKeyMax else { return hash(scope, length, ByteTable.words(key, length)) }
        var state = initialState
        var index = 0
        while index &+ 8 < length {
            state = step(state, ByteTable.word(key, direction == .forward ? index : length &- index &- 8))
            index &+= 8
        }
        return finish(state, scope, direction == .forward ? key + index : key, length &- index, of: length)
    }
}

extension ByteTable {
    /// Up to eight bytes as one number.
    @inline(__always)
    static func tail(_ base: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count >= 4 {
            let low = UInt64(base.loadUnaligned(as: UInt32.self))
            return low | UInt64(base.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)) &<< 32
        }
        guard count > 0 else { return 0 }
        return UInt64(byte(base, 0)) | UInt64(byte(base, count &>> 1)) &<< 8 | UInt64(byte(base, count &- 1))
            &<< 16
    }

    /// The byte that stands for a hash; its bits are neither those that tell the part nor, mostly, those that tell the place.
    @inline(__always)
    static func tag(_ hash: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: hash &>> 48) | 0x80 }

    @inline(__always)
    fileprivate static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inline(__always)
    static func word(_ base: UnsafeRawPointer, _ index: Int) -> UInt64 {
        base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    }

    @inline(__always)
    private static func byte(_ base: UnsafeRawPointer, _ index: Int) -> UInt8 {
        base.load(fromByteOffset: index, as: UInt8.self)
    }
}
