// SPDX-License-Identifier: Apache-2.0

// What a handler is given and gives back: a whole request, a place to answer to, a response.

public import ApusHTTPCodec
public import NIOCore

/// The other end of a connection.
public struct HTTPPeer: Sendable {
    /// The address; nil if the system would not tell.
    public let address: SocketAddress?
    /// Whether the connection comes from this machine by a loopback address.
    public let isLoopback: Bool

    init(_ address: SocketAddress?) {
        self.address = address
        switch address {
        case .v4(let v4): isLoopback = withUnsafeBytes(of: v4.address) { Self.isLoopback(v4: $0[4...]) }
        case .v6(let v6): isLoopback = withUnsafeBytes(of: v6.address) { Self.isLoopback(v6: $0[8..<24]) }
        case .unixDomainSocket: isLoopback = true
        case nil: isLoopback = false
        }
    }

    /// Whether an IPv4 address, which stands four bytes into its `sockaddr_in`, is in 127.0.0.0/8.
    private static func isLoopback(v4 address: Slice<UnsafeRawBufferPointer>) -> Bool { address.first == 127 }

    /// Whether an IPv6 address, eight bytes into its `sockaddr_in6`, is ::1 or an IPv4 loopback address in
    /// IPv6 form.
    private static func isLoopback(v6 address: Slice<UnsafeRawBufferPointer>) -> Bool {
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        if address.starts(with: mapped) { return isLoopback(v4: address.dropFirst(12)) }
        return address.dropLast().allSatisfy { $0 == 0 } && address.last == 1
    }
}

/// A request that has arrived whole.
public struct HTTPRequest: Sendable {
    /// Method, target and fields.
    public let head: HTTPRequestHead
    /// The body, chunked coding taken off; it shares the memory it was received in.
    public let body: ByteBuffer
    /// Who sent it.
    public let peer: HTTPPeer
}

/// A response sent in one piece.
public struct HTTPResponse: Sendable {
    /// Status and fields.
    public var head: HTTPResponseHead
    /// The body; not sent in answer to HEAD, only its length.
    public var body: ByteBuffer
    /// Whether to close the connection after this response, whatever the client would like.
    public var closesConnection: Bool

    /// Makes a response.
    public init(
        status: HTTPStatus, headers: HTTPHeaderBlock = HTTPHeaderBlock(), body: ByteBuffer = ByteBuffer(),
        closesConnection: Bool = false
    ) {
        head = HTTPResponseHead(status: status, headers: headers)
        self.body = body
        self.closesConnection = closesConnection
    }
}

/// Answers requests.
public protocol HTTPRequestHandler: Sendable {
    /// Takes a whole request; called on the connection's event loop, so it must not block or take long.
    ///
    /// `responder` must be used exactly once, during the call or later from any thread.
    func handle(_ request: consuming HTTPRequest, _ responder: HTTPResponder)

    /// Why a request is refused before its body is received, if that may be large; nil if it is not. What is not refused here is
    /// handed to `handle` like all others. Called on the connection's event loop; the connection closes after the answer.
    func refusal(of head: HTTPRequestHead) -> HTTPResponse?

    /// Words the answer to bytes that are no acceptable request; the connection closes after it.
    func response(to error: HTTPRequestError) -> HTTPResponse
}

extension HTTPRequestHandler {
    /// Refuses nothing.
    public func refusal(of head: HTTPRequestHead) -> HTTPResponse? { nil }

    /// An `application/problem+json` body (RFC 9457) with status, title and explanation.
    public func response(to error: HTTPRequestError) -> HTTPResponse {
        let status = error.status
        let text = """
            {"type":"about:blank","title":"\(status.reason)","status":\(status.code),\
            "detail":"\(error.explanation)"}
            """
        return HTTPResponse(
            status: status, headers: HTTPHeaderBlock(contentType: "application/problem+json"),
            body: ByteBuffer(string: text))
    }
}
