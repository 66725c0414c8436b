// SPDX-License-Identifier: Apache-2.0

// The two closed vocabularies of a request line: methods and versions.

/// A request method (RFC 9110 section 9).
public enum HTTPMethod: Sendable, Hashable {
    /// Fetch a representation.
    case get
    /// As `get`, without the body.
    case head
    /// Process the body as the resource decides.
    case post
    /// Replace the resource.
    case put
    /// Change a part of the resource (RFC 5789).
    case patch
    /// Remove the resource.
    case delete
    /// Describe what can be done.
    case options
    /// Echo the request.
    case trace
    /// Open a tunnel.
    case connect
    /// A method this module has no name for; `HTTPRequestHead.methodName` spells it.
    case other

    /// Recognises a method by its bytes; case matters (RFC 9110 section 9.1).
    init(_ bytes: UnsafeRawBufferPointer) {
        switch bytes.count {
        case 3 where bytes.equals("GET"): self = .get
        case 3 where bytes.equals("PUT"): self = .put
        case 4 where bytes.equals("POST"): self = .post
        case 4 where bytes.equals("HEAD"): self = .head
        case 5 where bytes.equals("PATCH"): self = .patch
        case 5 where bytes.equals("TRACE"): self = .trace
        case 6 where bytes.equals("DELETE"): self = .delete
        case 7 where bytes.equals("OPTIONS"): self = .options
        case 7 where bytes.equals("CONNECT"): self = .connect
        default: self = .other
        }
    }
}

/// The versions of HTTP served here. A later minor version of 1 is spoken to as 1.1 (RFC 9110 section 2.5).
public enum HTTPVersion: Sendable, Hashable {
    /// HTTP/1.0: no chunked coding, connections close unless asked to stay.
    case http10
    /// HTTP/1.1.
    case http11
}
