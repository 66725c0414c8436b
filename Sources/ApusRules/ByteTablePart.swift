// SPDX-License-Identifier: Apache-2.0

// A part of a table of keys: open addressing with linear probing, at most half full. A byte of each hash stands apart, so that a probe
// in vain (nearly all are) touches one line of a small array and no slot; sixteen of these are looked at together.

/// The keys whose hashes begin alike. Unchecked, because whoever changes one has made sure that nobody else has it.
final class ByteTablePart: @unchecked Sendable {
    typealias Slot = ByteTable.Slot
    typealias Counts = ByteTable.Counts

    /// Where a part is, for those who read it. Unchecked, because what is there does not change while somebody does.
    struct Place: Equatable, @unchecked Sendable {
        var tags: UnsafePointer<UInt8>
        var slots: UnsafePointer<Slot>
        /// The bytes of keys that are longer than a slot has room for.
        var texts: UnsafePointer<UInt8>
        var mask: Int
    }

    /// How many tags are looked at together; so many of the first ones stand again behind the last.
    static let group = 16

    /// A power of two, at least `group`.
    let capacity: Int
    private(set) var count = 0
    /// A byte for each slot, 0 if that is empty.
    private let tags: UnsafeMutablePointer<UInt8>
    let slots: UnsafeMutablePointer<Slot>
    let counts: UnsafeMutablePointer<Counts>
    private var texts: UnsafeMutablePointer<UInt8>
    private var textCapacity = 16
    private var textCount = 0
    /// Bytes of texts that belong to keys which are gone.
    private var waste = 0

    init(capacity: Int) {
        self.capacity = capacity
        tags = .allocate(capacity: capacity + Self.group)
        tags.initialize(repeating: 0, count: capacity + Self.group)
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(), count: capacity)
        counts = .allocate(capacity: capacity)
        counts.initialize(repeating: Counts(), count: capacity)
        texts = .allocate(capacity: textCapacity)
    }

    deinit {
        tags.deallocate()
        slots.deallocate()
        counts.deallocate()
        texts.deallocate()
    }

    var place: Place {
        Place(
            tags: UnsafePointer(tags), slots: UnsafePointer(slots), texts: UnsafePointer(texts),
            mask: capacity - 1)
    }

    /// Whether another key needs more room.
    var isFull: Bool { (count + 1) * 2 > capacity }

    /// The same keys at the same places in another part: whoever has found a place goes on with it.
    func copy() -> ByteTablePart {
        let copy = ByteTablePart(capacity: capacity)
        copy.tags.update(from: tags, count: capacity + Self.group)
        copy.slots.update(from: slots, count: capacity)
        copy.counts.update(from: counts, count: capacity)
        copy.moveTexts(capacity: textCapacity) { $0.update(from: texts, count: textCount) }
        (copy.count, copy.textCount, copy.waste) = (count, textCount, waste)
        return copy
    }

    /// The same keys in a part of twice the capacity, at other places.
    func grown() -> ByteTablePart {
        let grown = ByteTablePart(capacity: capacity * 2)
        forEach { _ = grown.insert($0, $1, from: self) }
        return grown
    }

    func forEach(_ body: (Slot, Counts) -> Void) {
        for index in 0..<capacity where tags[index] != 0 { body(slots[index], counts[index]) }
    }

    // MARK: - Changing

    /// Takes a key that is not there; returns its slot.
    func insert(_ scope: UInt32, _ key: [UInt8], _ hash: UInt64) -> Int {
        var slot = Slot(scope: scope, count: UInt32(key.count))
        key.withUnsafeBytes { key in
            if key.count <= ByteTable.shortKeyMax {
                (slot.first, slot.last) = ByteTable.words(ByteTable.address(key), key.count)
            } else {
                slot.first = append(key)
            }
        }
        return insert(slot, Counts(hash: hash))
    }

    /// Takes a key as it stands in another part.
    func insert(_ slot: Slot, _ facts: Counts, from other: ByteTablePart) -> Int {
        var slot = slot
        if slot.count > ByteTable.shortKeyMax {
            slot.first = append(
                UnsafeRawBufferPointer(start: other.texts + Int(slot.first), count: Int(slot.count)))
        }
        return insert(slot, facts)
    }

    private func insert(_ slot: Slot, _ facts: Counts) -> Int {
        let mask = capacity - 1
        var index = Int(truncatingIfNeeded: facts.hash) & mask
        while tags[index] != 0 { index = (index + 1) & mask }
        (slots[index], counts[index]) = (slot, facts)
        setTag(index, ByteTable.tag(facts.hash))
        count += 1
        return index
    }

    /// Takes away the key of a slot.
    func remove(at index: Int) {
        count -= 1
        if slots[index].count > ByteTable.shortKeyMax { waste += Int(slots[index].count) }
        let mask = capacity - 1
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
        if waste > 4096, waste * 2 > textCount { compactTexts() }
    }

    private func setTag(_ index: Int, _ tag: UInt8) {
        tags[index] = tag
        if index < Self.group { tags[capacity + index] = tag }
    }

    // MARK: - Texts

    private func append(_ text: UnsafeRawBufferPointer) -> UInt64 {
        let start = textCount
        if start + text.count > textCapacity {
            moveTexts(capacity: max(textCapacity * 2, start + text.count)) {
                $0.update(from: texts, count: start)
            }
        }
        UnsafeMutableRawPointer(texts + start).copyMemory(
            from: ByteTable.address(text), byteCount: text.count)
        textCount += text.count
        return UInt64(start)
    }

    private func compactTexts() {
        moveTexts(capacity: max(textCount - waste, 16)) { kept in
            textCount = 0
            for index in 0..<capacity where tags[index] != 0 && slots[index].count > ByteTable.shortKeyMax {
                let length = Int(slots[index].count)
                (kept + textCount).update(from: texts + Int(slots[index].first), count: length)
                slots[index].first = UInt64(textCount)
                textCount += length
            }
        }
        waste = 0
    }

    private func moveTexts(capacity: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        let other = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        fill(other)
        texts.deallocate()
        (texts, textCapacity) = (other, capacity)
    }
}
