// SPDX-License-Identifier: Apache-2.0

// Transactions as producers see them: decided before the first marker, carried out whatever happens in between, and each of the steps on the
// way survives a restart.

import ApusEngine
import ApusModel
import ApusStorage
import ApusTesting
import Synchronization
import Testing

@Suite struct TransactionTests {
    private static let log = LogID(high: 0x6170_7573, low: 4 << 24)
    private static let offsetsLog = LogID(high: 0x6170_7573, low: 3 << 24)

    // MARK: Producers

    @Test func `producers get ids that nobody had before, also after a restart`() throws {
        var rig = try EngineRig()
        var given: Set<Int64> = []
        for _ in 0..<3 {
            for _ in 0..<1200 {
                let producer = try rig.producer()
                #expect(producer.epoch == 0)
                #expect(given.insert(producer.id).inserted)
            }
            rig = try rig.restarted()
        }
    }

    @Test func `an id that cannot be noted is not given`() throws {
        let rig = try EngineRig()
        rig.store.refuseAppends(to: TransactionTests.log, with: .diskFull)
        #expect(throws: CoordinatorError.broker(.unavailable(.diskFull))) { try rig.producer() }
        rig.store.refuseAppends(to: TransactionTests.log, with: nil)
        _ = try rig.producer()
    }

    @Test func `a transactional id keeps its producer id over restarts, and each life has the next epoch`()
        async throws
    {
        let board = MarkerBoard()
        var rig = try await board.rig()
        let first = try rig.producer("tx")
        for epoch in 1..<4 {
            rig = try board.restart(rig)
            #expect(try rig.producer("tx") == ProducerIdentity(id: first.id, epoch: Int16(epoch)))
        }
        #expect(try rig.producer("other").id != first.id)
    }

    @Test func `a timeout that is too long is refused`() async throws {
        let rig = try await MarkerBoard().rig()
        for timeout in [Duration.zero, .seconds(901)] {
            #expect(throws: CoordinatorError.invalidTimeout) { try rig.producer("tx", timeout: timeout) }
        }
        _ = try rig.producer("tx", timeout: .seconds(900))
        #expect(throws: CoordinatorError.self) { try rig.producer("") }
    }

    // MARK: The way of a transaction

    @Test func `a commit marks every partition and puts positions in force`() async throws {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let producer = try rig.producer("tx")
        #expect(rig.add([0, 2], to: "tx", producer) == [nil, nil])
        #expect(rig.addGroup("g", to: "tx", producer) == nil)
        #expect(try rig.commit(5, of: "g", in: "tx", producer) == [nil])
        #expect(try rig.positions("g") == [:])
        #expect(try rig.engine.committedOffsets(group: "g").map(\.isPending) == [true])
        let described = try rig.engine.transaction("tx")
        #expect(described.state == .ongoing)
        #expect(described.partitions.map(\.partition) == [0, 2])
        #expect(described.groups == ["g"])
        #expect(board.markers.isEmpty)
        #expect(rig.end("tx", producer, isCommit: true) == nil)
        #expect(board.markers == ["out/0 commit \(producer.id)-0", "out/2 commit \(producer.id)-0"])
        #expect(try rig.positions("g") == ["out/0": 5])
        #expect(try rig.engine.committedOffsets(group: "g").map(\.isPending) == [false])
        #expect(try rig.engine.transaction("tx").state == .completeCommit)
        #expect(rig.end("tx", producer, isCommit: true) == nil)
        #expect(rig.end("tx", producer, isCommit: false) == .invalidTransactionState)
        #expect(board.markers.count == 2)
    }

    @Test func `an abort drops positions`() async throws {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let producer = try rig.producer("tx")
        try rig.commit("g", [("out", 0, CommittedOffset(Offset(1)))])
        _ = rig.add([1], to: "tx", producer)
        _ = rig.addGroup("g", to: "tx", producer)
        _ = try rig.commit(5, of: "g", in: "tx", producer)
        #expect(rig.end("tx", producer, isCommit: false) == nil)
        #expect(board.markers == ["out/1 abort \(producer.id)-0"])
        #expect(try rig.positions("g") == ["out/0": 1])
        #expect(try rig.engine.committedOffsets(group: "g").map(\.isPending) == [false])
    }

    @Test func `a position committed otherwise overtakes what a transaction wanted before`() async throws {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let producer = try rig.producer("tx")
        _ = rig.addGroup("g", to: "tx", producer)
        _ = try rig.commit(5, of: "g", in: "tx", producer)
        try rig.commit("g", [("out", 0, CommittedOffset(Offset(9)))])
        #expect(rig.end("tx", producer, isCommit: true) == nil)
        #expect(try rig.positions("g") == ["out/0": 9])
        #expect(try rig.engine.committedOffsets(group: "g").map(\.isPending) == [false])
    }

    @Test func `one partition that does not exist and none is added`() async throws {
        let rig = try await MarkerBoard().rig()
        let producer = try rig.producer("tx")
        #expect(rig.add([0, 9], to: "tx", producer) == [.notAttempted, .unknownPartition])
        #expect(try rig.engine.transaction("tx").state == .empty)
        #expect(rig.add([0], to: "unknown", producer) == [.unknownProducer])
    }

    @Test func `a batch belongs to a transaction once its partition was added durably`() async throws {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let producer = try rig.producer("tx")
        let place = TopicPartition(try ResourceName("out"), 1)
        let other = TopicPartition(try ResourceName("out"), 2)
        #expect(!rig.engine.isInTransaction(place, producer))
        rig.store.refuseAppends(to: TransactionTests.log, with: .diskFull)
        #expect(rig.add([1], to: "tx", producer) == [.broker(.unavailable(.diskFull))])
        #expect(!rig.engine.isInTransaction(place, producer))
        rig.store.refuseAppends(to: TransactionTests.log, with: nil)
        #expect(rig.add([1], to: "tx", producer) == [nil])
        #expect(rig.engine.isInTransaction(place, producer))
        #expect(!rig.engine.isInTransaction(other, producer))
        #expect(!rig.engine.isInTransaction(place, ProducerIdentity(id: producer.id, epoch: 1)))
        #expect(try board.restart(rig).engine.isInTransaction(place, producer))
        let again = try board.restart(rig)
        #expect(again.end("tx", producer, isCommit: true) == nil)
        #expect(!again.engine.isInTransaction(place, producer))
    }

    @Test func `a partition takes batches of a transaction from its beginning to its end and no others`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("out")
        let producer = try rig.producer("tx")
        let batch = try rig.batch(["a"], by: .transactional(producer.id, 0))
        #expect(rig.refusal(batch, to: "out") == .invalidTransactionState)
        #expect(rig.add([0], to: "tx", producer) == [nil])
        try rig.append(batch, to: "out")
        #expect(try await rig.values(of: "out").isEmpty)
        #expect(rig.end("tx", producer, isCommit: true) == nil)
        #expect(try await rig.values(of: "out") == ["a"])
        // Late, when nothing would ever end it.
        let late = try rig.batch(["b"], by: .transactional(producer.id, 1))
        #expect(rig.refusal(late, to: "out") == .invalidTransactionState)
        #expect(rig.add([0], to: "tx", producer) == [nil])
        try rig.append(late, to: "out")
        #expect(rig.end("tx", producer, isCommit: false) == nil)
        #expect(try await rig.values(of: "out") == ["a"])
    }

    // MARK: What goes wrong

    @Test func `markers that cannot be written are tried again, and the answer does not wait for ever`()
        async throws
    {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let producer = try rig.producer("tx")
        _ = rig.add([0, 1], to: "tx", producer)
        board.refuse(1, with: MarkerFailure("simulated", isFinal: false))
        let answer = Answer<Result<ProducerIdentity, CoordinatorError>>()
        rig.engine.endTransaction("tx", of: producer, isCommit: true, bumpsEpoch: false) { answer.set($0) }
        rig.settle()
        #expect(answer.value == nil)
        rig.pass(.seconds(2))
        #expect(answer.value == .success(producer))
        #expect(try rig.engine.transaction("tx").state == .prepareCommit)
        #expect(rig.add([0], to: "tx", producer) == [.concurrentTransactions])
        #expect(throws: CoordinatorError.concurrentTransactions) { try rig.producer("tx") }
        board.refuse(1, with: nil)
        rig.pass(.seconds(10))
        #expect(try rig.engine.transaction("tx").state == .completeCommit)
        #expect(Set(board.markers) == ["out/0 commit \(producer.id)-0", "out/1 commit \(producer.id)-0"])
        #expect(board.markers.count == 2)
        #expect(rig.add([0], to: "tx", producer) == [nil])
    }

    @Test func `a partition that refuses for good and a topic that is gone need no marker`() async throws {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let producer = try rig.producer("tx")
        _ = rig.add([0, 1], to: "tx", producer)
        let gone = try ResourceName("gone")
        try await rig.topic("gone")
        #expect(
            rig.told {
                rig.engine.addPartitions([TopicPartition(gone, 0)], to: "tx", of: producer, completion: $0)
            } == [nil])
        try await rig.driving { [engine = rig.engine] in try await engine.deleteTopic(gone, cascade: true) }
        try await rig.topic("gone")
        board.refuse(0, with: MarkerFailure("a later epoch is known", isFinal: true))
        #expect(rig.end("tx", producer, isCommit: true) == nil)
        #expect(board.markers == ["out/1 commit \(producer.id)-0"])
        #expect(try rig.engine.transaction("tx").state == .completeCommit)
    }

    @Test func `a new life aborts what the last one left, and fences it`() async throws {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let old = try rig.producer("tx")
        _ = rig.add([0], to: "tx", old)
        #expect(throws: CoordinatorError.concurrentTransactions) { try rig.producer("tx") }
        rig.settle()
        #expect(board.markers == ["out/0 abort \(old.id)-1"])
        let new = try rig.producer("tx")
        #expect(new == ProducerIdentity(id: old.id, epoch: 2))
        #expect(rig.add([0], to: "tx", old) == [.producerFenced])
        #expect(rig.end("tx", old, isCommit: true) == .producerFenced)
        #expect(rig.add([0], to: "tx", new) == [nil])
    }

    @Test func `a transaction whose time is over is aborted, also when the server was down meanwhile`()
        async throws
    {
        let board = MarkerBoard()
        var rig = try await board.rig()
        let producer = try rig.producer("tx", timeout: .seconds(60))
        _ = rig.add([0], to: "tx", producer)
        rig.pass(.seconds(30))
        _ = rig.add([1], to: "tx", producer)
        rig = try board.restart(rig)
        rig.pass(.seconds(29))
        #expect(try rig.engine.transaction("tx").state == .ongoing)
        rig.pass(.seconds(2))
        #expect(Set(board.markers) == ["out/0 abort \(producer.id)-1", "out/1 abort \(producer.id)-1"])
        #expect(try rig.engine.transaction("tx").state == .completeAbort)
        #expect(rig.end("tx", producer, isCommit: true) == .producerFenced)
        let second = try rig.producer("tx", timeout: .seconds(60))
        _ = rig.add([2], to: "tx", second)
        rig.clock.advance(by: .seconds(3600))
        rig = try board.restart(rig)
        rig.pass(.seconds(1))
        #expect(board.markers.last == "out/2 abort \(producer.id)-3")
    }

    @Test func `a clock that was set back delays a timeout by no more than the timeout`() async throws {
        let board = MarkerBoard()
        var rig = try await board.rig()
        let producer = try rig.producer("tx", timeout: .seconds(60))
        _ = rig.add([0], to: "tx", producer)
        rig.clock.jump(by: .seconds(-86_400 * 365))
        rig = try board.restart(rig)
        rig.pass(.seconds(61))
        #expect(try rig.engine.transaction("tx").state == .completeAbort)
    }

    @Test func `a decision that could not be written was not made`() async throws {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let producer = try rig.producer("tx")
        _ = rig.add([0], to: "tx", producer)
        rig.store.refuseAppends(to: TransactionTests.log, with: .failed("simulated"))
        #expect(rig.end("tx", producer, isCommit: true) == .broker(.unavailable(.diskFailed("simulated"))))
        #expect(board.markers.isEmpty)
        rig.store.refuseAppends(to: TransactionTests.log, with: nil)
        #expect(rig.end("tx", producer, isCommit: false) == nil)
        #expect(board.markers == ["out/0 abort \(producer.id)-0"])
    }

    @Test func `positions that cannot be put in force hold up nothing but the end`() async throws {
        let board = MarkerBoard()
        let rig = try await board.rig()
        let producer = try rig.producer("tx")
        _ = rig.add([0], to: "tx", producer)
        _ = rig.addGroup("g", to: "tx", producer)
        _ = try rig.commit(5, of: "g", in: "tx", producer)
        rig.store.refuseAppends(to: TransactionTests.offsetsLog, with: .diskFull)
        let answer = Answer<Result<ProducerIdentity, CoordinatorError>>()
        rig.engine.endTransaction("tx", of: producer, isCommit: true, bumpsEpoch: false) { answer.set($0) }
        rig.pass(.seconds(3))
        #expect(answer.value == .success(producer))
        #expect(board.markers.count == 1)
        #expect(try rig.engine.committedOffsets(group: "g").map(\.isPending) == [true])
        rig.store.refuseAppends(to: TransactionTests.offsetsLog, with: nil)
        rig.pass(.seconds(10))
        #expect(try rig.positions("g") == ["out/0": 5])
        #expect(try rig.engine.transaction("tx").state == .completeCommit)
    }

    // MARK: Restarts

    @Test func `a transaction is the same after a restart at every step`() async throws {
        let board = MarkerBoard()
        var rig = try await board.rig()
        let producer = try rig.producer("tx")
        rig = try board.restart(rig)
        #expect(rig.add([0, 1], to: "tx", producer) == [nil, nil])
        rig = try board.restart(rig)
        #expect(rig.addGroup("g", to: "tx", producer) == nil)
        rig = try board.restart(rig)
        #expect(try rig.commit(5, of: "g", in: "tx", producer) == [nil])
        rig = try board.restart(rig)
        #expect(try rig.engine.committedOffsets(group: "g").map(\.isPending) == [true])
        // The decision is durable, and the process ends before anybody hears of it.
        board.refuse(0, with: MarkerFailure("simulated", isFinal: false))
        rig.engine.endTransaction("tx", of: producer, isCommit: true, bumpsEpoch: false) { _ in }
        rig.settle()
        #expect(board.markers == ["out/1 commit \(producer.id)-0"])
        rig = try board.restart(rig)
        #expect(try rig.engine.transaction("tx").state == .prepareCommit)
        board.refuse(0, with: nil)
        rig = try board.restart(rig)
        #expect(board.markers.count { $0.hasPrefix("out/0") } == 1)
        #expect(board.markers.allSatisfy { $0.hasSuffix("commit \(producer.id)-0") })
        #expect(try rig.positions("g") == ["out/0": 5])
        #expect(try rig.engine.transaction("tx").state == .completeCommit)
        rig = try board.restart(rig)
        #expect(try rig.positions("g") == ["out/0": 5])
        #expect(rig.end("tx", producer, isCommit: true) == nil)
    }

    @Test func `a transactional id that nobody uses is forgotten after seven days`() async throws {
        let board = MarkerBoard()
        var rig = try await board.rig()
        let old = try rig.producer("idle")
        _ = try rig.producer("other")
        rig.pass(.seconds(6 * 86_400), step: .seconds(7200))
        _ = try rig.producer("other")
        rig.pass(.seconds(86_400 + 7200), step: .seconds(3600))
        #expect(try rig.engine.transactions().map(\.id) == ["other"])
        rig = try board.restart(rig)
        #expect(try rig.engine.transactions().map(\.id) == ["other"])
        #expect(rig.add([0], to: "idle", old) == [.unknownProducer])
        #expect(try rig.producer("idle").id != old.id)
        #expect(throws: CoordinatorError.unknownTransaction) { try rig.engine.transaction("none") }
    }

    @Test func `the log is folded into snapshots and there are only so many ids`() async throws {
        let board = MarkerBoard { options in
            options.snapshotBytes = 1000
            options.transactionalIDsMax = 10
        }
        var rig = try await board.rig()
        var producers: [String: ProducerIdentity] = [:]
        for number in 0..<10 { producers["tx-\(number)"] = try rig.producer("tx-\(number)") }
        #expect(throws: CoordinatorError.limitReached("no more than 10 transactional ids can be known")) {
            try rig.producer("more")
        }
        for round in 0..<200 {
            let name = "tx-\(round % 7)"
            let producer = try #require(producers[name])
            #expect(rig.add([round % 3], to: name, producer) == [nil])
            if round % 11 != 0 || round > 190 { #expect(rig.end(name, producer, isCommit: true) == nil) }
        }
        #expect(try rig.store.bounds(TransactionTests.log).start > Offset(100))
        let before = try rig.engine.transactions()
        rig = try board.restart(rig)
        #expect(try rig.engine.transactions() == before)
    }
}

/// Partitions that are told of markers, or refuse them.
final class MarkerBoard: Sendable {
    private let state = Mutex<(markers: [String], refusals: [Int: MarkerFailure])>(([], [:]))
    private let more: @Sendable (inout EngineOptions) -> Void

    init(_ more: @escaping @Sendable (inout EngineOptions) -> Void = { _ in }) { self.more = more }

    /// What was marked, in order: `topic/partition outcome producer-epoch`.
    var markers: [String] { state.withLock(\.markers) }

    func refuse(_ partition: Int, with failure: MarkerFailure?) {
        state.withLock { $0.refusals[partition] = failure }
    }

    func configure(_ options: inout EngineOptions) {
        options.markerWriter = { [self] topic, partition, producer, isCommit, completion in
            let failure = state.withLock { state in
                if let failure = state.refusals[partition] { return failure as MarkerFailure? }
                let outcome = isCommit ? "commit" : "abort"
                state.markers.append("\(topic)/\(partition) \(outcome) \(producer.id)-\(producer.epoch)")
                return nil
            }
            completion(failure.map { .failure($0) } ?? .success(.zero))
        }
        more(&options)
    }

    func rig() async throws -> EngineRig {
        let rig = try EngineRig { configure(&$0) }
        try await rig.topic("out", TopicSettings(partitions: 3, retentionAge: nil))
        return rig
    }

    func restart(_ rig: EngineRig) throws -> EngineRig { try rig.restarted { configure(&$0) } }
}

extension EngineRig {
    func producer(
        _ name: String? = nil, timeout: Duration = .seconds(60), expected: ProducerIdentity? = nil
    ) throws -> ProducerIdentity {
        let answer = Answer<Result<ProducerIdentity, CoordinatorError>>()
        engine.allocateProducer(transactionalID: name, timeout: timeout, expected: expected) {
            answer.set($0)
        }
        settle()
        return try #require(answer.value).get()
    }

    func add(
        _ partitions: [Int], to name: String, _ producer: ProducerIdentity
    ) -> [CoordinatorError?] {
        guard let topic = try? ResourceName("out") else { return [] }
        let places = partitions.map { TopicPartition(topic, $0) }
        return told { engine.addPartitions(places, to: name, of: producer, completion: $0) }
    }

    func addGroup(_ group: String, to name: String, _ producer: ProducerIdentity) -> CoordinatorError? {
        toldOne { engine.addOffsets(group: group, to: name, of: producer, completion: $0) }
    }

    func commit(
        _ offset: Int64, of group: String, in name: String, _ producer: ProducerIdentity,
        addsGroup: Bool = false
    ) throws -> [CoordinatorError?] {
        let place = TopicPartition(try ResourceName("out"), 0)
        let commits = [OffsetCommit(place, CommittedOffset(Offset(offset)))]
        return told {
            engine.commitOffsets(
                group: group, commits, in: name, of: producer, addsGroup: addsGroup, completion: $0)
        }
    }

    func end(_ name: String, _ producer: ProducerIdentity, isCommit: Bool) -> CoordinatorError? {
        let result = ended(name, producer, isCommit: isCommit, bumpsEpoch: false)
        if case .failure(let error) = result { return error }
        return nil
    }

    /// Ends a transaction; who the producer goes on as.
    func bump(_ name: String, _ producer: ProducerIdentity, isCommit: Bool) throws -> ProducerIdentity {
        try ended(name, producer, isCommit: isCommit, bumpsEpoch: true).get()
    }

    private func ended(
        _ name: String, _ producer: ProducerIdentity, isCommit: Bool, bumpsEpoch: Bool
    ) -> Result<ProducerIdentity, CoordinatorError> {
        let answer = Answer<Result<ProducerIdentity, CoordinatorError>>()
        engine.endTransaction(name, of: producer, isCommit: isCommit, bumpsEpoch: bumpsEpoch) {
            answer.set($0)
        }
        settle()
        return answer.value ?? .failure(.invalidRequest("no answer"))
    }

    private func toldOne(
        _ request: (@escaping @Sendable (CoordinatorError?) -> Void) -> Void
    ) -> CoordinatorError? {
        let answer = Answer<CoordinatorError?>()
        request { answer.set($0) }
        settle()
        return answer.value ?? .invalidRequest("no answer")
    }
}
