// SPDX-License-Identifier: Apache-2.0

// Responses to bytes (RFC 9112 sections 4, 6 and 7): heads, chunks, and the interim 100. Framing fields are
// decided here alone, from how the body is sent, so that they can never disagree with it.

public import NIOCore

/// How a response's body is delimited.
public enum HTTPResponseFraming: Sendable, Hashable {
    /// By Content-Length.
    case length(Int)
    /// By chunked coding; for HTTP/1.1 clients only.
    case chunked
    /// By the end of the connection; what is left for HTTP/1.0 clients.
    case untilClose
}

/// The head of a response.
public struct HTTPResponseHead: Sendable, Hashable {
    /// The status.
    public var status: HTTPStatus
    /// The fields, without those that frame the response.
    public var headers: HTTPHeaderBlock

    /// Makes a head.
    public init(status: HTTPStatus, headers: HTTPHeaderBlock = HTTPHeaderBlock()) {
        self.status = status
        self.headers = headers
    }

    /// Writes the head up to and with its empty line.
    ///
    /// - Parameters:
    ///   - framing: how the body will follow; left out for statuses that have none.
    ///   - version: what the client speaks; the response always says HTTP/1.1 (RFC 9110 section 6.2).
    ///   - keepsAlive: whether the connection stays open after the response.
    ///   - date: the line to send, if the time is known.
    ///   - buffer: where to write.
    public func write(
        framing: HTTPResponseFraming, version: HTTPVersion, keepsAlive: Bool, date: HTTPDateLine?,
        into buffer: inout ByteBuffer
    ) {
        let room = 160 + headers.lines.readableBytes
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
            var cursor = ResponseCursor(bytes)
            cursor.put("HTTP/1.1 ")
            cursor.put(decimal: Int(status.code))
            cursor.put(" ")
            cursor.put(status.reason)
            cursor.put("\r\n")
            date?.bytes.withUnsafeBytes { cursor.put($0) }
            headers.lines.withUnsafeReadableBytes { cursor.put($0) }
            if status.mayHaveBody { cursor.put(framing) }
            if !keepsAlive {
                cursor.put("Connection: close\r\n")
            } else if version == .http10 {
                cursor.put("Connection: keep-alive\r\n")
            }
            cursor.put("\r\n")
            return cursor.count
        }
    }
}

/// The parts of a response other than its head.
public enum HTTPResponseEncoding {
    /// Writes the interim response that asks for a body (RFC 9110 section 15.2.1).
    public static func writeContinue(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
    }

    /// Writes `body` as one chunk; nothing for an empty one, which would mean the end.
    public static func writeChunk(_ body: ByteBuffer, into buffer: inout ByteBuffer) {
        guard body.readableBytes > 0 else { return }
        buffer.writeString(String(body.readableBytes, radix: 16))
        buffer.writeStaticString("\r\n")
        buffer.writeImmutableBuffer(body)
        buffer.writeStaticString("\r\n")
    }

    /// Writes the last chunk, without trailers.
    public static func writeLastChunk(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("0\r\n\r\n")
    }
}

/// Writes into memory that is known to be large enough; `put` cuts what is not, so that a wrong estimate could
/// never write past the end.
private struct ResponseCursor {
    private let bytes: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ bytes: UnsafeMutableRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func put(_ source: UnsafeRawBufferPointer) {
        let length = min(source.count, bytes.count - count)
        guard length > 0, let from = source.baseAddress, let base = bytes.baseAddress else { return }
        (base + count).copyMemory(from: from, byteCount: length)
        count += length
    }

    mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func put(_ framing: HTTPResponseFraming) {
        switch framing {
        case .length(let length):
            put("Content-Length: ")
            put(decimal: length)
            put("\r\n")
        case .chunked: put("Transfer-Encoding: chunked\r\n")
        case .untilClose: break
        }
    }

    mutating func put(decimal number: Int) {
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            var start = 20
            var rest = number.magnitude
            repeat {
                start -= 1
                digits[start] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
                rest /= 10
            } while rest > 0
            put(UnsafeRawBufferPointer(rebasing: digits[start..<20]))
        }
    }
}
