// SPDX-License-Identifier: Apache-2.0

// A request's head: the bytes as they came, retained once, and the places in them that matter. No string is
// made until somebody asks for one, so that a head costs one array of offsets however many fields it has.

public import NIOCore

/// A part of a head's bytes.
@usableFromInline
struct HTTPByteRange: Sendable, Hashable {
    @usableFromInline var start: UInt32
    @usableFromInline var end: UInt32

    @inline(__always)
    init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }
}

/// Where one field's name and value stand; the value is without the white space around it.
@usableFromInline
struct HTTPFieldRange: Sendable, Hashable {
    @usableFromInline var name: HTTPByteRange
    @usableFromInline var value: HTTPByteRange
}

/// How a request's body is delimited (RFC 9112 section 6.3).
public enum HTTPBodyFraming: Sendable, Hashable {
    /// The body has this many bytes, perhaps none.
    case length(Int)
    /// The body comes in chunks; its length is not known before its end.
    case chunked
}

/// The head of a request: method, target, version and fields, checked against RFC 9112.
public struct HTTPRequestHead: Sendable {
    /// The head as it came, request line to the empty line.
    @usableFromInline let bytes: ByteBuffer
    @usableFromInline let fields: [HTTPFieldRange]
    let line: HTTPRequestLine
    let known: HTTPKnownFields

    /// The method.
    public var method: HTTPMethod { line.method }
    /// The version the client speaks.
    public var version: HTTPVersion { line.version }
    /// How the body is delimited.
    public var framing: HTTPBodyFraming { known.framing }
    /// Whether the client lets the connection stay open after the response.
    public var keepsAlive: Bool {
        !known.asksToClose && (line.version == .http11 || known.asksToKeepAlive)
    }
    /// Whether the client waits for `100 Continue` before it sends the body.
    public var expectsContinue: Bool { known.expectsContinue }
    /// The number of header fields.
    public var fieldCount: Int { fields.count }

    /// The method as sent.
    public var methodName: String { string(HTTPByteRange(Int(line.start), Int(line.methodEnd))) }
    /// The request target as sent: path with query, absolute URL or asterisk.
    public var target: String { string(line.target) }
    /// The target's path as sent, percent-encoding kept; `/` for an absolute URL without one.
    public var path: String { line.path.start == line.path.end ? "/" : string(line.path) }
    /// The target's query as sent, without its question mark; nil without one.
    public var query: String? { line.query.map(string) }
    /// The authority asked for: the absolute target's, or else Host; nil if neither came.
    public var authority: String? {
        if let authority = line.authority { return string(authority) }
        return known.host.map { string(fields[$0].value) }
    }
    /// The value of Content-Type, or nil.
    public var contentType: String? { known.contentType.map { string(fields[$0].value) } }
    /// The value of Origin, or nil.
    public var origin: String? { known.origin.map { string(fields[$0].value) } }

    /// Calls `body` with the path's bytes as sent; they are valid during the call.
    @inlinable
    public func withPathBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withBytes(in: pathRange, body)
    }

    /// Calls `body` with the query's bytes as sent, none if there is no query; they are valid during the call.
    @inlinable
    public func withQueryBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withBytes(in: queryRange, body)
    }

    /// Calls `body` with Content-Type's bytes, or returns nil if the request has none.
    @inlinable
    public func withContentTypeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        guard let range = contentTypeRange else { return nil }
        return withBytes(in: range, body)
    }

    /// Calls `body` with name and value of every field, in order, names in the case they were sent in.
    ///
    /// The bytes are valid during the call. Throws what `body` throws.
    @inlinable
    public func forEachField<Failure: Error>(
        _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try bytes.withUnsafeReadableBytes { (all: UnsafeRawBufferPointer) throws(Failure) -> Void in
            for field in fields {
                try body(all.slice(field.name), all.slice(field.value))
            }
        }
    }

    /// Calls `body` with the value of the first field called `name`, in lower case, or returns nil.
    @inlinable
    public func withFirstValueBytes<Result>(
        of name: StaticString, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result? {
        bytes.withUnsafeReadableBytes { all in
            for field in fields where all.slice(field.name).equalsIgnoringCase(name) {
                return body(all.slice(field.value))
            }
            return nil
        }
    }

    /// The value of the first field called `name`, which must be given in lower case; nil without one.
    public func firstValue(of name: StaticString) -> String? {
        withFirstValueBytes(of: name) { String(decoding: $0, as: UTF8.self) }
    }

    /// The values of all fields called `name`, in order; `name` must be given in lower case.
    public func values(of name: StaticString) -> [String] {
        var values: [String] = []
        forEachField { field, value in
            if field.equalsIgnoringCase(name) { values.append(String(decoding: value, as: UTF8.self)) }
        }
        return values
    }

    @usableFromInline var pathRange: HTTPByteRange { line.path }
    @usableFromInline var queryRange: HTTPByteRange { line.query ?? HTTPByteRange(0, 0) }
    @usableFromInline var contentTypeRange: HTTPByteRange? { known.contentType.map { fields[$0].value } }

    @inlinable
    func withBytes<Result>(in range: HTTPByteRange, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeReadableBytes { body($0.slice(range)) }
    }

    private func string(_ range: HTTPByteRange) -> String {
        withBytes(in: range) { String(decoding: $0, as: UTF8.self) }
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes of `range`, which a parser has found within these.
    @inlinable @inline(__always)
    func slice(_ range: HTTPByteRange) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[Int(range.start)..<Int(range.end)])
    }
}
