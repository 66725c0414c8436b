// SPDX-License-Identifier: Apache-2.0

// All transactional ids, and which producer ids may have been given: the fold of the coordinator's log. Each change holds a whole transaction,
// so that the last one wins; binary, because several are written for every transaction.

import ApusModel
import NIOCore

/// One thing that happened to transactions and must outlive the process.
enum TransactionChange: StateChange, Hashable {
    /// Forget everything: a snapshot follows in the same batch.
    case reset
    /// The transactional id stands so.
    case transaction(String, Transaction)
    /// The transactional id is not known any more.
    case forgotten(String)
    /// Producer ids below this one may have been given.
    case reserved(Int64)

    private enum Operation: UInt8 {
        case reset = 0, transaction, forgotten, reserved
        /// A transaction whose producer will be somebody else.
        case transactionWithNext
    }

    func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .reset: buffer.writeInteger(Operation.reset.rawValue)
        case .transaction(let name, let transaction):
            let operation = transaction.next == nil ? Operation.transaction : .transactionWithNext
            buffer.writeInteger(operation.rawValue)
            buffer.writeText(name)
            transaction.encode(into: &buffer)
            guard let next = transaction.next else { return }
            buffer.writeVarint(next.id)
            buffer.writeVarint(Int64(next.epoch))
        case .forgotten(let name):
            buffer.writeInteger(Operation.forgotten.rawValue)
            buffer.writeText(name)
        case .reserved(let end):
            buffer.writeInteger(Operation.reserved.rawValue)
            buffer.writeVarint(end)
        }
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) -> [TransactionChange]? {
        var reader = ByteReader(bytes)
        var changes: [TransactionChange] = []
        while reader.remaining > 0 {
            guard let change = decodeOne(&reader) else { return nil }
            changes.append(change)
        }
        return changes
    }

    private static func decodeOne(_ reader: inout ByteReader) -> TransactionChange? {
        guard let byte: UInt8 = reader.integer(), let operation = Operation(rawValue: byte) else {
            return nil
        }
        switch operation {
        case .reset: return .reset
        case .reserved: return reader.varint().map { .reserved($0) }
        case .forgotten: return reader.text().map { .forgotten($0) }
        case .transaction, .transactionWithNext:
            guard let name = reader.text(), var transaction = Transaction(&reader) else { return nil }
            guard operation == .transactionWithNext else { return .transaction(name, transaction) }
            guard let next = reader.producer() else { return nil }
            transaction.next = next
            return .transaction(name, transaction)
        }
    }
}

extension Transaction {
    fileprivate func encode(into buffer: inout ByteBuffer) {
        buffer.writeInteger(state.rawValue)
        buffer.writeVarint(producer.id)
        buffer.writeVarint(Int64(producer.epoch))
        buffer.writeVarint(previous?.id ?? -1)
        buffer.writeVarint(Int64(previous?.epoch ?? -1))
        buffer.writeVarint(timeout.milliseconds)
        buffer.writeVarint(updated.rawValue)
        buffer.writeVarint(started == nil ? 0 : 1)
        if let started { buffer.writeVarint(started.rawValue) }
        buffer.writeVarint(Int64(places.count))
        for place in places.sorted() {
            buffer.writeIdentity(place.topic)
            buffer.writeVarint(Int64(place.partition))
        }
        buffer.writeVarint(Int64(groups.count))
        for group in groups.sorted() { buffer.writeText(group) }
    }

    fileprivate init?(_ reader: inout ByteReader) {
        guard let state: UInt8 = reader.integer(), let state = TransactionState(rawValue: state),
            let producer = reader.producer(), let previous = reader.producer(),
            let timeout = reader.varint(), timeout >= 0, let updated = reader.varint(),
            let isStarted = reader.count(upTo: 1)
        else { return nil }
        self.init(
            producer: producer.id, timeout: .milliseconds(timeout), at: Timestamp(milliseconds: updated))
        self.state = state
        self.producer = producer
        self.previous = previous.id < 0 ? nil : previous
        if isStarted == 1 {
            guard let started = reader.varint() else { return nil }
            self.started = Timestamp(milliseconds: started)
        }
        guard let count = reader.count(upTo: reader.remaining / 17) else { return nil }
        for _ in 0..<count {
            guard let topic = reader.identity(), let partition = reader.count(upTo: Int(Int32.max)) else {
                return nil
            }
            places.insert(OffsetPlace(topic: topic, partition: Int32(partition)))
        }
        guard let count = reader.count(upTo: reader.remaining) else { return nil }
        for _ in 0..<count {
            guard let group = reader.text() else { return nil }
            groups.insert(group)
        }
    }
}

extension ByteReader {
    fileprivate mutating func producer() -> ProducerIdentity? {
        guard let id = varint(), let epoch = varint(), let epoch = Int16(exactly: epoch) else { return nil }
        return ProducerIdentity(id: id, epoch: epoch)
    }
}

/// All transactional ids.
struct TransactionTable: StateFold {
    private(set) var transactions: [String: Transaction] = [:]
    /// The transactional id that each producer id belongs to.
    private(set) var names: [Int64: String] = [:]
    /// Producer ids below this one may have been given.
    private(set) var reserved = ProducerNumbers.first

    init() {}

    mutating func apply(_ change: TransactionChange) {
        switch change {
        case .reset: self = TransactionTable()
        case .transaction(let name, let transaction):
            if let old = transactions.updateValue(transaction, forKey: name),
                old.producer.id != transaction.producer.id
            {
                names[old.producer.id] = nil
            }
            names[transaction.producer.id] = name
        case .forgotten(let name):
            if let old = transactions.removeValue(forKey: name) { names[old.producer.id] = nil }
        case .reserved(let end): reserved = max(reserved, end)
        }
    }

    func forEachChange(_ body: (TransactionChange) -> Bool) {
        guard body(.reserved(reserved)) else { return }
        for (name, transaction) in transactions {
            guard body(.transaction(name, transaction)) else { return }
        }
    }

    /// Whether the producer has a transaction under way that the partition takes part in.
    func isInTransaction(_ place: OffsetPlace, _ producer: ProducerIdentity) -> Bool {
        guard let name = names[producer.id], let found = transactions[name] else { return false }
        return found.state == .ongoing && found.producer == producer && found.places.contains(place)
    }
}

/// Producer ids that are given out. They are reserved in blocks before, so that after a crash none is given again.
struct ProducerNumbers: Sendable {
    /// The first that is given.
    static let first: Int64 = 1
    /// None is given from here on. The broker's own batches (copies of rules, dead letters, what was due) carry a producer id and no sequence, which
    /// tells them from those of clients, whatever the id.
    static let end: Int64 = 1 << 48
    static let block: Int64 = 1000

    private var next: Int64
    private var reserved: Int64

    /// Goes on where the ones that may have been given end.
    init(reserved: Int64) { (next, self.reserved) = (reserved, reserved) }

    /// The next id, and what has to be durable before anybody gets it, if there is anything.
    ///
    /// - Parameter durable: what is reserved for certain.
    mutating func allocate(
        durable: Int64
    ) throws(CoordinatorError) -> (id: Int64, change: TransactionChange?) {
        guard next < ProducerNumbers.end else { throw .limitReached("all producer ids have been given") }
        defer { next += 1 }
        if next >= reserved { reserved = next + ProducerNumbers.block }
        return (next, next < durable ? nil : .reserved(reserved))
    }

    /// What was to be reserved could not be. The ids are passed over nevertheless: the disk may know of them.
    mutating func failed(durable: Int64) { reserved = min(reserved, durable) }
}
