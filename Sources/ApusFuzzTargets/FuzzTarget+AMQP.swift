// SPDX-License-Identifier: Apache-2.0

// AMQP 0-9-1: whatever is read can be written, and what is written is read as the same. How the network splits a connection's bytes makes no
// difference to what came.

import ApusAMQPCodec
import NIOCore

/// The input is what a connection receives behind its protocol header.
func fuzzAMQPFrames(_ input: [UInt8]) {
    let whole = frames(in: input, pieceLength: max(input.count, 1))
    for pieceLength in [1, 3, 64] where pieceLength < input.count {
        precondition(
            frames(in: input, pieceLength: pieceLength) == whole, "split differently, read differently")
    }
    var assemblers: [UInt16: ContentAssembler] = [:]
    for frame in whole.frames {
        var encoder = AMQPEncoder()
        let channel: UInt16
        switch frame {
        case .method(let method, let number):
            precondition(
                (try? encoder.method(method, channel: number)) != nil, "a method that came cannot be written")
            channel = number
        case .header(let header, let number):
            // Written with the length of a body that is not there, so what is compared is the properties.
            precondition(
                (try? encoder.content(
                    header.properties, body: ByteBuffer(), channel: number, frameMax: 131_072)) != nil,
                "properties that came cannot be written")
            channel = number
        case .body(let bytes, let number):
            encoder.body(bytes, channel: number, frameMax: 131_072)
            channel = number
        case .heartbeat:
            encoder.heartbeat()
            channel = 0
        }
        let again = frames(in: Array(encoder.buffer.readableBytesView), pieceLength: max(encoder.count, 1))
            .frames
        switch frame {
        case .header(let header, let number):
            precondition(
                again == [.header(AMQPContentHeader(properties: header.properties), channel: number)],
                "properties change")
        case .body(let bytes, _) where bytes.readableBytes == 0:
            precondition(again.isEmpty, "nothing becomes something")
        default: precondition(again == [frame], "a frame changes")
        }
        _ = try? assemblers[channel, default: ContentAssembler(messageMax: 65536)].take(frame)
    }
}

/// The input is the payload of a method frame.
func fuzzAMQPMethod(_ input: [UInt8]) {
    guard let method = try? AMQPMethod(reading: ByteBuffer(bytes: input)) else { return }
    var encoder = AMQPEncoder()
    precondition((try? encoder.method(method, channel: 7)) != nil, "a method that came cannot be written")
    var frame = encoder.buffer
    frame.moveReaderIndex(forwardBy: AMQPFrameType.headerBytes)
    let payload = frame.readSlice(length: frame.readableBytes - 1) ?? ByteBuffer()
    precondition((try? AMQPMethod(reading: payload)) == method, "a method changes")
}

/// The input is a field table.
func fuzzAMQPTable(_ input: [UInt8]) {
    guard let table = try? FieldTable(checking: ByteBuffer(bytes: input)) else { return }
    let entries = table.entries
    var raw = FieldTable()
    table.forEach { name, value in raw.append(name, raw: value) }
    precondition(raw == table, "entries change when they are copied")
    // A name that is not UTF-8 is mended, and may then be too long.
    guard let again = try? FieldTable(entries.map { ($0.name, $0.value) }) else { return }
    precondition(again.entries.map(\.value) == entries.map(\.value), "values change")
    precondition((try? FieldTable(checking: again.bytes)) == again, "a table that was written cannot be read")
}

private struct ConnectionTrace: Equatable {
    var frames: [AMQPFrame] = []
    var error: AMQPCodecError.Reason?
}

private func frames(in input: [UInt8], pieceLength: Int) -> ConnectionTrace {
    var trace = ConnectionTrace()
    var decoder = AMQPFrameDecoder(frameMax: 131_072)
    do throws(AMQPCodecError) {
        for start in stride(from: 0, to: input.count, by: pieceLength) {
            decoder.append(ByteBuffer(bytes: input[start..<min(start + pieceLength, input.count)]))
            while let frame = try decoder.next() { trace.frames.append(frame) }
        }
    } catch {
        trace.error = error.reason
    }
    return trace
}
