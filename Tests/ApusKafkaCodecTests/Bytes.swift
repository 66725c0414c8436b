// SPDX-License-Identifier: Apache-2.0

// Bytes for people to read.

import ApusKafkaCodec
import NIOCore

/// Bytes in hexadecimal, with spaces between fields.
func bytes(_ parts: String...) -> ByteBuffer {
    var buffer = ByteBuffer()
    var digits = parts.joined().filter { $0 != " " }[...]
    while !digits.isEmpty {
        buffer.writeInteger(UInt8(digits.prefix(2), radix: 16) ?? 0)
        digits = digits.dropFirst(2)
    }
    return buffer
}

/// Buffers that follow one another, as one.
func joined(_ pieces: [ByteBuffer]) -> ByteBuffer { RecordData.pieces(pieces).joined ?? ByteBuffer() }
