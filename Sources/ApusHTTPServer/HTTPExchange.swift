// SPDX-License-Identifier: Apache-2.0

// A request from when it is whole until its response is written, as an element of its connection's queue.

internal import ApusHTTPCodec
internal import NIOCore

/// A request that is being answered.
struct HTTPExchange {
    enum State {
        /// The handler has not answered.
        case waiting(whenAbandoned: (@Sendable () -> Void)?)
        /// Answered, but an earlier request is not.
        case answered(HTTPResponse)
        /// Being streamed, or going to be once earlier requests are answered.
        case streaming(HTTPStreamedResponse)
    }

    var state = State.waiting(whenAbandoned: nil)
    let version: HTTPVersion
    let isHead: Bool
    /// Whether the client lets the connection stay open.
    let keepsAlive: Bool
    /// Counts the request's body until it is answered.
    var hold: HTTPBodyBudget.Hold?

    /// Whether its handler wants to stop once the client has closed its side.
    var needsReader: Bool {
        switch state {
        case .waiting(let whenAbandoned): whenAbandoned != nil
        case .answered: false
        case .streaming: true
        }
    }
}

/// The response of a stream as far as it is not yet written.
struct HTTPStreamedResponse {
    let head: HTTPResponseHead
    let stream: HTTPStream
    var headIsWritten = false
    var keepsAlive = false
    var isFinished = false
    /// What was written before its turn came; bounded by the stream's own bound.
    var chunks: [ByteBuffer] = []
}
