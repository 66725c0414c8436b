// SPDX-License-Identifier: Apache-2.0

// Why a request could not be read. Closed, so that every refusal has a status and a text a person can act on.
// After any of these the connection's framing is lost: answer once, then close.

/// A reason a request cannot be read; the connection it came on cannot be used further.
public enum HTTPRequestError: Error, Sendable, Hashable, CaseIterable {
    /// A line ended in LF without CR, or a CR stood alone (RFC 9112 section 2.2).
    case bareLineFeed
    /// The request line is not method, target and version with one space between.
    case malformedRequestLine
    /// The method holds a byte no token may have.
    case invalidMethod
    /// The target is empty, of the wrong form for the method, or holds a byte no target may have.
    case invalidTarget
    /// The version is not HTTP/1.0 or HTTP/1.1.
    case unsupportedVersion
    /// The request line is longer than `HTTPLimits.requestLineBytesMax`.
    case requestLineTooLong
    /// The header section is larger than `HTTPLimits.headerBytesMax`.
    case headerTooLarge
    /// There are more fields than `HTTPLimits.headerFieldsMax`.
    case tooManyHeaderFields
    /// A header line began with white space (RFC 9112 section 5.2).
    case foldedHeaderLine
    /// A field name is empty, not a token, or followed by white space before the colon.
    case invalidFieldName
    /// A field value holds a control character.
    case invalidFieldValue
    /// An HTTP/1.1 request came without Host.
    case missingHost
    /// Host came twice or is no authority.
    case invalidHost
    /// Content-Length is no number, or came with different numbers.
    case invalidContentLength
    /// Transfer-Encoding is anything but one `chunked`, or came in an HTTP/1.0 request.
    case invalidTransferEncoding
    /// Both Content-Length and Transfer-Encoding came: a sign of request smuggling.
    case conflictingFraming
    /// Expect asks for something other than `100-continue`.
    case unsupportedExpectation
    /// The body is larger than `HTTPLimits.bodyBytesMax`.
    case bodyTooLarge
    /// A chunk's size, extension or end is malformed (RFC 9112 section 7.1).
    case invalidChunk
    /// A trailer field is malformed.
    case invalidTrailer
    /// The request did not arrive within the time allowed for it.
    case tooSlow
    /// The bodies of other requests take all the memory there is for bodies.
    case tooManyBodies

    /// The status to answer with.
    public var status: HTTPStatus {
        switch self {
        case .unsupportedVersion: .versionNotSupported
        case .requestLineTooLong: .uriTooLong
        case .headerTooLarge, .tooManyHeaderFields: .headerFieldsTooLarge
        case .unsupportedExpectation: .expectationFailed
        case .bodyTooLarge: .contentTooLarge
        case .tooSlow: .requestTimeout
        case .tooManyBodies: .serviceUnavailable
        default: .badRequest
        }
    }

    /// What was wrong and what to send instead, in a sentence without quotes or backslashes.
    public var explanation: StaticString {
        switch self {
        case .bareLineFeed: "A line does not end in CR LF. End every line of the head with CR LF."
        case .malformedRequestLine:
            "The request line is not a method, a target and a version, one space apart."
        case .invalidMethod: "The method holds a character that is not allowed in a method."
        case .invalidTarget: "The request target is not a path, an absolute http URL or an asterisk."
        case .unsupportedVersion: "Only HTTP/1.1 and HTTP/1.0 are spoken here."
        case .requestLineTooLong: "The request line is longer than this server accepts."
        case .headerTooLarge: "The header section is larger than this server accepts."
        case .tooManyHeaderFields: "There are more header fields than this server accepts."
        case .foldedHeaderLine: "A header line begins with white space. Folded headers are not accepted."
        case .invalidFieldName: "A header name holds white space or a character not allowed in names."
        case .invalidFieldValue: "A header value holds a control character."
        case .missingHost: "An HTTP/1.1 request must have a Host header."
        case .invalidHost: "The Host header came more than once or is not a host with an optional port."
        case .invalidContentLength: "Content-Length must be one decimal number."
        case .invalidTransferEncoding: "The only Transfer-Encoding accepted is chunked, in HTTP/1.1."
        case .conflictingFraming: "Send either Content-Length or Transfer-Encoding, not both."
        case .unsupportedExpectation: "The only expectation met here is 100-continue."
        case .bodyTooLarge: "The request body is larger than this server accepts."
        case .invalidChunk: "The chunked body is malformed."
        case .invalidTrailer: "A trailer field of the chunked body is malformed."
        case .tooSlow: "The request did not arrive in the time allowed for it."
        case .tooManyBodies: "Other requests take all the memory for bodies. Send it again in a while."
        }
    }
}
