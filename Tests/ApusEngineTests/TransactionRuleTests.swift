// SPDX-License-Identifier: Apache-2.0

// What may become of one transactional id: each rule of the state machine by its name, without log and partitions.

import ApusModel
import NIOCore
import TestThreads
import Testing

@testable import ApusEngine

@Suite struct TransactionRuleTests {
    private let time = Timestamp(milliseconds: 1000)
    private let place = OffsetPlace(topic: LogID(high: 1, low: 0), partition: 3)

    private func fresh(epoch: Int16 = 0) -> Transaction {
        var transaction = Transaction(producer: 7, timeout: .seconds(60), at: time)
        transaction.producer.epoch = epoch
        return transaction
    }

    private func ongoing(epoch: Int16 = 0) throws -> Transaction {
        var transaction = fresh(epoch: epoch)
        _ = try transaction.add(
            [place], groups: ["g"], of: transaction.producer, limit: 100, at: time)
        return transaction
    }

    private func initialise(
        _ transaction: inout Transaction, expected: ProducerIdentity? = nil
    ) throws -> Transaction.Initialisation {
        try transaction.initialise(expected: expected, timeout: .seconds(60), at: time) { 99 }
    }

    // MARK: Identity

    @Test func `each life of a producer has the next epoch`() throws {
        var transaction = fresh()
        #expect(try initialise(&transaction) == .ready)
        #expect(transaction.producer == ProducerIdentity(id: 7, epoch: 1))
        #expect(transaction.state == .empty)
    }

    @Test func `a transaction that was left behind is aborted with the next epoch`() throws {
        var transaction = try ongoing()
        #expect(try initialise(&transaction) == .aborting)
        #expect(transaction.state == .prepareAbort)
        #expect(transaction.producer.epoch == 1)
        #expect(transaction.places == [place])
        #expect(throws: CoordinatorError.concurrentTransactions) { try initialise(&transaction) }
        transaction.complete(at: time)
        #expect(try initialise(&transaction) == .ready)
        #expect(transaction.producer.epoch == 2)
    }

    @Test func `a producer whose epochs are used up gets another id`() throws {
        var transaction = fresh(epoch: .max - 2)
        _ = try initialise(&transaction)
        #expect(transaction.producer == ProducerIdentity(id: 7, epoch: .max - 1))
        _ = try initialise(&transaction)
        #expect(transaction.producer == ProducerIdentity(id: 99, epoch: 0))
    }

    @Test func `the last epoch is left for fencing`() throws {
        var transaction = try ongoing(epoch: .max - 1)
        transaction.fence(at: time)
        #expect(transaction.producer == ProducerIdentity(id: 7, epoch: .max))
        transaction.complete(at: time)
        _ = try initialise(&transaction)
        #expect(transaction.producer == ProducerIdentity(id: 99, epoch: 0))
    }

    @Test func `a producer that goes on after an error gets the next epoch, also when it asks twice`() throws
    {
        var transaction = fresh()
        let before = transaction.producer
        #expect(try initialise(&transaction, expected: before) == .ready)
        let after = transaction.producer
        #expect(after.epoch == 1)
        #expect(try initialise(&transaction, expected: before) == .ready)
        #expect(transaction.producer == after)
    }

    @Test func `a producer that asks twice at the end of its epochs gets the same new id`() throws {
        var transaction = fresh(epoch: .max - 1)
        let before = transaction.producer
        _ = try initialise(&transaction, expected: before)
        #expect(transaction.producer == ProducerIdentity(id: 99, epoch: 0))
        _ = try initialise(&transaction, expected: before)
        #expect(transaction.producer == ProducerIdentity(id: 99, epoch: 0))
    }

    @Test func `a producer that somebody else has taken over from cannot go on`() throws {
        var transaction = fresh()
        let before = transaction.producer
        _ = try initialise(&transaction)
        #expect(throws: CoordinatorError.producerFenced) { try initialise(&transaction, expected: before) }
        let stranger = ProducerIdentity(id: 8, epoch: 1)
        #expect(throws: CoordinatorError.producerFenced) { try initialise(&transaction, expected: stranger) }
    }

    @Test func `a late repeat does not abort what was begun since`() throws {
        var transaction = fresh()
        let before = transaction.producer
        _ = try initialise(&transaction, expected: before)
        _ = try transaction.add([place], groups: [], of: transaction.producer, limit: 100, at: time)
        #expect(throws: CoordinatorError.producerFenced) { try initialise(&transaction, expected: before) }
        #expect(transaction.state == .ongoing)
    }

    // MARK: Adding

    @Test func `the first partition begins a transaction and a repeat changes nothing`() throws {
        var transaction = fresh()
        let producer = transaction.producer
        #expect(try transaction.add([place], groups: [], of: producer, limit: 100, at: time))
        #expect(transaction.state == .ongoing)
        #expect(transaction.started == time)
        let later = time.advanced(by: .seconds(5))
        #expect(try !transaction.add([place], groups: [], of: producer, limit: 100, at: later))
        #expect(try transaction.add([], groups: ["g"], of: producer, limit: 100, at: later))
        #expect(transaction.started == time)
    }

    @Test func `only its producer in its present epoch can do anything`() throws {
        var transaction = try ongoing(epoch: 3)
        for (asking, error) in [
            (ProducerIdentity(id: 7, epoch: 2), CoordinatorError.producerFenced),
            (ProducerIdentity(id: 7, epoch: 4), .producerFenced),
            (ProducerIdentity(id: 8, epoch: 3), .unknownProducer),
        ] {
            #expect(throws: error) {
                try transaction.add([place], groups: [], of: asking, limit: 100, at: time)
            }
            #expect(throws: error) { try transaction.end(isCommit: true, of: asking, at: time) }
            #expect(throws: error) { try transaction.checkOffsets(of: "g", by: asking) }
        }
    }

    @Test func `nothing is added while the end of the transaction is being written`() throws {
        var transaction = try ongoing()
        _ = try transaction.end(isCommit: true, of: transaction.producer, at: time)
        let producer = transaction.producer
        #expect(throws: CoordinatorError.concurrentTransactions) {
            try transaction.add([place], groups: [], of: producer, limit: 100, at: time)
        }
        transaction.complete(at: time)
        #expect(transaction.places.isEmpty && transaction.started == nil)
        #expect(try transaction.add([place], groups: [], of: producer, limit: 100, at: time))
        #expect(transaction.state == .ongoing)
    }

    @Test func `a transaction has only so many partitions`() throws {
        var transaction = try ongoing()
        let more = (0..<99).map { OffsetPlace(topic: LogID(high: 2, low: 0), partition: $0) }
        #expect(throws: CoordinatorError.self) {
            try transaction.add(more, groups: [], of: transaction.producer, limit: 100, at: time)
        }
        #expect(transaction.places.count == 1)
    }

    @Test func `positions need a group that was added`() throws {
        let transaction = try ongoing()
        try transaction.checkOffsets(of: "g", by: transaction.producer)
        #expect(throws: CoordinatorError.invalidTransactionState) {
            try transaction.checkOffsets(of: "other", by: transaction.producer)
        }
        #expect(throws: CoordinatorError.invalidTransactionState) {
            try fresh().checkOffsets(of: "g", by: transaction.producer)
        }
    }

    // MARK: Ending

    @Test(arguments: [true, false])
    func `a decision stays, its repeat is fine and the opposite is refused`(isCommit: Bool) throws {
        var transaction = try ongoing()
        let producer = transaction.producer
        #expect(try transaction.end(isCommit: isCommit, of: producer, at: time))
        #expect(transaction.state == (isCommit ? .prepareCommit : .prepareAbort))
        #expect(throws: CoordinatorError.concurrentTransactions) {
            try transaction.end(isCommit: isCommit, of: producer, at: time)
        }
        #expect(throws: CoordinatorError.invalidTransactionState) {
            try transaction.end(isCommit: !isCommit, of: producer, at: time)
        }
        transaction.complete(at: time)
        #expect(transaction.state == (isCommit ? .completeCommit : .completeAbort))
        #expect(try !transaction.end(isCommit: isCommit, of: producer, at: time))
        #expect(throws: CoordinatorError.invalidTransactionState) {
            try transaction.end(isCommit: !isCommit, of: producer, at: time)
        }
    }

    @Test func `a transaction that was not begun cannot be ended`() {
        var transaction = fresh()
        #expect(throws: CoordinatorError.invalidTransactionState) {
            try transaction.end(isCommit: true, of: transaction.producer, at: time)
        }
    }

    @Test func `whose time is over is fenced`() throws {
        var transaction = try ongoing()
        let producer = transaction.producer
        transaction.fence(at: time)
        #expect(transaction.state == .prepareAbort)
        #expect(throws: CoordinatorError.producerFenced) {
            try transaction.end(isCommit: true, of: producer, at: time)
        }
        let fenced = transaction
        transaction.fence(at: time)
        #expect(transaction == fenced)
    }

    // MARK: Many of them

    @Test func `a repeat is not answered before what it repeats is durable`() throws {
        var table = TransactionTable()
        var coordinator = TransactionCoordinator(table, idsMax: 10, partitionsMax: 10)
        let begun = try coordinator.initialise(
            "tx", timeout: .seconds(60), expected: nil, table, at: time)
        for change in begun.changes { table.apply(change) }
        coordinator.confirmed(begun.changes)
        let producer = try #require(begun.value)
        func add() throws -> [TransactionChange] {
            try coordinator.add([place], groups: [], to: "tx", of: producer, table, at: time).changes
        }
        let (first, second) = (try add(), try add())
        #expect(!first.isEmpty && !second.isEmpty)
        for change in first { table.apply(change) }
        coordinator.confirmed(first)
        #expect(try !add().isEmpty)
        for _ in 0..<2 { coordinator.confirmed(second) }
        #expect(try add().isEmpty)
    }

    @Test func `what could not be written down was not decided`() throws {
        var table = TransactionTable()
        var coordinator = TransactionCoordinator(table, idsMax: 10, partitionsMax: 10)
        let begun = try coordinator.initialise(
            "tx", timeout: .seconds(60), expected: nil, table, at: time)
        for change in begun.changes { table.apply(change) }
        coordinator.confirmed(begun.changes)
        let producer = try #require(begun.value)
        _ = try coordinator.add([place], groups: [], to: "tx", of: producer, table, at: time)
        _ = try coordinator.end("tx", isCommit: true, of: producer, table, at: time)
        coordinator.failed(table)
        #expect(coordinator.current("tx", table)?.state == .empty)
        #expect(throws: CoordinatorError.invalidTransactionState) {
            try coordinator.end("tx", isCommit: true, of: producer, table, at: time)
        }
    }

    @Test func `the bytes of positions are those of a snapshot at most, and nothing when all are gone`() {
        var generator = SeededGenerator(seed: 11)
        var table = OffsetTable()
        var pendingOf: Set<Int64> = []
        func positions() -> [OffsetPlace: CommittedOffset] {
            var positions: [OffsetPlace: CommittedOffset] = [:]
            for _ in 0..<Int.random(in: 1..<4, using: &generator) {
                let topic = LogID(high: UInt64.random(in: 0..<3, using: &generator), low: 0)
                let metadata = String(repeating: "m", count: Int.random(in: 0..<9, using: &generator))
                positions[
                    OffsetPlace(topic: topic, partition: Int32.random(in: 0..<3, using: &generator))] =
                    CommittedOffset(Offset(.max), leaderEpoch: .max, metadata: metadata, time: time)
            }
            return positions
        }
        for _ in 0..<3000 {
            let group = "group-\(Int.random(in: 0..<4, using: &generator))"
            let producer = Int64.random(in: 1..<5, using: &generator)
            switch Int.random(in: 0..<20, using: &generator) {
            case 0: table.apply(.groupDeleted(group: group))
            case 1: table.apply(.topicDeleted(LogID(high: 1, low: 0)))
            case 2: table.apply(.deleted(group: group, Array(positions().keys)))
            case 3..<8:
                table.apply(.ended(producerID: producer, isCommit: producer % 2 == 0))
                pendingOf.remove(producer)
            case 8..<14:
                table.apply(.pending(group: group, producerID: producer, positions()))
                pendingOf.insert(producer)
            default: table.apply(.committed(group: group, positions()))
            }
            var snapshot = ByteBuffer()
            var copy = OffsetTable()
            table.forEachChange { change in
                change.encode(into: &snapshot)
                copy.apply(change)
                return true
            }
            #expect(snapshot.readableBytes <= table.bytes)
            #expect(copy.bytes == table.bytes && copy.topics == table.topics)
            #expect(copy.producers == table.producers)
            #expect(Set(table.producers.keys).isSubset(of: pendingOf))
        }
        for number in 0..<4 { table.apply(.groupDeleted(group: "group-\(number)")) }
        #expect(table.bytes == 0 && table.topics.isEmpty && table.producers.isEmpty && table.groups.isEmpty)
    }

    // MARK: Bytes

    @Test func `what is written is what is read, and cut or wrong bytes are nothing`() throws {
        var decided = try ongoing()
        _ = try decided.end(isCommit: true, of: decided.producer, at: time)
        var renewed = fresh()
        _ = try initialise(&renewed, expected: renewed.producer)
        let changes: [TransactionChange] = [
            .reset, .transaction("a", decided), .transaction("ü", renewed), .forgotten("b"),
            .reserved(1 << 40),
        ]
        for change in changes {
            let bytes = encoded(change)
            #expect(bytes.withUnsafeBytes { TransactionChange.decode($0) } == [change])
            for length in 1..<max(bytes.count, 2) {
                let cut = bytes.prefix(length)
                let read = cut.withUnsafeBytes { TransactionChange.decode($0) }
                #expect(read == nil || length == bytes.count)
            }
        }
        #expect([UInt8(9)].withUnsafeBytes { TransactionChange.decode($0) } == nil)
    }

    @Test func `positions are read as they were written`() {
        let positions = [
            place: CommittedOffset(Offset(5), leaderEpoch: 3, metadata: "m", time: time),
            OffsetPlace(topic: LogID(high: 1, low: 0), partition: 4): CommittedOffset(Offset(6)),
            OffsetPlace(topic: LogID(high: 2, low: 0), partition: 0): CommittedOffset(Offset(.max)),
        ]
        let changes: [OffsetChange] = [
            .reset, .committed(group: "g", positions), .pending(group: "g", producerID: 8, positions),
            .ended(producerID: 8, isCommit: true), .deleted(group: "g", [place]), .groupDeleted(group: "g"),
            .expired(group: "g", before: time), .topicDeleted(LogID(high: 2, low: 0)),
            .touched(group: "g", time),
        ]
        for change in changes {
            let bytes = encoded(change)
            #expect(bytes.withUnsafeBytes { OffsetChange.decode($0) } == [change])
            for length in 1..<max(bytes.count, 2) where length < bytes.count {
                #expect(bytes.prefix(length).withUnsafeBytes { OffsetChange.decode($0) } == nil)
            }
        }
    }

    @Test func `producer ids are never given twice and end somewhere`() throws {
        var table = TransactionTable()
        var given: Set<Int64> = []
        for _ in 0..<4 {
            // A life that ends without notice, with a write that failed in between.
            var numbers = ProducerNumbers(reserved: table.reserved)
            for round in 0..<1500 {
                let (id, change) = try numbers.allocate(durable: table.reserved)
                if round == 700 {
                    numbers.failed(durable: table.reserved)
                    continue
                }
                if let change { table.apply(change) }
                #expect(id < table.reserved)
                #expect(given.insert(id).inserted)
            }
        }
        var last = ProducerNumbers(reserved: ProducerNumbers.end - 1)
        #expect(try last.allocate(durable: .max).id == ProducerNumbers.end - 1)
        #expect(throws: CoordinatorError.self) { try last.allocate(durable: .max) }
    }

    private func encoded(_ change: some StateChange) -> [UInt8] {
        var buffer = ByteBuffer()
        change.encode(into: &buffer)
        return Array(buffer.readableBytesView)
    }
}
