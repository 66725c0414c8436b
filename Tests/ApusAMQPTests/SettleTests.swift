// SPDX-License-Identifier: Apache-2.0

// Verdicts on their way to the broker, when many settle at the same time: what is written is read as a broker reads it.

import ApusAMQPCodec
import ApusBus
import CloudEvents
import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import ApusAMQP

/// A receiver on a channel whose other end is the test.
private struct SettleBench {
    let receiver: AMQPReceiver
    let channel: NIOAsyncTestingChannel
    /// The number of the session that it has.
    static let session: UInt64 = 7

    init(deliveries: UInt64) async throws {
        let configuration = try AMQPConfiguration(
            BusURL("amqp://broker"), ConnectionOptions(logger: Logger(label: "test")))
        channel = NIOAsyncTestingChannel()
        let handler = try await channel.testingEventLoop.executeInContext { [channel] in
            let handler = AMQPConnectionHandler(configuration)
            try channel.pipeline.syncOperations.addHandler(handler)
            return NIOLoopBound(handler, eventLoop: channel.eventLoop)
        }
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 5672)).get()
        var start = Connection.Start()
        start.mechanisms = ByteBuffer(string: "PLAIN")
        var encoder = AMQPEncoder()
        try encoder.method(.connectionStart(start), channel: 0)
        let tune = Connection.Tune(channelMax: 10, frameMax: 131_072, heartbeat: 0)
        try encoder.method(.connectionTune(tune), channel: 0)
        try encoder.method(.connectionOpenOk(Connection.OpenOk()), channel: 0)
        try await channel.writeInbound(encoder.buffer)
        let (limits, number) = try await channel.testingEventLoop.executeInContext {
            (try #require(handler.value.limits), try handler.value.makeChannel { _ in }.get())
        }
        let connection = AMQPConnection(handler, channel.eventLoop, limits)
        let opened = AMQPChannel(connection: connection, handler: handler, number: number)
        let transport = AMQPTransport(configuration, channel.eventLoop)
        receiver = AMQPReceiver(Subscription(group: "billing", topic: "orders"), transport)
        receiver.state.withLock { state in
            var session = AMQPReceiver.Session(number: Self.session, channel: opened)
            for tag in 1...deliveries {
                let method = AMQPMethod.basicDeliver(Basic.Deliver(deliveryTag: tag))
                session.unsettled.append(
                    tag, AMQPMessage(method: method, properties: BasicProperties(), body: ByteBuffer()))
            }
            state.session = session
        }
        // The greeting is not what this is about.
        _ = try await written()
    }

    /// What was written since, as a broker reads it.
    func written() async throws -> [AMQPMethod] {
        var decoder = AMQPFrameDecoder()
        var methods: [AMQPMethod] = []
        while var bytes = try await channel.readOutbound(as: ByteBuffer.self) {
            if bytes.readableBytesView.starts(with: AMQPProtocolHeader.bytes) {
                bytes.moveReaderIndex(forwardBy: AMQPProtocolHeader.bytes.count)
            }
            decoder.append(bytes)
            while case .method(let method, _)? = try decoder.next() { methods.append(method) }
        }
        return methods
    }

    func settle(_ tags: [UInt64], _ verdict: Settlement.Verdict) async throws -> [SettleResult] {
        try await receiver.settle(tags.map { Settlement(.number($0, session: Self.session), verdict) })
    }
}

@Suite struct SettleTests {
    @Test
    func
        `of events that are settled at the same time each gets its own verdict, and no frame is about one that is settled`()
        async throws
    {
        let count: UInt64 = 4000
        let bench = try await SettleBench(deliveries: count)
        // Every fifth goes back, the others are acknowledged, all in small calls that overlap.
        await withTaskGroup(of: Void.self) { tasks in
            for first in stride(from: 1, through: count, by: 4) {
                let back = (first..<first + 4).filter { $0.isMultiple(of: 5) }
                let done = (first..<first + 4).filter { !$0.isMultiple(of: 5) }
                tasks.addTask {
                    await #expect(throws: Never.self) { try await bench.settle(done, .acknowledge) }
                }
                guard !back.isEmpty else { continue }
                tasks.addTask { await #expect(throws: Never.self) { try await bench.settle(back, .release) } }
            }
        }
        var unsettled = Set(1...count)
        for method in try await bench.written() {
            switch method {
            case .basicAck(let ack):
                #expect(unsettled.contains(ack.deliveryTag), "a frame for what is settled ends the channel")
                let covered = ack.multiple ? unsettled.filter { $0 <= ack.deliveryTag } : [ack.deliveryTag]
                #expect(covered.allSatisfy { !$0.isMultiple(of: 5) }, "acknowledged in place of given back")
                unsettled.subtract(covered)
            case .basicNack(let nack):
                #expect(nack.requeue && !nack.multiple && nack.deliveryTag.isMultiple(of: 5))
                #expect(unsettled.remove(nack.deliveryTag) != nil, "given back and settled before")
            default: Issue.record("\(method) is no verdict")
            }
        }
        #expect(unsettled.isEmpty)
    }

    @Test func `what is settled, or of another session, has expired and is not written`() async throws {
        let bench = try await SettleBench(deliveries: 3)
        #expect(try await bench.settle([1, 2], .acknowledge) == [.settled, .settled])
        #expect(try await bench.settle([2, 3], .release) == [.expired, .settled])
        let other = Settlement(.number(3, session: 1), .acknowledge)
        #expect(try await bench.receiver.settle([other]) == [.expired])
        #expect(
            try await bench.written() == [
                .basicAck(Basic.Ack(deliveryTag: 2, multiple: true)),
                .basicNack(Basic.Nack(deliveryTag: 3, requeue: true)),
            ])
    }

    @Test func `one that is settled is not taken out again`() {
        var deliveries = UnsettledDeliveries<Int>()
        deliveries.append(1, 1)
        let first = deliveries.remove(1)
        let second = deliveries.remove(1)
        #expect(first && !second)
    }
}
