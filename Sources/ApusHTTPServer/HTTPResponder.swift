// SPDX-License-Identifier: Apache-2.0

// The way back to a connection from any thread. A responder is a mailbox and three numbers: it keeps no
// connection alive, and mail for one that is gone is dropped where it would be delivered.

public import ApusHTTPCodec

/// Names a connection of one event loop; the generation tells it from earlier users of the same place.
struct HTTPConnectionID: Sendable, Hashable {
    var index: UInt32
    var generation: UInt32
}

/// Names a request of one connection.
struct HTTPExchangeID: Sendable, Hashable {
    var connection: HTTPConnectionID
    var sequence: UInt32
}

/// The place to answer one request to.
///
/// Use it once: the first response or stream counts, later ones are dropped. Responses made on other threads
/// are gathered per event loop: many that come at once cost one wake-up.
public struct HTTPResponder: Sendable {
    let mailbox: HTTPMailbox
    let exchange: HTTPExchangeID

    /// Answers with a whole response.
    public func respond(_ response: HTTPResponse) {
        mailbox.deliver(HTTPMail(exchange: exchange, content: .response(response)))
    }

    /// Begins a response whose body is written bit by bit, such as Server-Sent Events.
    ///
    /// The body goes out in chunks, or up to the end of the connection for HTTP/1.0.
    public func startStream(_ head: HTTPResponseHead) -> HTTPStreamWriter {
        let stream = HTTPStream(bufferBytesMax: mailbox.streamBufferBytesMax)
        mailbox.deliver(HTTPMail(exchange: exchange, content: .stream(head, stream)))
        return HTTPStreamWriter(mailbox: mailbox, exchange: exchange, stream: stream)
    }

    /// Has `action` called on the event loop if the client goes away before it is answered, at once if it has.
    ///
    /// It serves requests that wait for something; only the last action asked for is kept.
    public func whenAbandoned(_ action: @escaping @Sendable () -> Void) {
        mailbox.deliver(HTTPMail(exchange: exchange, content: .whenAbandoned(action)))
    }
}
