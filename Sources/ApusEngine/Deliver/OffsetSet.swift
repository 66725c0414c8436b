// SPDX-License-Identifier: Apache-2.0

// A set of offsets in little memory, for those of a subscription's events that were looked at and not handed out yet: behind one key that
// fails there may be a million. Chunks of 65,536 offsets, each a sorted list of 16-bit remainders while it has few and a bitmap once it
// has many, so an offset costs two bytes at most beside its chunk, and much less where they lie close.

package import ApusModel

/// A set of offsets of one partition.
package struct OffsetSet: Sendable, Hashable {
    fileprivate enum Content: Sendable, Hashable {
        /// Remainders in ascending order.
        case few([UInt16])
        /// One bit for each remainder, and how many are set.
        case many([UInt64], count: Int)
    }

    private struct Chunk: Sendable, Hashable {
        var number: Int64
        var content: Content
    }

    /// Remainders in a list at most: from there on the bitmap is smaller.
    fileprivate static let listMax = 4096
    /// A bitmap with fewer becomes a list again; well below the above, so that nothing is converted to and fro.
    fileprivate static let bitmapMin = 2048

    private var chunks: [Chunk] = []
    /// How many offsets it has.
    package private(set) var count = 0

    /// No offsets.
    package init() {}

    /// Whether it has none.
    package var isEmpty: Bool { count == 0 }

    /// Bytes that the offsets take up, for measurements.
    package var byteCount: Int {
        chunks.reduce(chunks.capacity * MemoryLayout<Chunk>.stride) { sum, chunk in
            switch chunk.content {
            case .few(let list): sum + list.capacity * 2 + 32
            case .many(let words, _): sum + words.capacity * 8 + 32
            }
        }
    }

    /// Whether `offset` is in it.
    package func contains(_ offset: Offset) -> Bool {
        let (number, remainder) = OffsetSet.split(offset)
        let index = firstChunk(from: number)
        guard index < chunks.count, chunks[index].number == number else { return false }
        switch chunks[index].content {
        case .few(let list):
            let place = list.firstIndex(from: remainder)
            return place < list.count && list[place] == remainder
        case .many(let words, _): return words[Int(remainder >> 6)] & (1 << UInt64(remainder & 63)) != 0
        }
    }

    /// Adds `offset`; false when it was there.
    @discardableResult
    package mutating func insert(_ offset: Offset) -> Bool {
        let (number, remainder) = OffsetSet.split(offset)
        let index = firstChunk(from: number)
        if index == chunks.count || chunks[index].number != number {
            chunks.insert(Chunk(number: number, content: .few([])), at: index)
        }
        let isNew = chunks[index].content.insert(remainder)
        if isNew { count += 1 }
        return isNew
    }

    /// Takes `offset` out; false when it was not there.
    @discardableResult
    package mutating func remove(_ offset: Offset) -> Bool {
        let (number, remainder) = OffsetSet.split(offset)
        let index = firstChunk(from: number)
        guard index < chunks.count, chunks[index].number == number,
            chunks[index].content.remove(remainder)
        else { return false }
        count -= 1
        if chunks[index].content.isEmpty { chunks.remove(at: index) }
        return true
    }

    /// The least offset at or after `start`.
    package func first(from start: Offset = .zero) -> Offset? {
        let (number, remainder) = OffsetSet.split(start)
        var index = firstChunk(from: number)
        while index < chunks.count {
            let from = chunks[index].number == number ? remainder : 0
            if let found = chunks[index].content.first(from: from) {
                return Offset(chunks[index].number << 16 | Int64(found))
            }
            index += 1
        }
        return nil
    }

    /// Takes out all offsets from `start` on.
    package mutating func removeAll(from start: Offset) {
        while let found = first(from: start) {
            let (number, remainder) = OffsetSet.split(found)
            let index = firstChunk(from: number)
            guard remainder == 0 || chunks[index].content.first(from: 0) == remainder else {
                remove(found)
                continue
            }
            count -= chunks[index].content.count
            chunks.remove(at: index)
        }
    }

    /// Calls `body` with each offset, in ascending order.
    package func forEach(_ body: (Offset) -> Void) {
        for chunk in chunks {
            let base = chunk.number << 16
            switch chunk.content {
            case .few(let list): for remainder in list { body(Offset(base | Int64(remainder))) }
            case .many(let words, _):
                for (index, word) in words.enumerated() {
                    var word = word
                    while word != 0 {
                        body(Offset(base | Int64(index << 6 | word.trailingZeroBitCount)))
                        word &= word - 1
                    }
                }
            }
        }
    }

    private static func split(_ offset: Offset) -> (Int64, UInt16) {
        (offset.rawValue >> 16, UInt16(truncatingIfNeeded: offset.rawValue))
    }

    private func firstChunk(from number: Int64) -> Int {
        // Most that is added or asked for is in the last chunk or behind it.
        guard let last = chunks.last, last.number >= number else { return chunks.count }
        if last.number == number { return chunks.count - 1 }
        var (low, high) = (0, chunks.count)
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension OffsetSet.Content {
    fileprivate var count: Int {
        switch self {
        case .few(let list): list.count
        case .many(_, let count): count
        }
    }

    fileprivate var isEmpty: Bool { count == 0 }

    fileprivate func first(from remainder: UInt16) -> UInt16? {
        switch self {
        case .few(let list):
            let place = list.firstIndex(from: remainder)
            return place < list.count ? list[place] : nil
        case .many(let words, _):
            var index = Int(remainder >> 6)
            var word = words[index] & (UInt64.max << UInt64(remainder & 63))
            while word == 0 {
                index += 1
                guard index < words.count else { return nil }
                word = words[index]
            }
            return UInt16(index << 6 | word.trailingZeroBitCount)
        }
    }

    fileprivate mutating func insert(_ remainder: UInt16) -> Bool {
        switch self {
        case .few(var list):
            // Nothing else may hold the list while it changes, or it would be copied.
            self = .few([])
            defer { self = list.count > OffsetSet.listMax ? .bitmap(list) : .few(list) }
            if let last = list.last, last < remainder {
                list.append(remainder)
                return true
            }
            let place = list.firstIndex(from: remainder)
            if place < list.count, list[place] == remainder { return false }
            list.insert(remainder, at: place)
            return true
        case .many(var words, var count):
            self = .few([])
            defer { self = .many(words, count: count) }
            let bit = UInt64(1) << UInt64(remainder & 63)
            guard words[Int(remainder >> 6)] & bit == 0 else { return false }
            words[Int(remainder >> 6)] |= bit
            count += 1
            return true
        }
    }

    fileprivate mutating func remove(_ remainder: UInt16) -> Bool {
        switch self {
        case .few(var list):
            let place = list.firstIndex(from: remainder)
            guard place < list.count, list[place] == remainder else { return false }
            self = .few([])
            list.remove(at: place)
            self = .few(list)
            return true
        case .many(var words, let count):
            let bit = UInt64(1) << UInt64(remainder & 63)
            guard words[Int(remainder >> 6)] & bit != 0 else { return false }
            self = .few([])
            words[Int(remainder >> 6)] &= ~bit
            self = .many(words, count: count - 1)
            if count - 1 < OffsetSet.bitmapMin { self = .few(remainders) }
            return true
        }
    }

    private static func bitmap(_ list: [UInt16]) -> Self {
        var words = [UInt64](repeating: 0, count: 1024)
        for remainder in list { words[Int(remainder >> 6)] |= 1 << UInt64(remainder & 63) }
        return .many(words, count: list.count)
    }

    private var remainders: [UInt16] {
        var found: [UInt16] = []
        found.reserveCapacity(count)
        var next = first(from: 0)
        while let remainder = next {
            found.append(remainder)
            next = remainder == .max ? nil : first(from: remainder + 1)
        }
        return found
    }
}

extension [UInt16] {
    /// The first index whose element is at least `remainder`.
    fileprivate func firstIndex(from remainder: UInt16) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < remainder { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
