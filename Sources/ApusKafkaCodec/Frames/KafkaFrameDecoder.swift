// SPDX-License-Identifier: Apache-2.0

// The outermost layer of Kafka's protocol: four bytes of length, then that many bytes. Takes what arrived and
// gives whole frames. A frame that arrived in one piece is a slice of it; nothing is copied.

public import NIOCore

/// Divides the bytes of a connection into frames.
public struct KafkaFrameDecoder: Sendable {
    /// How long a frame may be, in bytes, without its length prefix.
    public var frameBytesMax: Int
    /// What arrived and was not yet given out.
    private var pending = ByteBuffer()
    /// Set when slices of `pending` were given out, so that writing to it would copy all of it.
    private var isShared = false

    /// A decoder of a connection that has just begun.
    public init(frameBytesMax: Int = KafkaCodecLimits().frameBytesMax) {
        self.frameBytesMax = min(max(frameBytesMax, 1), Int(Int32.max))
    }

    /// How many bytes arrived and were not yet given out.
    public var pendingBytes: Int { pending.readableBytes }

    /// Takes what arrived. Take all frames with `next()` before the next call, so that little is kept.
    public mutating func append(_ bytes: ByteBuffer) {
        guard pending.readableBytes > 0 else {
            pending = bytes
            isShared = true
            return
        }
        if isShared {
            var rest = ByteBuffer()
            rest.reserveCapacity(capacity(for: bytes.readableBytes))
            rest.writeImmutableBuffer(pending)
            pending = rest
            isShared = false
        } else {
            pending.reserveCapacity(minimumWritableBytes: bytes.readableBytes)
        }
        pending.writeImmutableBuffer(bytes)
    }

    /// The next whole frame without its length prefix, or nil when more bytes are needed.
    ///
    /// - Throws: `frameLength` when the peer announces a frame that is too long or negative. Nothing is kept for
    ///   such a frame, and the connection is of no further use.
    public mutating func next() throws(KafkaCodecError) -> ByteBuffer? {
        guard let length = try announced() else { return nil }
        guard pending.readableBytes - 4 >= length else { return nil }
        pending.moveReaderIndex(forwardBy: 4)
        isShared = true
        let frame = pending.readSlice(length: length)
        // What was read must not be kept by a connection that waits.
        if pending.readableBytes == 0 { pending = ByteBuffer() }
        return frame
    }

    /// The length of the frame that has begun.
    private func announced() throws(KafkaCodecError) -> Int? {
        guard let prefix = pending.getInteger(at: pending.readerIndex, as: Int32.self) else { return nil }
        let length = Int(prefix)
        guard length >= 0, length <= frameBytesMax else {
            throw KafkaCodecError(.frameLength(length, max: frameBytesMax), in: "frame", at: 0)
        }
        return length
    }

    /// Room for the whole frame, but never for much more than has arrived of it: a length costs a peer nothing.
    private func capacity(for incoming: Int) -> Int {
        let arrived = pending.readableBytes + incoming
        guard let length = try? announced() else { return arrived }
        return max(arrived, min(length + 4, 4 * arrived))
    }
}
