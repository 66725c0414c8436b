// SPDX-License-Identifier: Apache-2.0

// Divides what arrived into frames. A frame that arrived in one piece is a slice of it; nothing is copied but frames that came in several.

package import NIOCore

/// Divides the bytes of a connection into frames.
package struct AMQPFrameDecoder: Sendable {
    /// How long a frame may be, all told; as negotiated, or what a peer may send before that.
    package var frameMax: Int
    /// What arrived and was not yet given out.
    private var pending = ByteBuffer()
    /// Set when slices of `pending` were given out, so that writing to it would copy all of it.
    private var isShared = false

    /// A decoder of a connection that has just begun.
    package init(frameMax: Int = 131_072) { self.frameMax = max(frameMax, AMQPFrameType.frameMin) }

    /// How many bytes arrived and were not yet given out.
    package var pendingBytes: Int { pending.readableBytes }

    /// Takes what arrived. Take all frames with `next()` before the next call, so that little is kept.
    package mutating func append(_ bytes: ByteBuffer) {
        guard pending.readableBytes > 0 else {
            pending = bytes
            isShared = true
            return
        }
        if isShared {
            var rest = ByteBuffer()
            rest.reserveCapacity(min(frameMax, 2 * (pending.readableBytes + bytes.readableBytes)))
            rest.writeImmutableBuffer(pending)
            pending = rest
            isShared = false
        }
        pending.writeImmutableBuffer(bytes)
    }

    /// The next whole frame, or nil when more bytes are needed.
    ///
    /// - Throws: `AMQPCodecError`; the connection is of no further use then.
    package mutating func next() throws(AMQPCodecError) -> AMQPFrame? {
        let start = pending.readerIndex
        guard let octet = pending.getInteger(at: start, as: UInt8.self) else { return nil }
        guard let type = AMQPFrameType(rawValue: octet) else {
            // A server that speaks something else says so with a protocol header.
            if octet == AMQPProtocolHeader.bytes[0] {
                let said = Array(pending.readableBytesView.prefix(AMQPProtocolHeader.bytes.count))
                guard
                    said.count == AMQPProtocolHeader.bytes.count
                        || !AMQPProtocolHeader.bytes.starts(with: said)
                else { return nil }
                throw AMQPCodecError(.otherProtocol(said), in: "protocol-header")
            }
            throw AMQPCodecError(.unknownFrameType(octet), in: "frame")
        }
        guard let channel = pending.getInteger(at: start + 1, as: UInt16.self),
            let length = pending.getInteger(at: start + 3, as: UInt32.self)
        else { return nil }
        let whole = Int(length) + AMQPFrameType.overhead
        guard whole <= frameMax else {
            throw AMQPCodecError(.frameTooLong(length: whole, max: frameMax), in: "frame")
        }
        guard pending.readableBytes >= whole,
            let payload = pending.getSlice(at: start + AMQPFrameType.headerBytes, length: Int(length)),
            let end = pending.getInteger(at: start + whole - 1, as: UInt8.self)
        else { return nil }
        guard end == AMQPFrameType.end else {
            throw AMQPCodecError(.missingFrameEnd(end), in: "frame-end", at: whole - 1)
        }
        isShared = true
        pending.moveReaderIndex(forwardBy: whole)
        // What was read must not be kept by a connection that waits.
        if pending.readableBytes == 0 { pending = ByteBuffer() }
        return try AMQPFrame(type, channel: channel, payload: payload)
    }
}
