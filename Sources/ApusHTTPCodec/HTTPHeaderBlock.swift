// SPDX-License-Identifier: Apache-2.0

// Response headers, kept as the bytes to send. A handler's usual headers are a constant that every response
// shares, and sending them is one copy. Nothing that was appended can end a line or begin another.

internal import NIOCore

/// Why a field cannot be appended.
public enum HTTPHeaderError: Error, Sendable, Hashable {
    /// The name is not a token (RFC 9110 section 5.1).
    case invalidName
    /// The value holds a control character.
    case invalidValue
}

/// The header fields of a response, in the order they are appended.
///
/// Date, Content-Length, Transfer-Encoding and Connection are the server's and must not be appended.
public struct HTTPHeaderBlock: Sendable, Hashable {
    /// Whole lines, each with its CRLF.
    private(set) var lines: ByteBuffer

    /// Makes a block without fields.
    public init() {
        lines = ByteBuffer()
    }

    /// Makes a block of one Content-Type field.
    public init(contentType: StaticString) {
        lines = ByteBuffer()
        append("Content-Type", String(describing: contentType))
    }

    /// Whether there is no field.
    public var isEmpty: Bool { lines.readableBytes == 0 }

    /// Appends a field whose name the program spells out. Control characters in `value` are sent as spaces, as
    /// RFC 9110 section 5.5 allows: a value from outside can never add a line.
    public mutating func append(_ name: StaticString, _ value: String) {
        lines.writeStaticString(name)
        lines.writeStaticString(": ")
        for byte in value.utf8 {
            let isControl = (byte < 0x20 && byte != 0x09) || byte == 0x7f
            lines.writeInteger(isControl ? 0x20 : byte)
        }
        lines.writeStaticString("\r\n")
    }

    /// Appends a field whose name is not known before.
    ///
    /// - Throws: `HTTPHeaderError` if name or value may not stand in a header; nothing is appended then.
    public mutating func append(checkedName name: String, value: String) throws(HTTPHeaderError) {
        guard !name.isEmpty, name.utf8.allSatisfy(HTTPByte.isToken) else { throw .invalidName }
        guard value.utf8.allSatisfy({ ($0 >= 0x20 || $0 == 0x09) && $0 != 0x7f }) else { throw .invalidValue }
        lines.writeString(name)
        lines.writeStaticString(": ")
        lines.writeString(value)
        lines.writeStaticString("\r\n")
    }
}
