// SPDX-License-Identifier: Apache-2.0

// Which offsets of a log are done with, a bit for each: events become due in an order that has nothing to do with their offsets, so ranges
// would be no shorter.

/// A set of offsets that begins dense and may have far outliers.
struct OffsetBits: Sendable, Hashable {
    /// Offsets per chunk.
    static let chunkSize: Int64 = 1024

    /// Everything before it is in the set.
    private(set) var floor: Int64 = 0
    private var chunks: [Int64: [UInt64]] = [:]
    /// How many are in the set.
    private(set) var count: Int64 = 0

    func contains(_ offset: Int64) -> Bool {
        if offset < floor { return true }
        guard let chunk = chunks[offset / OffsetBits.chunkSize] else { return false }
        let bit = Int(offset % OffsetBits.chunkSize)
        return chunk[bit / 64] >> UInt64(bit % 64) & 1 == 1
    }

    mutating func insert(_ offset: Int64) {
        guard offset >= floor else { return }
        let (number, bit) = (offset / OffsetBits.chunkSize, Int(offset % OffsetBits.chunkSize))
        let mask = UInt64(1) << UInt64(bit % 64)
        var isNew = false
        var isFull = false
        modify(number) { words in
            isNew = words[bit / 64] & mask == 0
            words[bit / 64] |= mask
            isFull = isNew && words[bit / 64] == .max && words.allSatisfy { $0 == .max }
        }
        if isNew { count += 1 }
        if isFull { raise() }
    }

    private mutating func modify(_ number: Int64, _ body: (inout [UInt64]) -> Void) {
        body(&chunks[number, default: [UInt64](repeating: 0, count: Int(OffsetBits.chunkSize) / 64)])
    }

    /// Full chunks at the beginning become the floor.
    private mutating func raise() {
        while let chunk = chunks[floor / OffsetBits.chunkSize], chunk.allSatisfy({ $0 == .max }) {
            chunks[floor / OffsetBits.chunkSize] = nil
            floor += OffsetBits.chunkSize
        }
    }

    // MARK: Written down

    /// The chunks that are not empty, in order, for a snapshot.
    var parts: [(first: Int64, words: [UInt64])] {
        chunks.sorted { $0.key < $1.key }.map { ($0.key * OffsetBits.chunkSize, $0.value) }
    }

    mutating func setFloor(_ floor: Int64) {
        guard floor > self.floor, floor % OffsetBits.chunkSize == 0 else { return }
        count += floor - self.floor
        for number in chunks.keys where number < floor / OffsetBits.chunkSize {
            count -= chunks[number, default: []].reduce(0) { $0 + Int64($1.nonzeroBitCount) }
            chunks[number] = nil
        }
        self.floor = floor
    }

    mutating func insert(_ words: [UInt64], from first: Int64) {
        for (index, word) in words.enumerated() where word != 0 {
            for bit in 0..<64 where word >> UInt64(bit) & 1 == 1 { insert(first + Int64(index * 64 + bit)) }
        }
    }
}
