// SPDX-License-Identifier: Apache-2.0

// The record batches of a partition in a Produce request or a Fetch response. The codec carries them as they
// are: slices of the frame that came, or buffers of the log that go out one after another.

public import NIOCore

/// Record batches, not looked into.
public enum RecordData: Sendable {
    /// There is no record data, which is not the same as none of it.
    case null
    /// Batches in one buffer.
    case bytes(ByteBuffer)
    /// Batches in several buffers, which follow one another on the wire.
    case pieces([ByteBuffer])

    /// No record data; what clients expect of a fetch that found none, rather than null.
    public static let empty = RecordData.bytes(ByteBuffer())

    /// How many bytes the batches have.
    public var count: Int {
        switch self {
        case .null: 0
        case .bytes(let bytes): bytes.readableBytes
        case .pieces(let pieces): pieces.reduce(0) { $0 + $1.readableBytes }
        }
    }

    /// The batches in one buffer, copied if they are in several; nil when there is no record data.
    public var joined: ByteBuffer? {
        switch self {
        case .null: return nil
        case .bytes(let bytes): return bytes
        case .pieces(let pieces):
            var joined = ByteBuffer()
            joined.reserveCapacity(count)
            for piece in pieces { joined.writeImmutableBuffer(piece) }
            return joined
        }
    }
}

/// How the bytes are divided makes no difference.
extension RecordData: Equatable {
    public static func == (left: RecordData, right: RecordData) -> Bool { left.joined == right.joined }
}
