// SPDX-License-Identifier: Apache-2.0

// Bytes to requests, without a socket (RFC 9112). Fed whatever has arrived, it yields heads, pieces of bodies
// and ends. It reads line by line and remembers how far it has looked, so a request costs the same however it
// is split, and gives the same result: the tests hold it to that byte by byte.

public import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Reads HTTP/1 requests from the bytes of one connection.
///
/// Invariant: between calls, unread bytes of `input` are exactly those not yet part of a yielded event, and
/// `lineStart <= scanned <= input.readableBytes`, both counted from the reader index. The caller may append to
/// `input` and move its storage about, but not its reader index.
public struct HTTPRequestParser: ~Copyable, Sendable {
    /// What the bytes fed so far have completed.
    public enum Event: Sendable {
        /// Nothing yet: feed more bytes.
        case needsBytes
        /// A request has begun.
        case head(HTTPRequestHead)
        /// The next piece of its body, never empty, sharing the input's memory.
        case body(ByteBuffer)
        /// The request is complete; the next call begins the next one.
        case end
    }

    enum State {
        case head
        case body(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case chunkEnd
        case trailers
        case complete
        case failed(HTTPRequestError)
    }

    let limits: HTTPLimits
    var state = State.head
    /// How far the current part has been searched for its end, and where its current line begins.
    var scanned = 0
    var lineStart = 0
    /// The end of the request line, once found, and what it said.
    private var requestLineEnd = 0
    private var requestLine: HTTPRequestLine?
    private var fields: [HTTPFieldRange] = []
    private var known = HTTPKnownFields()
    private var hasSkippedEmptyLine = false
    /// Bytes of body yielded, and of chunk framing and trailers read, in the current request.
    var bodyBytes = 0
    var framingBytes = 0
    var trailerFields = 0

    /// Makes a parser for one connection.
    public init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
    }

    /// Whether no byte of a request has been looked at since the last one ended.
    public var isBetweenRequests: Bool {
        if case .head = state { return scanned == 0 }
        return false
    }

    /// Takes the next event from `input`.
    ///
    /// - Throws: why the bytes are no request; the same again on every later call.
    public mutating func next(from input: inout ByteBuffer) throws(HTTPRequestError) -> Event {
        do throws(HTTPRequestError) {
            switch state {
            case .head: return try nextHead(&input)
            case .body(let remaining): return takeBody(&input, remaining: remaining)
            case .complete:
                reset()
                return .end
            case .failed(let error): throw error
            default: return try nextOfChunked(&input)
            }
        } catch {
            state = .failed(error)
            throw error
        }
    }

    private mutating func reset() {
        state = .head
        requestLine = nil
        known = HTTPKnownFields()
        hasSkippedEmptyLine = false
        bodyBytes = 0
        framingBytes = 0
        trailerFields = 0
    }

    // MARK: Head

    private mutating func nextHead(_ input: inout ByteBuffer) throws(HTTPRequestError) -> Event {
        skipEmptyLine(&input)
        let length = try input.withUnsafeReadableBytes { bytes throws(HTTPRequestError) in
            try readLines(bytes)
        }
        guard let length, let line = requestLine, let head = input.readSlice(length: length) else {
            return .needsBytes
        }
        try known.finish(line, limits: limits)
        scanned = 0
        lineStart = 0
        switch known.framing {
        case .length(0): state = .complete
        case .length(let count): state = .body(remaining: count)
        case .chunked: state = .chunkSize
        }
        return .head(HTTPRequestHead(bytes: head, fields: fields, line: line, known: known))
    }

    /// Skips one CRLF that old clients send after a body (RFC 9112 section 2.2).
    private mutating func skipEmptyLine(_ input: inout ByteBuffer) {
        guard !hasSkippedEmptyLine, lineStart == 0 else { return }
        let isEmptyLine = input.withUnsafeReadableBytes { $0.count >= 2 && $0[0] == 0x0d && $0[1] == 0x0a }
        guard isEmptyLine else { return }
        input.moveReaderIndex(forwardBy: 2)
        hasSkippedEmptyLine = true
        scanned = 0
    }

    /// Reads the lines that are whole; returns the length of the head once its empty line is there.
    private mutating func readLines(_ bytes: UnsafeRawBufferPointer) throws(HTTPRequestError) -> Int? {
        while let lineEnd = try nextLineEnd(bytes) {
            defer {
                lineStart = lineEnd &+ 2
                scanned = lineStart
            }
            if requestLine == nil {
                requestLine = try HTTPRequestLine(bytes, from: lineStart, to: lineEnd)
                requestLineEnd = lineEnd &+ 2
                fields.removeAll(keepingCapacity: true)
            } else if lineEnd == lineStart {
                return lineEnd &+ 2
            } else {
                try readField(bytes, to: lineEnd)
            }
        }
        return nil
    }

    /// Finds where the current line ends, before its CRLF, holding it to the limits found or not.
    private mutating func nextLineEnd(_ bytes: UnsafeRawBufferPointer) throws(HTTPRequestError) -> Int? {
        let lineFeed = bytes.lineFeed(from: scanned)
        // Without the line feed, the last byte may be the line's CR.
        let end = lineFeed.map { $0 &- 1 } ?? (bytes.count &- 1)
        if requestLine == nil {
            guard end &- lineStart <= limits.requestLineBytesMax else { throw .requestLineTooLong }
        } else {
            guard end &+ 1 &- requestLineEnd < limits.headerBytesMax else { throw .headerTooLarge }
        }
        guard lineFeed != nil else {
            scanned = bytes.count
            return nil
        }
        guard end >= lineStart, bytes[end] == 0x0d else { throw .bareLineFeed }
        return end
    }

    private mutating func readField(
        _ bytes: UnsafeRawBufferPointer, to lineEnd: Int
    ) throws(HTTPRequestError) {
        guard fields.count < limits.headerFieldsMax else { throw .tooManyHeaderFields }
        guard !HTTPByte.isBlank(bytes[lineStart]) else { throw .foldedHeaderLine }
        let field = try HTTPFieldRange(bytes, from: lineStart, to: lineEnd)
        try known.note(bytes.slice(field.name), bytes.slice(field.value), at: fields.count)
        fields.append(field)
    }
}

extension HTTPFieldRange {
    /// Reads one field line, its CRLF left out (RFC 9112 section 5).
    init(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) throws(HTTPRequestError) {
        var colon = start
        while colon < end, HTTPByte.isToken(bytes[colon]) { colon &+= 1 }
        guard colon < end, colon > start, bytes[colon] == UInt8(ascii: ":") else { throw .invalidFieldName }
        var valueStart = colon &+ 1
        var valueEnd = end
        while valueStart < valueEnd, HTTPByte.isBlank(bytes[valueStart]) { valueStart &+= 1 }
        while valueEnd > valueStart, HTTPByte.isBlank(bytes[valueEnd &- 1]) { valueEnd &-= 1 }
        guard HTTPByte.isFieldValue(bytes.part(valueStart, valueEnd)) else { throw .invalidFieldValue }
        name = HTTPByteRange(start, colon)
        value = HTTPByteRange(valueStart, valueEnd)
    }
}

extension UnsafeRawBufferPointer {
    /// The first line feed at or after `start`.
    @inline(__always)
    func lineFeed(from start: Int) -> Int? {
        guard let base = baseAddress, start < count,
            let found = memchr(base + start, 0x0a, count &- start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }
}
