// SPDX-License-Identifier: Apache-2.0

// A hash table from byte strings to small facts, probed with a pointer into an event. Dictionary would need a String or an array per probe:
// several allocations for every field of every event.
//
// Each key belongs to a scope, so that one table serves all fields of a program. Open addressing with linear probing, at most half full. A byte
// of each hash stands apart, so that a probe in vain (nearly all are) touches one line of a small array and no slot. The hash is keyed by a
// random seed: who writes patterns must not be able to choose keys that collide. The seed decides speed only, never an answer.
//
// The hash of a text is made of eight bytes a step, from the front or from the back, and the scope comes in last: the hashes of all beginnings
// (or ends) of a text are had in one walk over it.

import CApus

/// A map from (scope, bytes) to values.
struct ByteTable: Sendable {
    /// A key and what it leads to; half a line of memory, so that a key that is found is one place read.
    struct Slot: Sendable {
        fileprivate var scope: UInt32 = 0
        fileprivate var count: UInt32 = 0
        /// The bytes of a short key; of a long one, where it begins in `keys`.
        fileprivate var first: UInt64 = 0
        fileprivate var last: UInt64 = 0
        /// What the key leads to: a node, a rule, a step, or the first of a list of links.
        var value = UInt32.max
        var kind = Kind.list
        /// Whether clauses look for it before they have data read.
        var isGate = false
    }

    /// What the value of a key in a program is.
    enum Kind: UInt8, Sendable {
        /// The first of a list of links.
        case list
        /// A step, with nothing else in the way of it.
        case step
        /// A rule that asks for nothing else: the key is all there is to read.
        case rule
    }

    /// What is of use only when a program changes.
    struct Counts: Sendable {
        var hash: UInt64 = 0
        /// How many links there are.
        var links: UInt32 = 0
        /// How many clauses look for it before they have data read.
        var gates: UInt32 = 0
        /// The step of the rule that the key leads to.
        var step = UInt32.max
    }

    /// Which end of a text a hash starts from.
    enum Direction { case forward, backward }

    /// A byte for each slot, 0 if that is empty; the first few again at the end, so that eight can be read at once from everywhere.
    private var tags: [UInt8]
    private var slots: [Slot]
    private var counts: [Counts]
    private var keys: [UInt8] = []
    /// Bytes of `keys` that belong to keys which are gone.
    private var waste = 0
    private(set) var count = 0
    private let seed: UInt64
    private static let tagPadding = 8

    init(seed: UInt64) {
        tags = Array(repeating: 0, count: 16 + Self.tagPadding)
        slots = Array(repeating: Slot(), count: 16)
        counts = Array(repeating: Counts(), count: 16)
        self.seed = seed
    }

    subscript(index: Int) -> Slot {
        get { slots[index] }
        _modify { yield &slots[index] }
    }

    /// The counts of the key at a place.
    subscript(countsAt index: Int) -> Counts {
        get { counts[index] }
        _modify { yield &counts[index] }
    }

    // MARK: - Changing

    /// The place of a key, which is made if it is not there.
    mutating func insert(_ scope: UInt32, _ key: [UInt8], _ direction: Direction) -> Int {
        if let index = find(scope, key, direction) { return index }
        if (count + 1) * 4 > slots.count * 3 { grow() }
        let hash = withReader { reader in
            key.withUnsafeBytes { reader.hash(scope, Self.address($0), $0.count, direction) }
        }
        var slot = Slot(scope: scope, count: UInt32(key.count))
        if key.count <= Self.shortKeyMax {
            (slot.first, slot.last) = key.withUnsafeBytes { Self.words(Self.address($0), $0.count) }
        } else {
            slot.first = UInt64(keys.count)
            keys.append(contentsOf: key)
        }
        count += 1
        return place(slot, Counts(hash: hash))
    }

    /// Keys up to this length stand in their slots.
    static let shortKeyMax = 16

    /// The bytes of a short key as two numbers: one for the front and one for the back, which may have bytes in common.
    @inline(__always)
    static func words(_ key: UnsafeRawPointer, _ count: Int) -> (UInt64, UInt64) {
        count >= 8 ? (word(key, 0), word(key, count &- 8)) : (tail(key, count), 0)
    }

    /// The place of a key, nil if it is not there.
    func find(_ scope: UInt32, _ key: [UInt8], _ direction: Direction) -> Int? {
        withReader { $0.find(scope, key, direction) }
    }

    /// Takes away the key at a place; places found before are void.
    mutating func remove(at index: Int) {
        count -= 1
        if slots[index].count > Self.shortKeyMax { waste += Int(slots[index].count) }
        let mask = slots.count - 1
        // Those behind move up, unless that would put them before where their hash begins.
        var hole = index
        var next = (hole + 1) & mask
        while tags[next] != 0 {
            let home = Int(truncatingIfNeeded: counts[next].hash) & mask
            if (next &- home) & mask >= (next &- hole) & mask {
                (slots[hole], counts[hole]) = (slots[next], counts[next])
                setTag(hole, tags[next])
                hole = next
            }
            next = (next + 1) & mask
        }
        (slots[hole], counts[hole]) = (Slot(), Counts())
        setTag(hole, 0)
        if waste > 4096, waste * 2 > keys.count { compactKeys() }
    }

    private mutating func place(_ slot: Slot, _ facts: Counts) -> Int {
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: facts.hash) & mask
        while tags[index] != 0 { index = (index + 1) & mask }
        (slots[index], counts[index]) = (slot, facts)
        setTag(index, Self.tag(facts.hash))
        return index
    }

    private mutating func setTag(_ index: Int, _ tag: UInt8) {
        tags[index] = tag
        if index < Self.tagPadding { tags[slots.count + index] = tag }
    }

    private mutating func grow() {
        let (oldTags, oldSlots, oldCounts) = (tags, slots, counts)
        tags = Array(repeating: 0, count: oldSlots.count * 2 + Self.tagPadding)
        slots = Array(repeating: Slot(), count: oldSlots.count * 2)
        counts = Array(repeating: Counts(), count: oldSlots.count * 2)
        for index in oldSlots.indices where oldTags[index] != 0 {
            _ = place(oldSlots[index], oldCounts[index])
        }
    }

    private mutating func compactKeys() {
        var kept: [UInt8] = []
        kept.reserveCapacity(keys.count - waste)
        for index in slots.indices where tags[index] != 0 && slots[index].count > Self.shortKeyMax {
            let start = Int(slots[index].first)
            slots[index].first = UInt64(kept.count)
            kept += keys[start..<start + Int(slots[index].count)]
        }
        (keys, waste) = (kept, 0)
    }
}

// MARK: - Reading

extension ByteTable {
    /// An address for buffers that may be empty and then have none; nothing is read from it.
    @inline(__always)
    static func address(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawPointer {
        bytes.baseAddress ?? UnsafeRawPointer(("" as StaticString).utf8Start)
    }

    /// The places of a table's arrays, valid while `withReader` runs.
    @inline(__always)
    func withReader<Result>(_ body: (Reader) -> Result) -> Result {
        tags.withUnsafeBytes { tags in
            slots.withUnsafeBytes { slots in
                keys.withUnsafeBytes { keys in
                    body(
                        Reader(
                            tags: Self.address(tags), slots: Self.address(slots), keys: Self.address(keys),
                            mask: slots.count / MemoryLayout<Slot>.stride &- 1, seed: seed))
                }
            }
        }
    }

    /// A table at work.
    struct Reader {
        fileprivate let tags: UnsafeRawPointer
        fileprivate let slots: UnsafeRawPointer
        fileprivate let keys: UnsafeRawPointer
        fileprivate let mask: Int
        fileprivate let seed: UInt64

        /// The place of a key, nil if it is not there.
        @inline(__always)
        func find(_ scope: UInt32, _ hash: UInt64, _ key: UnsafeRawPointer, _ length: Int) -> Int? {
            var next = candidate(hash, from: home(hash))
            while let index = next {
                if isKey(at: index, scope, key, length) { return index }
                next = candidate(hash, from: (index &+ 1) & mask)
            }
            return nil
        }

        /// The place of a key, nil if it is not there.
        func find(_ scope: UInt32, _ key: [UInt8], _ direction: Direction) -> Int? {
            key.withUnsafeBytes { key in
                let address = ByteTable.address(key)
                return find(scope, hash(scope, address, key.count, direction), address, key.count)
            }
        }

        /// The value of a key that is hashed from the front.
        @inline(__always)
        func value(_ scope: UInt32, _ key: UnsafeRawPointer, _ length: Int) -> UInt32? {
            find(scope, hash(scope, key, length, .forward), key, length).map { self[$0].value }
        }

        subscript(index: Int) -> Slot {
            @inline(__always) get {
                slots.load(fromByteOffset: index &* MemoryLayout<Slot>.stride, as: Slot.self)
            }
        }

        @inline(__always)
        func isKey(at index: Int, _ scope: UInt32, _ other: UnsafeRawPointer, _ length: Int) -> Bool {
            let slot = self[index]
            guard slot.scope == scope, slot.count == UInt32(truncatingIfNeeded: length) else { return false }
            guard length <= ByteTable.shortKeyMax else {
                return ByteTable.equal(keys + Int(slot.first), other, length)
            }
            let words = ByteTable.words(other, length)
            return words.0 == slot.first && words.1 == slot.last
        }

        /// Whether a key of two words stands at a place.
        @inline(__always)
        func isKey(at index: Int, _ scope: UInt32, _ words: (UInt64, UInt64)) -> Bool {
            let slot = self[index]
            return slot.scope == scope && slot.count == 16 && slot.first == words.0 && slot.last == words.1
        }

        /// Where the search for a hash begins.
        @inline(__always)
        func home(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & mask }

        /// Has the memory brought near that tells whether there may be a key with a hash.
        @inline(__always)
        func prefetch(tagsOf hash: UInt64) { capus_prefetch(tags + home(hash)) }

        /// A place that may be the first one of a key with a hash, or -1. Less exact than `candidate`, and without deciding anything on the way:
        /// whether there is one cannot be guessed.
        @inline(__always)
        func place(_ hash: UInt64) -> Int {
            let home = home(hash)
            let word = UInt64(littleEndian: ByteTable.word(tags, home))
            let (ones, highs): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
            let others = word ^ UInt64(ByteTable.tag(hash)) &* ones
            // The first of these is right, and there is none if it should not be.
            let found = (others &- ones) & ~others & highs
            let empty = ~word & highs
            guard found | empty != 0 else { return candidate(hash, from: home) ?? -1 }
            let place = (home &+ found.trailingZeroBitCount &>> 3) & mask
            return found == 0 ? -1 : place
        }

        /// Has the memory of a place brought near without waiting for it.
        @inline(__always)
        func prefetch(_ index: Int) { capus_prefetch(slots + index &* MemoryLayout<Slot>.stride) }

        /// The first place from `index` on that may be that of a key with a hash.
        @inline(__always)
        func candidate(_ hash: UInt64, from index: Int) -> Int? {
            var index = index
            while true {
                let word = UInt64(littleEndian: ByteTable.word(tags, index))
                let (found, empty) = ByteTable.flags(of: hash, in: word)
                // Only what stands before the first that is empty.
                if found != 0, empty == 0 || found.trailingZeroBitCount < empty.trailingZeroBitCount {
                    return (index &+ found.trailingZeroBitCount &>> 3) & mask
                }
                if empty != 0 { return nil }
                index = (index &+ 8) & mask
            }
        }

        /// The next such place.
        @inline(__always)
        func candidate(_ hash: UInt64, after index: Int) -> Int? {
            candidate(hash, from: (index &+ 1) & mask)
        }
    }

    /// Whether the same bytes stand at two places.
    @inline(__always)
    static func equal(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
        var index = 0
        while index &+ 8 <= count {
            guard word(left, index) == word(right, index) else { return false }
            index &+= 8
        }
        while index < count {
            guard byte(left, index) == byte(right, index) else { return false }
            index &+= 1
        }
        return true
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

    /// The hash of a text of `length` bytes, the whole words of which are in `state`; `rest` are the bytes beyond those.
    @inline(__always)
    func finish(_ state: State, _ scope: UInt32, _ rest: UnsafeRawPointer, _ length: Int) -> UInt64 {
        let tail = ByteTable.tail(rest, length & 7)
        let last = UInt64(scope) &<< 32 | UInt64(truncatingIfNeeded: length)
        return ByteTable.fold(state ^ tail, last &* 0xA076_1D64_78BD_642F ^ seed)
    }

    /// The hash of a key of two words.
    @inline(__always)
    func hash(_ scope: UInt32, _ words: (UInt64, UInt64)) -> UInt64 {
        let last = UInt64(scope) &<< 32 | 16
        return ByteTable.fold(
            step(step(initialState, words.0), words.1), last &* 0xA076_1D64_78BD_642F ^ seed)
    }

    @inline(__always)
    func hash(
        _ scope: UInt32, _ key: UnsafeRawPointer, _ length: Int, _ direction: ByteTable.Direction
    ) -> UInt64 {
        var state = initialState
        var index = 0
        while index &+ 8 <= length {
            state = step(state, ByteTable.word(key, direction == .forward ? index : length &- index &- 8))
            index &+= 8
        }
        return finish(state, scope, direction == .forward ? key + index : key, length)
    }
}

extension ByteTable {
    /// Fewer than eight bytes as one number.
    @inline(__always)
    fileprivate static func tail(_ base: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count >= 4 {
            let low = UInt64(base.loadUnaligned(as: UInt32.self))
            return low | UInt64(base.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)) &<< 32
        }
        guard count > 0 else { return 0 }
        return UInt64(byte(base, 0)) | UInt64(byte(base, count &>> 1)) &<< 8 | UInt64(byte(base, count &- 1))
            &<< 16
    }

    @inline(__always)
    fileprivate static func tag(_ hash: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: hash &>> 56) | 0x80 }

    /// Of eight tags at once, those that are a hash's and those of places that are empty: the high bits.
    @inline(__always)
    fileprivate static func flags(of hash: UInt64, in word: UInt64) -> (found: UInt64, empty: UInt64) {
        // Those in use have their high bit set, and what equals the tag is zero here.
        let others = word ^ UInt64(tag(hash)) &* 0x0101_0101_0101_0101
        let lows: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
        return (~((others & lows) &+ lows | others | lows), ~word & ~lows)
    }

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
