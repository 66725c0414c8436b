// SPDX-License-Identifier: Apache-2.0

// A partition's producers as bytes: what is stored of them, so that a start reads only the batches that came afterwards. What is under way is
// left out; it either is among those batches or never was.

import ApusModel
import NIOCore

/// The producers of one partition, as far as they follow from the batches before `next` (and maybe some after it, which then change nothing).
struct ProducerSnapshot: Sendable {
    private static let version: UInt8 = 1

    var partition: Int
    /// From where on batches have to be looked at.
    var next: Offset
    var table: ProducerTable

    func encode(into buffer: inout ByteBuffer) {
        buffer.writeInteger(ProducerSnapshot.version)
        buffer.write(Int64(partition), next.rawValue)
        let producers = table.producers.filter { $0.value.newest >= .zero }.sorted { $0.key < $1.key }
        buffer.write(Int64(producers.count))
        for (id, producer) in producers {
            let transaction = producer.transaction.flatMap { $0.isExact ? $0.first : nil }
            buffer.write(
                id, Int64(producer.epoch), producer.expectedOfStored.map { Int64($0) } ?? -1,
                producer.newest.rawValue, producer.seen.rawValue, transaction?.rawValue ?? -1)
            let stored = producer.batches.filter { $0.offset != nil && $0.epoch == producer.epoch }
            buffer.write(Int64(stored.count))
            for batch in stored {
                buffer.write(
                    Int64(batch.first), Int64(batch.last), batch.offset?.rawValue ?? -1, batch.time.rawValue,
                    batch.isTransactional ? 1 : 0)
            }
        }
        buffer.write(table.aborted.knownFrom.rawValue, Int64(table.aborted.entries.count))
        for entry in table.aborted.entries {
            buffer.write(
                entry.producerID, entry.first.rawValue, entry.last.rawValue, entry.stable.rawValue)
        }
    }

    init(partition: Int, next: Offset, table: ProducerTable) {
        self.partition = partition
        self.next = next
        self.table = table
    }

    /// Nil when the bytes are none.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard reader.integer(as: UInt8.self) == ProducerSnapshot.version,
            let partition = reader.number(in: 0..<1 << 24), let next = reader.offset(),
            let producers = reader.producers(), let knownFrom = reader.offset(),
            let aborted = reader.aborted()
        else { return nil }
        self.init(
            partition: Int(partition), next: next,
            table: ProducerTable(
                producers: producers, aborted: AbortedTransactions(aborted, knownFrom: knownFrom)))
    }
}

extension ProducerState {
    /// The number that the next batch would begin with if nothing were under way.
    fileprivate var expectedOfStored: Int32? {
        guard let expected, batches.contains(where: { $0.offset == nil && $0.epoch == epoch }) else {
            return self.expected
        }
        let newest = batches.filter { $0.offset != nil && $0.epoch == epoch }.min {
            Sequences.distance(from: $0.last, to: expected) < Sequences.distance(from: $1.last, to: expected)
        }
        return newest.map { Sequences.next($0.last) } ?? 0
    }
}

extension ByteBuffer {
    fileprivate mutating func write(_ numbers: Int64...) {
        for number in numbers { writeVarint(number) }
    }
}

extension ByteReader {
    fileprivate mutating func number(in range: Range<Int64>) -> Int64? {
        guard let number = varint(), range.contains(number) else { return nil }
        return number
    }

    fileprivate mutating func sequence() -> Int32? { number(in: 0..<1 << 31).map { Int32($0) } }

    fileprivate mutating func offset() -> Offset? { number(in: 0..<Int64.max).map { Offset($0) } }

    /// How many things of at least `length` bytes each follow.
    fileprivate mutating func count(of length: Int) -> Int? {
        number(in: 0..<Int64(remaining / length + 1)).map { Int($0) }
    }

    fileprivate mutating func producers() -> [Int64: ProducerState]? {
        guard let count = count(of: 7) else { return nil }
        var producers: [Int64: ProducerState] = [:]
        for _ in 0..<count {
            guard let id = number(in: 0..<Int64.max), let producer = producer() else { return nil }
            producers[id] = producer
        }
        return producers
    }

    private mutating func producer() -> ProducerState? {
        guard let epoch = number(in: 0..<1 << 15), let expected = number(in: -1..<1 << 31),
            let newest = offset(), let seen = varint(), let first = number(in: -1..<Int64.max),
            let count = count(of: 5)
        else { return nil }
        var producer = ProducerState(epoch: Int16(epoch), seen: Timestamp(milliseconds: seen))
        producer.expected = expected < 0 ? nil : Int32(expected)
        producer.newest = newest
        if first >= 0 {
            producer.transaction = ProducerState.Transaction(first: Offset(first), isExact: true, batches: 1)
        }
        for _ in 0..<count {
            guard let first = sequence(), let last = sequence(), let offset = offset(), let time = varint(),
                let isTransactional = number(in: 0..<2)
            else { return nil }
            producer.batches.append(
                ProducerState.Batch(
                    epoch: Int16(epoch), first: first, last: last, time: Timestamp(milliseconds: time),
                    isTransactional: isTransactional == 1, offset: offset))
        }
        return producer
    }

    fileprivate mutating func aborted() -> [AbortedTransactions.Entry]? {
        guard let count = count(of: 4) else { return nil }
        var entries: [AbortedTransactions.Entry] = []
        for _ in 0..<count {
            guard let id = number(in: 0..<Int64.max), let first = offset(), let last = offset(),
                let stable = offset()
            else { return nil }
            entries.append(
                AbortedTransactions.Entry(producerID: id, first: first, last: last, stable: stable))
        }
        return entries
    }
}
