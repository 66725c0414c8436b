// SPDX-License-Identifier: Apache-2.0

// The fields that decide a request's framing and routing, noted while the head is read, so that nobody has to
// look for them again. All rules against request smuggling that concern header fields are here.

/// What the fields known to the parser said.
struct HTTPKnownFields: Sendable {
    /// Indexes into the head's fields.
    var host: Int?
    var contentType: Int?
    var origin: Int?

    private var contentLength: Int?
    private var isChunked = false
    private(set) var expectsContinue = false
    private(set) var asksToClose = false
    private(set) var asksToKeepAlive = false

    init() {}

    /// How the body is delimited; no framing field means no body (RFC 9112 section 6.3).
    var framing: HTTPBodyFraming { isChunked ? .chunked : .length(contentLength ?? 0) }

    /// Takes note of the field at `index` if its name is one of interest.
    ///
    /// The length of a name rules out nearly all candidates before a byte is compared.
    @inline(__always)
    mutating func note(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, at index: Int
    ) throws(HTTPRequestError) {
        switch name.count {
        case 4 where name.equalsIgnoringCase("host"):
            guard host == nil, value.allSatisfy(HTTPByte.isAuthority) else { throw .invalidHost }
            host = index
        case 6 where name.equalsIgnoringCase("origin"):
            origin = origin ?? index
        case 6 where name.equalsIgnoringCase("expect"):
            guard value.equalsIgnoringCase("100-continue") else { throw .unsupportedExpectation }
            expectsContinue = true
        case 10 where name.equalsIgnoringCase("connection"):
            noteConnection(value)
        case 12 where name.equalsIgnoringCase("content-type"):
            contentType = contentType ?? index
        case 14 where name.equalsIgnoringCase("content-length"):
            try noteContentLength(value)
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            guard !isChunked, value.equalsIgnoringCase("chunked") else { throw .invalidTransferEncoding }
            isChunked = true
        default: break
        }
    }

    /// Checks what only the whole header section shows.
    mutating func finish(_ line: HTTPRequestLine, limits: HTTPLimits) throws(HTTPRequestError) {
        if isChunked {
            guard contentLength == nil else { throw .conflictingFraming }
            guard line.version == .http11 else { throw .invalidTransferEncoding }
        }
        if line.version == .http11 {
            guard host != nil else { throw .missingHost }
        } else {
            expectsContinue = false  // RFC 9110 section 10.1.1: ignored in HTTP/1.0
        }
        if let contentLength, contentLength > limits.bodyBytesMax { throw .bodyTooLarge }
    }

    private mutating func noteContentLength(_ value: UnsafeRawBufferPointer) throws(HTTPRequestError) {
        guard value.count > 0, value.allSatisfy(HTTPByte.isDigit) else { throw .invalidContentLength }
        var number = 0
        for digit in value {
            let (tens, overTens) = number.multipliedReportingOverflow(by: 10)
            let (sum, overSum) = tens.addingReportingOverflow(Int(digit &- 0x30))
            // A number that fits no integer is beyond any limit, so it is kept as the largest one.
            number = overTens || overSum ? Int.max : sum
        }
        guard contentLength == nil || contentLength == number else { throw .invalidContentLength }
        contentLength = number
    }

    /// Reads a list of connection options; unknown ones are allowed (RFC 9110 section 7.6.1).
    private mutating func noteConnection(_ value: UnsafeRawBufferPointer) {
        var start = 0
        while start <= value.count {
            var end = start
            while end < value.count, value[end] != UInt8(ascii: ",") { end &+= 1 }
            let option = value.part(start, end).trimmed
            if option.equalsIgnoringCase("close") { asksToClose = true }
            if option.equalsIgnoringCase("keep-alive") { asksToKeepAlive = true }
            start = end &+ 1
        }
    }
}

extension UnsafeRawBufferPointer {
    /// These bytes without spaces and tabs around them.
    var trimmed: UnsafeRawBufferPointer {
        var start = 0
        var end = count
        while start < end, HTTPByte.isBlank(self[start]) { start &+= 1 }
        while end > start, HTTPByte.isBlank(self[end &- 1]) { end &-= 1 }
        return part(start, end)
    }
}
