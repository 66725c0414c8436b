// SPDX-License-Identifier: Apache-2.0

// Frames as another client (pika 1.4) writes them: each is read as what it says, and written as the same bytes.

import ApusAMQPCodec
import NIOCore
import Testing

@Suite struct FixtureTests {
    private static func bytes(_ hex: String) -> ByteBuffer {
        let digits = Array(hex.utf8)
        return ByteBuffer(
            bytes: stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
            })
    }

    private static func frame(_ hex: String) throws -> AMQPFrame {
        var decoder = AMQPFrameDecoder()
        decoder.append(bytes(hex))
        let frame = try #require(try decoder.next())
        #expect(decoder.pendingBytes == 0)
        return frame
    }

    static let methods: [(String, AMQPMethod, UInt16)] = [
        (
            "0100000000000c000a001f07ff00020000003cce",
            .connectionTuneOk(Connection.TuneOk(channelMax: 2047, frameMax: 131_072, heartbeat: 60)), 0
        ),
        (
            "01000100000016003c00140000066f7264657273037461670400000000ce",
            .basicConsume(Basic.Consume(queue: "orders", consumerTag: "tag", exclusive: true)), 1
        ),
        (
            "0100010000001b003c00280000066576656e74730c6f726465722e706c6163656401ce",
            .basicPublish(Basic.Publish(exchange: "events", routingKey: "order.placed", mandatory: true)), 1
        ),
        (
            "01000100000025003c003c03746167000000000000010201066576656e74730c6f726465722e706c61636564ce",
            .basicDeliver(
                Basic.Deliver(
                    consumerTag: "tag", deliveryTag: 258, redelivered: true, exchange: "events",
                    routingKey: "order.placed")), 1
        ),
        (
            "0100010000000d003c0078000000000000000701ce",
            .basicNack(Basic.Nack(deliveryTag: 7, multiple: true, requeue: false)), 1
        ),
        (
            "0100030000001f001400280194144e4f545f464f554e44202d206e6f2071756575650032000ace",
            .channelClose(
                Channel.Close(replyCode: 404, replyText: "NOT_FOUND - no queue", classID: 50, methodID: 10)),
            3
        ),
    ]

    @Test(arguments: methods)
    func `methods are read and written as pika has them`(
        hex: String, method: AMQPMethod, channel: UInt16
    ) throws {
        #expect(try Self.frame(hex) == .method(method, channel: channel))
        var encoder = AMQPEncoder()
        try encoder.method(method, channel: channel)
        let written = encoder.buffer
        #expect(written == Self.bytes(hex))
    }

    @Test func `arguments are read as pika has them`() throws {
        let hex =
            "010001000000400032000a0000066f7264657273020000002e0c782d71756575652d74797065530000000671756f72756d10"
            + "782d64656c69766572792d6c696d69744900000010ce"
        let arguments = try FieldTable([("x-queue-type", .text("quorum")), ("x-delivery-limit", .int32(16))])
        let method = AMQPMethod.queueDeclare(
            Queue.Declare(queue: "orders", durable: true, arguments: arguments))
        #expect(try Self.frame(hex) == .method(method, channel: 1))
        var encoder = AMQPEncoder()
        try encoder.method(method, channel: 1)
        let written = encoder.buffer
        #expect(written == Self.bytes(hex))
    }

    @Test func `the mechanism and its response are read as pika has them`() throws {
        let hex =
            "01000000000054000a000b000000300770726f64756374530000000470696b610c6361706162696c6974696573460000000d0a"
            + "62617369632e6e61636b740105504c41494e0000000c00677565737400677565737405656e5f5553ce"
        guard case .method(.connectionStartOk(let start), channel: 0) = try Self.frame(hex) else {
            Issue.record("no start-ok")
            return
        }
        #expect(start.mechanism == "PLAIN" && String(buffer: start.response) == "\0guest\0guest")
        #expect(start.locale == "en_US" && start.clientProperties["product"]?.text == "pika")
        let nack = try FieldTable([("basic.nack", .boolean(true))])
        #expect(start.clientProperties["capabilities"] == .table(nack))
    }

    @Test func `properties and headers of every type are read and written as pika has them`() throws {
        let hex =
            "0200010000009c003c00000000000000000005bfe8106170706c69636174696f6e2f6a736f6e0000006001735300000004746578"
            + "740174740101694900000001016c6c0000010000000000016444010000007d01545400000000695735a501464600000003016e56"
            + "014141000000125300000001784900000005410000000274000178780000000200ff0203016301720431303030016d000000006553"
            + "f10001740161ce"
        guard case .header(let header, channel: 1) = try Self.frame(hex) else {
            Issue.record("no header")
            return
        }
        let properties = header.properties
        #expect(header.bodySize == 5 && properties.contentType == "application/json")
        #expect(properties.deliveryMode == 2 && properties.priority == 3 && properties.correlationID == "c")
        #expect(properties.replyTo == "r" && properties.expiration == "1000" && properties.messageID == "m")
        #expect(properties.timestamp == 1_700_000_000 && properties.type == "t" && properties.appID == "a")
        #expect(properties.contentEncoding == nil && properties.userID == nil && properties.clusterID == nil)
        let headers = try #require(properties.headers)
        let values: [(String, FieldValue)] = [
            ("s", .text("text")), ("t", .boolean(true)), ("i", .int32(1)), ("l", .int64(1 << 40)),
            ("d", .decimal(scale: 1, value: 125)), ("T", .timestamp(1_767_323_045)),
            ("F", .table(try FieldTable([("n", .void)]))),
            ("A", .array([.text("x"), .int32(5), .array([.boolean(false)])])),
            ("x", .bytes(ByteBuffer(bytes: [0, 255]))),
        ]
        #expect(headers.entries.map(\.name) == values.map(\.0))
        #expect(headers.entries.map(\.value) == values.map(\.1))
        #expect(try FieldTable(values) == headers)
        var encoder = AMQPEncoder()
        try encoder.content(properties, body: ByteBuffer(string: "hello"), channel: 1, frameMax: 4096)
        let written = encoder.buffer
        var expected = Self.bytes(hex)
        expected.writeImmutableBuffer(Self.bytes("0300010000000568656c6c6fce"))
        #expect(written == expected)
    }

    @Test func `a heartbeat is a frame without content on channel 0`() throws {
        #expect(try Self.frame("08000000000000ce") == .heartbeat)
    }
}
