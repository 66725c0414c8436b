// SPDX-License-Identifier: Apache-2.0

// Frames: what a connection consists of behind its protocol header.

package import NIOCore

/// The type of a frame, by its octet on the wire.
package enum AMQPFrameType: UInt8, Sendable {
    case method = 1
    case header = 2
    case body = 3
    case heartbeat = 8

    /// The octet at the end of every frame.
    package static let end: UInt8 = 206
    /// Type, channel and length.
    package static let headerBytes = 7
    /// What a frame has beside its payload.
    package static let overhead = 8
    /// The least that peers may agree on as the length of a frame.
    package static let frameMin = 4096

    /// How much payload fits in a frame of at most `frameMax` bytes.
    package static func payloadMax(_ frameMax: Int) -> Int { max(frameMax, frameMin) - overhead }
}

/// One frame.
package enum AMQPFrame: Hashable, Sendable {
    case method(AMQPMethod, channel: UInt16)
    /// The properties of the message that follows, and how long it is.
    case header(AMQPContentHeader, channel: UInt16)
    /// A piece of a message.
    case body(ByteBuffer, channel: UInt16)
    case heartbeat
}

extension AMQPFrame {
    /// Reads a frame's payload.
    ///
    /// - Throws: `AMQPCodecError` when it is none of its type.
    init(_ type: AMQPFrameType, channel: UInt16, payload: ByteBuffer) throws(AMQPCodecError) {
        switch type {
        case .method:
            self = .method(try AMQPMethod(reading: payload), channel: channel)
        case .header:
            guard channel != 0 else { throw AMQPCodecError(.wrongChannel(0), in: "content-header") }
            let header = try AMQPDecoder.read(payload) { decoder throws(AMQPCodecError) in
                var header = AMQPContentHeader()
                try header.code(with: &decoder)
                return header
            }
            self = .header(header, channel: channel)
        case .body:
            guard channel != 0 else { throw AMQPCodecError(.wrongChannel(0), in: "content-body") }
            self = .body(payload, channel: channel)
        case .heartbeat:
            guard channel == 0 else { throw AMQPCodecError(.wrongChannel(channel), in: "heartbeat") }
            guard payload.readableBytes == 0 else {
                throw AMQPCodecError(.trailingBytes(payload.readableBytes), in: "heartbeat")
            }
            self = .heartbeat
        }
    }
}

/// What a client says before its first frame, and a server when it will not speak what the client asked for.
package enum AMQPProtocolHeader {
    /// AMQP 0-9-1.
    package static let bytes: [UInt8] = [0x41, 0x4D, 0x51, 0x50, 0, 0, 9, 1]

    /// Takes the header from what a client sent first; false when more bytes are needed.
    ///
    /// - Throws: `otherProtocol` with what came instead.
    package static func take(from buffer: inout ByteBuffer) throws(AMQPCodecError) -> Bool {
        let came = Array(buffer.readableBytesView.prefix(bytes.count))
        guard bytes.starts(with: came) else {
            throw AMQPCodecError(.otherProtocol(came), in: "protocol-header")
        }
        guard came.count == bytes.count else { return false }
        buffer.moveReaderIndex(forwardBy: bytes.count)
        return true
    }
}
