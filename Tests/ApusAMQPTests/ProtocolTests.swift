// SPDX-License-Identifier: Apache-2.0

// The state of connections and channels, step by step: the handshake, confirms, and what is not settled.

import ApusAMQPCodec
import ApusBus
import Logging
import NIOCore
import Testing

@testable import ApusAMQP

@Suite struct ConnectionMachineTests {
    private func machine(_ url: String = "amqp://me:secret@host/shop") throws -> ConnectionMachine {
        ConnectionMachine(
            try AMQPConfiguration(BusURL(url), ConnectionOptions(logger: Logger(label: "test"))))
    }

    private func start(_ mechanisms: String) -> AMQPFrame {
        var start = Connection.Start()
        start.mechanisms = ByteBuffer(string: mechanisms)
        start.serverProperties.append("product", text: "RabbitMQ")
        return .method(.connectionStart(start), channel: 0)
    }

    private func tune(_ frameMax: UInt32, _ heartbeat: UInt16) -> AMQPFrame {
        .method(
            .connectionTune(Connection.Tune(channelMax: 100, frameMax: frameMax, heartbeat: heartbeat)),
            channel: 0)
    }

    @Test func `a connection is opened with what both can do`() throws {
        var machine = try machine()
        guard case .send(let answer) = machine.received(start("AMQPLAIN PLAIN")),
            case .connectionStartOk(let ok) = answer.first
        else {
            Issue.record("no start-ok")
            return
        }
        #expect(ok.mechanism == "PLAIN" && String(buffer: ok.response) == "\0me\0secret")
        let limits = Connection.TuneOk(channelMax: 100, frameMax: 65536, heartbeat: 30)
        #expect(
            machine.received(tune(65536, 60))
                == .send([.connectionTuneOk(limits), .connectionOpen(Connection.Open(virtualHost: "shop"))]))
        let opened = machine.received(.method(.connectionOpenOk(Connection.OpenOk()), channel: 0))
        #expect(
            opened
                == .opened(
                    ConnectionLimits(
                        frameMax: 65536, channelMax: 100, heartbeatSeconds: 30, product: "RabbitMQ",
                        version: "")))
        let blocked = AMQPFrame.method(.connectionBlocked(Connection.Blocked(reason: "memory")), channel: 0)
        #expect(machine.received(blocked) == .blocked("memory"))
        #expect(
            machine.received(.method(.connectionUnblocked(Connection.Unblocked()), channel: 0))
                == .blocked(nil))
        let frame = AMQPFrame.body(ByteBuffer(string: "x"), channel: 4)
        #expect(machine.received(frame) == .forChannel(4, frame))
    }

    @Test func `a mechanism that the broker does not offer is an error of who this is`() throws {
        var machine = try machine("amqp://host?auth_mechanism=EXTERNAL")
        guard case .end(.authentication(let reason), nil) = machine.received(start("PLAIN")) else {
            Issue.record("it went on")
            return
        }
        #expect(reason.contains("PLAIN") && reason.contains("EXTERNAL"))
    }

    @Test func `wrong credentials are told, whether the broker says so or just closes`() throws {
        var machine = try machine()
        _ = machine.received(start("PLAIN"))
        var silent = machine
        let close = Connection.Close(replyCode: 403, replyText: "ACCESS_REFUSED")
        #expect(
            machine.received(.method(.connectionClose(close), channel: 0))
                == .end(.authentication("ACCESS_REFUSED"), .connectionCloseOk(Connection.CloseOk())))
        guard case .authentication = silent.ended() else {
            Issue.record("another reason")
            return
        }
    }

    @Test func `frames of channels before the connection is open end it`() throws {
        var machine = try machine()
        guard
            case .end(.protocolError, .connectionClose(let close)) = machine.received(
                .body(ByteBuffer(), channel: 1))
        else {
            Issue.record("it went on")
            return
        }
        #expect(close.replyCode == AMQPReplyCode.channelError.rawValue)
    }

    @Test func `an orderly end waits for its confirmation and ignores what was on its way`() throws {
        var machine = try machine()
        _ = machine.received(start("PLAIN"))
        _ = machine.received(tune(0, 0))
        _ = machine.received(.method(.connectionOpenOk(Connection.OpenOk()), channel: 0))
        #expect(machine.close() != nil)
        #expect(machine.received(.body(ByteBuffer(), channel: 1)) == .nothing)
        #expect(
            machine.received(.method(.connectionCloseOk(Connection.CloseOk()), channel: 0))
                == .end(.ended, nil))
    }
}

@Suite struct ConfirmTrackerTests {
    @Test func `batches end when all their publishes are confirmed, in whatever order`() {
        var tracker = ConfirmTracker<String>()
        tracker.add(3, "a", deadline: 10)
        tracker.add(2, "b", deadline: 10)
        #expect(tracker.take(5, multiple: false, .confirmed).isEmpty)
        #expect(tracker.take(4, multiple: false, .confirmed).map(\.token) == ["b"])
        #expect(tracker.take(2, multiple: false, .refused).isEmpty)
        let finished = tracker.take(3, multiple: true, .confirmed)
        #expect(finished.map(\.token) == ["a"])
        #expect(finished.first?.outcomes == [.confirmed, .refused, .confirmed])
        #expect(tracker.waiting == 0)
    }

    @Test func `one confirm for many ends all batches up to it`() {
        var tracker = ConfirmTracker<Int>()
        for batch in 0..<5 { tracker.add(2, batch, deadline: 10) }
        #expect(tracker.take(7, multiple: true, .confirmed).map(\.token) == [0, 1, 2])
        #expect(tracker.take(7, multiple: true, .confirmed).isEmpty)
        #expect(tracker.take(0, multiple: true, .confirmed).map(\.token) == [3, 4])
        #expect(tracker.take(99, multiple: false, .confirmed).isEmpty)
    }

    @Test func `what is not known at the deadline or at the end stays unknown, and is told once`() {
        var tracker = ConfirmTracker<String>()
        tracker.add(2, "late", deadline: 10)
        tracker.add(1, "later", deadline: 20)
        _ = tracker.take(1, multiple: false, .confirmed)
        let expired = tracker.expire(15)
        #expect(expired.map(\.token) == ["late"] && expired.first?.outcomes == [.confirmed, .unknown])
        #expect(tracker.take(2, multiple: true, .confirmed).isEmpty)
        #expect(tracker.end().map(\.token) == ["later"])
    }

    @Test func `any order of confirms ends every batch once`() {
        for _ in 0..<200 {
            var tracker = ConfirmTracker<Int>()
            let sizes = (0..<20).map { _ in Int.random(in: 1...5) }
            for (index, size) in sizes.enumerated() { tracker.add(size, index, deadline: 1) }
            var ended: [Int] = []
            for tag in (1...UInt64(sizes.reduce(0, +))).shuffled() {
                ended += tracker.take(tag, multiple: .random(), .confirmed).map(\.token)
            }
            #expect(ended.sorted() == Array(0..<20) && tracker.waiting == 0)
        }
    }
}

@Suite struct UnsettledDeliveriesTests {
    private func deliveries(_ count: UInt64) -> UnsettledDeliveries<UInt64> {
        var deliveries = UnsettledDeliveries<UInt64>()
        for tag in 1...count { deliveries.append(tag, tag * 10) }
        return deliveries
    }

    @Test func `a run from the first on is acknowledged by one frame`() {
        var deliveries = deliveries(10)
        #expect(deliveries.acknowledge([1, 2, 3]) == [.init(tag: 3, multiple: true)])
        #expect(
            deliveries.acknowledge([5, 4, 8]) == [
                .init(tag: 5, multiple: true), .init(tag: 8, multiple: false),
            ])
        #expect(deliveries[6] == 60 && deliveries[8] == nil)
        #expect(deliveries.acknowledge([6, 7]) == [.init(tag: 7, multiple: true)])
        #expect(deliveries.acknowledge([7, 8, 99]).isEmpty)
    }

    @Test func `what is unsettled ahead keeps those behind it in frames of their own`() {
        var deliveries = deliveries(4)
        #expect(
            deliveries.acknowledge([2, 3]) == [
                .init(tag: 2, multiple: false), .init(tag: 3, multiple: false),
            ])
        deliveries.remove(1)
        #expect(deliveries.acknowledge([4]) == [.init(tag: 4, multiple: false)])
    }

    @Test func `no frame acknowledges what was not to be`() {
        for _ in 0..<200 {
            var deliveries = deliveries(30)
            var settled = Set<UInt64>()
            while settled.count < 30 {
                let some = (1...UInt64(30)).filter { _ in Int.random(in: 0..<4) == 0 }.shuffled()
                let fresh = some.filter { !settled.contains($0) }
                settled.formUnion(some)
                var told = Set<UInt64>()
                for frame in deliveries.acknowledge(some) {
                    if frame.multiple { told.formUnion(1...frame.tag) } else { told.insert(frame.tag) }
                }
                #expect(told.isSubset(of: settled) && told.isSuperset(of: fresh))
            }
        }
    }
}
