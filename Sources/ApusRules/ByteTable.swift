// SPDX-License-Identifier: Apache-2.0

// A hash table from byte strings to small facts, probed with a pointer into an event. Dictionary would need a String or an array per probe:
// several allocations for every field of every event.
//
// Each key belongs to a scope, so that one table serves all fields of a program. The hash is keyed by a random seed: who writes patterns must
// not be able to choose keys that collide. The seed decides speed only, never an answer.
//
// A table that has become large consists of many parts, each of which grows alone: one rule more must not take milliseconds because it is the
// hundred thousandth. Copies share the parts that neither has changed.

/// A map from (scope, bytes) to values.
struct ByteTable: Sendable {
    /// A key and what it leads to; half a line of memory, so that a key that is found is one place read.
    struct Slot: Sendable {
        var scope: UInt32 = 0
        var count: UInt32 = 0
        /// The bytes of a short key; of a long one, where it begins in the part's texts.
        var first: UInt64 = 0
        var last: UInt64 = 0
        /// What the key leads to: a node, a rule, a step, or the first of a list of links.
        var value = UInt32.max
        var kind = Kind.list
        /// Whether clauses look for it before they have data read.
        var isGate = false

        /// Whether it is a short key, which is given as two words.
        @inline(__always)
        func isShort(_ scope: UInt32, _ count: UInt32, _ words: (UInt64, UInt64)) -> Bool {
            // Together, because all of it is so or nothing. The parentheses count: or and exclusive or bind alike.
            (UInt64(self.scope ^ scope) | UInt64(self.count ^ count))
                | ((first ^ words.0) | (last ^ words.1)) == 0
        }
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

    /// One part, or as many as there are places.
    private var parts: [ByteTablePart]
    /// Where the parts are, by the first bits of a hash.
    private var places: [ByteTablePart.Place]
    private(set) var count = 0
    private let seed: UInt64

    /// How many bits of a hash tell the part.
    static let partBits = 6
    /// A part that is the only one is divided instead of growing beyond this.
    private static let wholeMax = 4096

    init(seed: UInt64) {
        self.seed = seed
        let part = ByteTablePart(capacity: 16)
        parts = [part]
        places = Array(repeating: part.place, count: 1 << Self.partBits)
    }

    /// The value at a place, as `insert` and `find` tell it.
    subscript(index: Int) -> Slot {
        get { parts[Self.part(of: index)].slots[Self.slot(of: index)] }
        _modify {
            let part = own(Self.part(of: index))
            yield &part.slots[Self.slot(of: index)]
        }
    }

    /// The counts of the key at a place.
    subscript(countsAt index: Int) -> Counts {
        get { parts[Self.part(of: index)].counts[Self.slot(of: index)] }
        _modify {
            let part = own(Self.part(of: index))
            yield &part.counts[Self.slot(of: index)]
        }
    }

    private static func index(_ part: Int, _ slot: Int) -> Int { part << 32 | slot }
    private static func part(of index: Int) -> Int { index >> 32 }
    private static func slot(of index: Int) -> Int { index & 0xFFFF_FFFF }

    // MARK: - Changing

    /// The place of a key, which is made if it is not there; places found before are void.
    mutating func insert(_ scope: UInt32, _ key: [UInt8], _ direction: Direction) -> Int {
        if let index = find(scope, key, direction) { return index }
        let hash = withReader { reader in
            key.withUnsafeBytes { reader.hash(scope, Self.address($0), $0.count, direction) }
        }
        let number = makeRoom(for: hash)
        let part = own(number)
        let slot = part.insert(scope, key, hash)
        note(number)
        count += 1
        return Self.index(number, slot)
    }

    /// The place of a key, nil if it is not there.
    func find(_ scope: UInt32, _ key: [UInt8], _ direction: Direction) -> Int? {
        withReader { reader in
            key.withUnsafeBytes { key in
                let address = Self.address(key)
                let hash = reader.hash(scope, address, key.count, direction)
                let place = reader.place(of: hash)
                guard let slot = reader.find(scope, hash, address, key.count) else { return nil }
                let offset = slot - place.pointee.slots
                return Self.index(parts.count == 1 ? 0 : Self.number(of: hash), offset)
            }
        }
    }

    /// Takes away the key at a place; places found before are void.
    mutating func remove(at index: Int) {
        let number = Self.part(of: index)
        own(number).remove(at: Self.slot(of: index))
        note(number)
        count -= 1
    }

    /// Sees to it that a key with a hash can be put into its part; returns the number of that.
    private mutating func makeRoom(for hash: UInt64) -> Int {
        if parts.count == 1, parts[0].isFull, parts[0].capacity == Self.wholeMax { divide() }
        let number = parts.count == 1 ? 0 : Self.number(of: hash)
        if parts[number].isFull {
            parts[number] = parts[number].grown()
        }
        return number
    }

    private mutating func divide() {
        let whole = parts[0]
        let capacity = (Self.wholeMax * 2) >> Self.partBits
        parts = (0..<1 << Self.partBits).map { _ in ByteTablePart(capacity: capacity) }
        // It must not go before its last key is read, of which the optimiser sees only the address.
        withExtendedLifetime(whole) {
            whole.forEach { slot, counts in
                let number = Self.number(of: counts.hash)
                if parts[number].isFull {
                    parts[number] = parts[number].grown()
                }
                _ = parts[number].insert(slot, counts, from: whole)
            }
        }
        places = parts.map(\.place)
    }

    /// A part to be changed: this table's alone from now on.
    private mutating func own(_ number: Int) -> ByteTablePart {
        if !isKnownUniquelyReferenced(&parts[number]) {
            parts[number] = parts[number].copy()
            note(number)
        }
        return parts[number]
    }

    /// Notes where a part is now.
    private mutating func note(_ number: Int) {
        let place = parts[number].place
        if parts.count > 1 {
            places[number] = place
        } else if places[0] != place {
            for index in places.indices { places[index] = place }
        }
    }

    private static func number(of hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> (64 - partBits)) }

    // MARK: - Reading

    /// The places of a table's parts, valid while `withReader` runs.
    @inline(__always)
    func withReader<Result>(_ body: (Reader) -> Result) -> Result {
        places.withUnsafeBufferPointer { places in
            guard let first = places.baseAddress else { preconditionFailure("a table has places") }
            return withExtendedLifetime(parts) { body(Reader(places: first, seed: seed)) }
        }
    }
}
