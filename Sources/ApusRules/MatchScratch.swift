// SPDX-License-Identifier: Apache-2.0

// The memory of one match, kept between matches so that none allocates. Nothing is cleared from one event to the next: what is noted carries
// the number of an entry, and these numbers never repeat.

import CApus

/// Reusable memory for matching: one per thread, for any number of matchers in turn.
public struct MatchScratch: Sendable {
    private var box = Box()

    /// Creates empty memory; it grows to what the matchers and events need.
    public init() {}

    /// The memory, this value's alone.
    var memory: UnsafeMutablePointer<MatchMemory> {
        mutating get {
            // What is in it does not outlive a match: a copy starts with nothing.
            if !isKnownUniquelyReferenced(&box) { box = Box() }
            return box.memory
        }
    }

    /// Owns the memory. Unchecked, because whoever changes it has made sure that nobody else has it.
    private final class Box: @unchecked Sendable {
        let memory: UnsafeMutablePointer<MatchMemory>

        init() {
            memory = .allocate(capacity: 1)
            memory.initialize(to: MatchMemory())
        }

        deinit {
            memory.pointee.free()
            memory.deinitialize(count: 1)
            memory.deallocate()
        }
    }
}

/// What a match keeps while it looks at an event.
struct MatchMemory {
    /// A value or an object that some pattern may have to look at, in the order of the event.
    struct Entry {
        /// The number of the object around it.
        var parent: UInt64
        /// The number of the entry before it at the same node; less than `base` if there is none in this event.
        var previous: UInt64
        /// Where its bytes are: an address, or for `isStored` an offset in `texts`.
        var start: UInt
        var count: UInt32
        var kind: MatchValue.Kind
        var isStored: Bool
    }

    /// An object of the event.
    struct Frame {
        /// Its number.
        var object: UInt64
        /// The frame of the object around it.
        var outer: UInt32
        /// The first step to look at when the object has ended, an index into `hits`.
        var firstHit = UInt32.max
        var hasEnded = false
    }

    /// A key to be looked up with others.
    struct Probe {
        var hash: UInt64
        /// The key's two words; of a long key, its address.
        var first: UInt64
        var last: UInt64
        /// The value that it is of.
        var start: UnsafeRawPointer
        var count: UInt32
        var scope: UInt32
        /// The key's length.
        var length: UInt32
        /// The frame of the object that the value is in.
        var frame: UInt32
        var kind: MatchValue.Kind

        @inline(__always)
        var value: MatchValue { MatchValue(kind: kind, start: start, count: Int(count)) }
    }

    /// A probe whose key may be there.
    struct Candidate {
        var probe: UInt32
        /// Where it may be, as the table of keys says it.
        var slots: UInt32
    }

    /// A step that waits for the end of an object.
    struct Hit {
        var step: UInt32
        var next: UInt32
    }

    /// The number of the event itself, which is its first entry.
    private(set) var base: UInt64 = 1
    var entries = Buffer<Entry>()
    /// For each node, its last entry.
    var last = Buffer<UInt64>()
    /// For each node, how far back one look at nested objects has come: the look and the entry.
    var cursors = Buffer<(look: UInt64, entry: UInt64)>()
    var look: UInt64 = 0
    /// For each node, the first field that was seen in it, and the field that was seen behind it: events of a kind have them in the same order.
    var expected = Buffer<UInt32>()
    /// The steps that were roused.
    var roused = RousedSteps()
    var frames = Buffer<Frame>()
    var hits = Buffer<Hit>()
    var probes = Buffer<Probe>()
    /// Those whose keys may be there.
    var candidates = Buffer<Candidate>()
    /// The rules that keys lead to.
    var foundRules = Buffer<UInt32>()
    /// Those that lead to a list of links.
    var found = Buffer<(probe: UInt32, list: UInt32)>()
    /// Steps about to be roused, and the frames of their values.
    var arriving = Buffer<(step: UInt32, frame: UInt32)>()
    /// The frames of objects that have ended and were not looked at since, each after those inside it.
    var ended = Buffer<UInt32>()
    /// At how many entries ended objects are looked at, at the latest.
    var batchEnd = 0
    /// Texts that do not stand in the event as they are.
    var texts: [UInt8] = []
    /// A value in comparable form.
    var folded: [UInt8] = []
    /// A number in comparable form.
    var key: [UInt8] = []
    /// The rules found.
    var matched = Buffer<Int>()
    /// The program's lengths of keys that no bits tell of; here, because a run is to be plain memory.
    var longLengths: [UInt32: [Int]] = [:]
    /// Whether a pattern that asks something of the data may still match.
    var needsData = false
    /// How many steps were roused and tests tried: what bounds are stated in.
    var work = 0

    /// So many entries at most lie between an object and what is looked at because of it.
    var batchEntries = 128
    /// So many keys are looked up together at most.
    var batchKeys = 64

    /// Makes room for a program and begins an event.
    mutating func begin(nodes: Int) {
        last.fill(to: nodes, with: 0)
        cursors.fill(to: nodes, with: (0, 0))
        expected.fill(to: nodes * 2, with: 0)
        base &+= UInt64(entries.count)
        entries.count = 0
        frames.count = 0
        hits.count = 0
        probes.count = 0
        probes.reserve(batchKeys + 1)
        candidates.reserve(batchKeys + 1)
        foundRules.reserve(batchKeys + 1)
        found.reserve(batchKeys + 1)
        arriving.reserve(batchKeys + 1)
        ended.count = 0
        matched.count = 0
        roused.begin(base)
        batchEnd = batchEntries
        if !texts.isEmpty { texts.removeAll(keepingCapacity: true) }
        needsData = false
        entries.append(Entry(parent: 0, previous: 0, start: 0, count: 0, kind: .object, isStored: false))
        frames.append(Frame(object: base, outer: 0))
    }

    mutating func free() {
        entries.free()
        last.free()
        cursors.free()
        expected.free()
        roused.free()
        frames.free()
        hits.free()
        probes.free()
        candidates.free()
        foundRules.free()
        found.free()
        arriving.free()
        ended.free()
        matched.free()
    }

    /// The places in `expected` for the first field in a node, and for the one behind it.
    @inline(__always)
    static func beginning(of node: UInt32) -> Int { Int(node) &* 2 }
    @inline(__always)
    static func following(_ node: UInt32) -> Int { Int(node) &* 2 &+ 1 }

    @inline(__always)
    func entry(_ number: UInt64) -> Entry { entries[Int(truncatingIfNeeded: number &- base)] }

    /// Notes a value at a node.
    @inline(__always)
    mutating func note(_ value: MatchValue, isStored: Bool, at node: UInt32, in frame: Int) {
        let start = isStored ? UInt(texts.count &- value.count) : UInt(bitPattern: value.start)
        note(
            Entry(
                parent: frames[frame].object, previous: last[Int(node)], start: start,
                count: UInt32(truncatingIfNeeded: value.count), kind: value.kind, isStored: isStored),
            at: node)
    }

    /// Notes an object at a node, in the object of a frame; returns its number.
    @inline(__always)
    mutating func note(objectAt node: UInt32, in frame: Int) -> UInt64 {
        note(
            Entry(
                parent: frames[frame].object, previous: last[Int(node)], start: 0, count: 0, kind: .object,
                isStored: false), at: node)
    }

    @inline(__always)
    @discardableResult
    private mutating func note(_ entry: Entry, at node: UInt32) -> UInt64 {
        let number = base &+ UInt64(truncatingIfNeeded: entries.count)
        entries.append(entry)
        last[Int(node)] = number
        return number
    }
}

/// A growing array of plain values without the checks of Array, which cost more than what is done here between two of them. Indexes are made
/// and kept by the program, never by an event.
struct Buffer<Value> {
    private(set) var base: UnsafeMutablePointer<Value>
    private var capacity = 16
    var count = 0

    init() { base = .allocate(capacity: capacity) }

    func free() { base.deallocate() }

    subscript(index: Int) -> Value {
        @inline(__always) get {
            assert(index >= 0 && index < count)
            return base[index]
        }
        @inline(__always) nonmutating _modify {
            assert(index >= 0 && index < count)
            yield &base[index]
        }
    }

    /// The values in use, to be looked at and changed in place.
    func withElements<Result>(_ body: (inout UnsafeMutableBufferPointer<Value>) -> Result) -> Result {
        var elements = UnsafeMutableBufferPointer(start: base, count: count)
        return body(&elements)
    }

    @inline(__always)
    mutating func append(_ value: Value) {
        if count == capacity { grow(to: count &* 2) }
        (base + count).initialize(to: value)
        count &+= 1
    }

    /// Writes a value behind those in use, for which there is room, and counts it if `number` is 1.
    @inline(__always)
    mutating func write(_ value: Value, adding number: Int64) {
        assert(count < capacity)
        (base + count).initialize(to: value)
        count &+= Int(number)
    }

    @inline(__always)
    mutating func removeLast() { count &-= 1 }

    /// Makes room for so many values.
    mutating func reserve(_ length: Int) {
        if capacity < length { grow(to: length) }
    }

    mutating func fill(to length: Int, with value: Value) {
        guard count < length else { return }
        // Some more, because programs grow by one rule at a time.
        if capacity < length { grow(to: length + length / 4) }
        (base + count).initialize(repeating: value, count: length - count)
        count = length
    }

    @inline(never)
    private mutating func grow(to length: Int) {
        let larger = UnsafeMutablePointer<Value>.allocate(capacity: length)
        larger.moveInitialize(from: base, count: count)
        base.deallocate()
        (base, capacity) = (larger, length)
    }
}

/// A value of an event that is no object, in place.
struct MatchValue {
    /// What it is.
    enum Kind: UInt8, Sendable { case text, number, null, yes, no, attribute, object }

    var kind: Kind
    /// The text without quotes and escapes, or the number as written: an address, which means nothing without bytes, and how many there are.
    var start: UnsafeRawPointer
    var count: Int

    @inline(__always)
    init(kind: Kind, start: UnsafeRawPointer, count: Int) {
        (self.kind, self.start, self.count) = (kind, start, count)
    }

    @inline(__always)
    init(kind: Kind, bytes: UnsafeRawBufferPointer) {
        self.init(kind: kind, start: ByteTable.address(bytes), count: bytes.count)
    }

    @inline(__always)
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
}

/// For each step, for which object it was roused last; and which rules were found in the event. A table that is as large as what one event
/// rouses, since an entry for each step there is would be one more place far away.
struct RousedSteps {
    private var base: UnsafeMutablePointer<(key: UInt64, object: UInt64)>
    private var capacity = 256
    private var count = 0
    /// What is older is of another event, and does not count.
    private var oldest: UInt64 = 0

    init() {
        base = .allocate(capacity: capacity)
        base.initialize(repeating: (0, 0), count: capacity)
    }

    func free() { base.deallocate() }

    /// Forgets all; the numbers of objects are at least `first` from now on.
    mutating func begin(_ first: UInt64) {
        count = 0
        oldest = first
    }

    /// Whether a step was not roused for an object yet, as far as it was not roused for another one since.
    @inline(__always)
    mutating func insert(_ step: UInt32, _ object: UInt64) -> Bool { insert(UInt64(step) &<< 1, object) }

    /// Whether a step did not hold yet in the event.
    @inline(__always)
    mutating func insert(lastStep step: UInt32) -> Bool { insert(UInt64(step) &<< 1 | 1, oldest) }

    /// Whether a rule was not found in the event yet by a key alone.
    @inline(__always)
    mutating func insert(rule: UInt32) -> Bool { insert(UInt64(rule) | 1 &<< 40, oldest) }

    @inline(__always)
    private mutating func insert(_ key: UInt64, _ object: UInt64) -> Bool {
        let mask = capacity &- 1
        var index = place(key)
        while base[index].object >= oldest {
            if base[index].key == key {
                guard base[index].object != object else { return false }
                base[index].object = object
                return true
            }
            index = (index &+ 1) & mask
        }
        base[index] = (key, object)
        count &+= 1
        if count &* 2 > capacity { grow() }
        return true
    }

    @inline(__always)
    private func place(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 32) & (capacity &- 1)
    }

    @inline(never)
    private mutating func grow() {
        let (old, oldCapacity) = (base, capacity)
        capacity *= 2
        base = .allocate(capacity: capacity)
        base.initialize(repeating: (0, 0), count: capacity)
        for entry in UnsafeBufferPointer(start: old, count: oldCapacity) where entry.object >= oldest {
            var index = place(entry.key)
            while base[index].object >= oldest { index = (index &+ 1) & (capacity &- 1) }
            base[index] = entry
        }
        old.deallocate()
    }
}
