// SPDX-License-Identifier: Apache-2.0

// The request line (RFC 9112 section 3): method, target in one of its four forms, version. Read from a whole
// line; the places are offsets from the head's first byte.

/// A request line, as places in the head's bytes.
struct HTTPRequestLine: Sendable {
    var method: HTTPMethod
    var version: HTTPVersion
    /// Where the method begins and ends.
    var start: UInt32
    var methodEnd: UInt32
    var target: HTTPByteRange
    /// Empty for an absolute target without a path.
    var path: HTTPByteRange
    var query: HTTPByteRange?
    /// The host and port of an absolute target; it overrides Host (RFC 9112 section 3.2.2).
    var authority: HTTPByteRange?

    /// Reads the line that stands from `start` to `end` of `head`, its CRLF left out.
    init(_ head: UnsafeRawBufferPointer, from start: Int, to end: Int) throws(HTTPRequestError) {
        var cursor = start
        while cursor < end, HTTPByte.isToken(head[cursor]) { cursor &+= 1 }
        guard cursor < end, cursor > start else { throw .malformedRequestLine }
        guard head[cursor] == 0x20 else { throw .invalidMethod }
        self.start = UInt32(truncatingIfNeeded: start)
        methodEnd = UInt32(truncatingIfNeeded: cursor)
        method = HTTPMethod(head.part(start, cursor))

        let targetStart = cursor &+ 1
        cursor = targetStart
        while cursor < end, HTTPByte.isTarget(head[cursor]) { cursor &+= 1 }
        guard cursor < end else { throw .malformedRequestLine }
        guard head[cursor] == 0x20, cursor > targetStart else { throw .invalidTarget }
        target = HTTPByteRange(targetStart, cursor)
        version = try Self.version(head.part(cursor &+ 1, end))
        path = target
        try splitTarget(head, from: targetStart, to: cursor)
    }

    private static func version(_ bytes: UnsafeRawBufferPointer) throws(HTTPRequestError) -> HTTPVersion {
        guard bytes.count == 8, bytes.part(0, 5).equals("HTTP/"), HTTPByte.isDigit(bytes[5]),
            bytes[6] == UInt8(ascii: "."), HTTPByte.isDigit(bytes[7])
        else { throw .malformedRequestLine }
        guard bytes[5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
        return bytes[7] == UInt8(ascii: "0") ? .http10 : .http11
    }

    /// Finds path, query and authority; origin form is the common one and goes first.
    private mutating func splitTarget(
        _ head: UnsafeRawBufferPointer, from start: Int, to end: Int
    ) throws(HTTPRequestError) {
        if head[start] == UInt8(ascii: "/") {
            guard method != .connect else { throw .invalidTarget }
            splitQuery(head, from: start, to: end)
        } else if head[start] == UInt8(ascii: "*") {
            guard method == .options, end == start &+ 1 else { throw .invalidTarget }
        } else if method == .connect {
            try takeAuthority(head, from: start, to: end)
            path = HTTPByteRange(end, end)
        } else {
            try splitAbsolute(head, from: start, to: end)
        }
    }

    private mutating func splitAbsolute(
        _ head: UnsafeRawBufferPointer, from start: Int, to end: Int
    ) throws(HTTPRequestError) {
        let schemeLength: Int
        if end - start > 7, head.part(start, start + 7).equalsIgnoringCase("http://") {
            schemeLength = 7
        } else if end - start > 8, head.part(start, start + 8).equalsIgnoringCase("https://") {
            schemeLength = 8
        } else {
            throw .invalidTarget
        }
        var cursor = start + schemeLength
        while cursor < end, head[cursor] != UInt8(ascii: "/"), head[cursor] != UInt8(ascii: "?") {
            cursor &+= 1
        }
        try takeAuthority(head, from: start + schemeLength, to: cursor)
        splitQuery(head, from: cursor, to: end)
    }

    private mutating func takeAuthority(
        _ head: UnsafeRawBufferPointer, from start: Int, to end: Int
    ) throws(HTTPRequestError) {
        guard start < end, head.part(start, end).allSatisfy(HTTPByte.isAuthority) else {
            throw .invalidTarget
        }
        authority = HTTPByteRange(start, end)
    }

    private mutating func splitQuery(_ head: UnsafeRawBufferPointer, from start: Int, to end: Int) {
        var cursor = start
        while cursor < end, head[cursor] != UInt8(ascii: "?") { cursor &+= 1 }
        path = HTTPByteRange(start, cursor)
        if cursor < end { query = HTTPByteRange(cursor &+ 1, end) }
    }
}
