// SPDX-License-Identifier: Apache-2.0

// Frames, whole messages, and what is refused, with the reply code that a peer is told.

import ApusAMQPCodec
import NIOCore
import Testing

@Suite struct FrameTests {
    private func failure(_ bytes: [UInt8], frameMax: Int = 131_072) -> AMQPCodecError? {
        var decoder = AMQPFrameDecoder(frameMax: frameMax)
        decoder.append(ByteBuffer(bytes: bytes))
        do throws(AMQPCodecError) {
            while try decoder.next() != nil {}
            return nil
        } catch {
            return error
        }
    }

    @Test func `every method is read as it was written, whatever its fields`() throws {
        var random = SystemRandomNumberGenerator()
        for id in AMQPMethod.allIDs {
            for _ in 0..<50 {
                let method = try #require(AMQPMethod.random(id, using: &random))
                var encoder = AMQPEncoder()
                try encoder.method(method, channel: 3)
                var decoder = AMQPFrameDecoder()
                decoder.append(encoder.buffer)
                #expect(try decoder.next() == .method(method, channel: 3))
            }
        }
    }

    @Test func `a message is divided by the frame length that was agreed on, and put together again`() throws
    {
        for size in [0, 1, 4088, 4089, 100_000] {
            let body = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0) })
            var encoder = AMQPEncoder()
            try encoder.method(.basicPublish(Basic.Publish(exchange: "e")), channel: 1)
            try encoder.content(BasicProperties(), body: body, channel: 1, frameMax: 4096)
            var decoder = AMQPFrameDecoder(frameMax: 4096)
            var assembler = ContentAssembler(messageMax: 100_000)
            decoder.append(encoder.buffer)
            var messages: [AMQPMessage] = []
            while let frame = try decoder.next() {
                if case .message(let message) = try assembler.take(frame) { messages.append(message) }
            }
            #expect(messages.map(\.body) == [body])
        }
    }

    @Test func `a message that is larger than is taken is refused by its header`() throws {
        var assembler = ContentAssembler(messageMax: 10)
        _ = try assembler.take(.method(.basicDeliver(Basic.Deliver()), channel: 1))
        let header = AMQPContentHeader(bodySize: .max)
        #expect(throws: AMQPCodecError(.messageTooLarge(.max, max: 10), in: "body-size")) {
            try assembler.take(.header(header, channel: 1))
        }
    }

    @Test func `frames in another order than a message has are refused`() throws {
        var assembler = ContentAssembler(messageMax: 10)
        let body = AMQPFrame.body(ByteBuffer(string: "a"), channel: 1)
        #expect(throws: AMQPCodecError.self) { try assembler.take(body) }
        _ = try assembler.take(.method(.basicDeliver(Basic.Deliver()), channel: 1))
        let error = #expect(throws: AMQPCodecError.self) { try assembler.take(body) }
        #expect(error?.replyCode == .unexpectedFrame)
    }

    @Test func `what is no frame is refused with the code for it`() {
        #expect(failure([9, 0, 0, 0, 0, 0, 0, 206])?.replyCode == .frameError)
        #expect(failure([8, 0, 0, 0, 0, 0, 0, 207])?.reason == .missingFrameEnd(207))
        #expect(
            failure([3, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF])?.reason
                == .frameTooLong(length: 0xFFFF_FFFF + 8, max: 131_072))
        #expect(failure([3, 0, 0, 0, 0, 0, 0, 206])?.replyCode == .channelError)
        #expect(failure([8, 0, 1, 0, 0, 0, 0, 206])?.replyCode == .channelError)
        #expect(failure([1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 99, 206])?.replyCode == .notImplemented)
        #expect(failure([1, 0, 0, 0, 0, 0, 3, 0, 10, 0, 206])?.replyCode == .syntaxError)
        #expect(failure(Array("AMQP".utf8) + [0, 0, 9, 1])?.replyCode == .frameError)
    }

    @Test func `the protocol header is taken when it is whole`() throws {
        var buffer = ByteBuffer(bytes: [0x41, 0x4D, 0x51])
        #expect(try !AMQPProtocolHeader.take(from: &buffer))
        buffer.writeBytes([0x50, 0, 0, 9, 1, 7])
        #expect(try AMQPProtocolHeader.take(from: &buffer))
        #expect(buffer.readableBytes == 1)
        var other = ByteBuffer(bytes: [0x41, 0x4D, 0x51, 0x50, 3])
        #expect(throws: AMQPCodecError.self) { try AMQPProtocolHeader.take(from: &other) }
    }

    @Test func `tables that are cut off, nested too deeply or of unknown types are refused`() throws {
        let table = try FieldTable([("name", .text("value")), ("n", .int32(1))])
        let bytes = Array(table.bytes.readableBytesView)
        for count in 1..<bytes.count where count != bytes.count - 7 {
            #expect(throws: AMQPCodecError.self) {
                try FieldTable(checking: ByteBuffer(bytes: bytes.prefix(count)))
            }
        }
        #expect(throws: AMQPCodecError(.unknownFieldType(0x21), in: "field-value", at: 2)) {
            try FieldTable(checking: ByteBuffer(bytes: [1, 0x61, 0x21]))
        }
        var nested = FieldValue.void
        for _ in 1..<FieldTable.depthMax { nested = .array([nested]) }
        #expect(try FieldTable(checking: FieldTable([("a", nested)]).bytes)["a"] == nested)
        #expect(throws: AMQPCodecError.self) { try FieldTable([("a", .array([nested]))]) }
    }

    @Test func `what a short string cannot hold is not written`() {
        var encoder = AMQPEncoder()
        let long = String(repeating: "ä", count: 128)
        let count = encoder.count
        var error: AMQPCodecError?
        do throws(AMQPCodecError) {
            try encoder.method(.basicPublish(Basic.Publish(exchange: long)), channel: 1)
        } catch let thrown {
            error = thrown
        }
        #expect(error?.reason == .tooLong(length: 256, max: 255))
        #expect(encoder.count == count)
    }
}

/// Fills fields with anything.
private struct RandomCoder<Random: RandomNumberGenerator>: AMQPFieldCoder {
    var random: Random

    mutating func field(_ name: StaticString, _ value: inout UInt8) {
        value = .random(in: .min ... .max, using: &random)
    }
    mutating func field(_ name: StaticString, _ value: inout UInt16) {
        value = .random(in: .min ... .max, using: &random)
    }
    mutating func field(_ name: StaticString, _ value: inout UInt32) {
        value = .random(in: .min ... .max, using: &random)
    }
    mutating func field(_ name: StaticString, _ value: inout UInt64) {
        value = .random(in: .min ... .max, using: &random)
    }
    mutating func field(_ name: StaticString, _ value: inout Bool) { value = .random(using: &random) }
    mutating func field(_ name: StaticString, _ value: inout String) {
        value = String(repeating: "ü", count: .random(in: 0...127, using: &random))
    }
    mutating func field(_ name: StaticString, _ value: inout ByteBuffer) {
        value = ByteBuffer(repeating: 7, count: .random(in: 0...1000, using: &random))
    }
    mutating func field(_ name: StaticString, _ value: inout FieldTable) {
        let choices: [FieldValue] = [
            .boolean(true), .int8(-1), .uint8(255), .int16(-2), .uint16(65535), .int32(-3), .uint32(.max),
            .int64(-4),
            .float(1), .double(2), .decimal(scale: 2, value: -5), .text("text"), .array([.void, .int8(1)]),
            .timestamp(5), .void, .bytes(ByteBuffer(bytes: [1, 2])),
        ]
        let count = Int.random(in: 0...choices.count, using: &random)
        let entries = choices.shuffled(using: &random).prefix(count).enumerated().map { ("name-\($0)", $1) }
        value = (try? FieldTable(entries)) ?? FieldTable()
    }
}

extension AMQPMethod {
    fileprivate static func random(
        _ id: AMQPMethodID, using random: inout some RandomNumberGenerator
    ) -> AMQPMethod? {
        guard var method = AMQPMethod(id) else { return nil }
        var coder = RandomCoder(random: random)
        try? method.code(with: &coder)
        random = coder.random
        return method
    }
}
