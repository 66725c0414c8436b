// SPDX-License-Identifier: Apache-2.0

// Mail from any thread to the connections of one event loop. The lock is held for an append; the loop is woken
// only by the letter that finds the box empty. A journal flush that completes sixty-four requests thus costs
// one wake-up, not sixty-four.

internal import ApusHTTPCodec
internal import NIOCore
internal import Synchronization

/// A message to one exchange.
struct HTTPMail: Sendable {
    enum Content: Sendable {
        case response(HTTPResponse)
        case stream(HTTPResponseHead, HTTPStream)
        case chunk(ByteBuffer)
        case finish
        case whenAbandoned(@Sendable () -> Void)
    }

    var exchange: HTTPExchangeID
    var content: Content
}

/// Where mail for the connections of one event loop is left.
///
/// Invariant: while `letters` is not empty, a drain is scheduled or running.
final class HTTPMailbox: Sendable {
    private struct State {
        var letters: [HTTPMail] = []
        var drainIsScheduled = false
        var isShut = false
    }

    let eventLoop: any EventLoop
    let streamBufferBytesMax: Int
    private let state = Mutex(State())
    /// The loop's side; nil before it is made and after it is shut.
    private let owner: NIOLoopBoundBox<HTTPServerLoop?>

    init(eventLoop: any EventLoop, streamBufferBytesMax: Int) {
        self.eventLoop = eventLoop
        self.streamBufferBytesMax = streamBufferBytesMax
        owner = .makeEmptyBox(valueType: HTTPServerLoop.self, eventLoop: eventLoop)
    }

    /// Names the loop's side that letters are handed to; called on the loop.
    func open(_ loop: HTTPServerLoop) {
        owner.value = loop
    }

    /// Hands nothing over any more; called on the loop.
    func shut() {
        owner.value = nil
        let dropped = state.withLock { state in
            state.isShut = true
            return exchange(&state.letters, with: [])
        }
        dropped.forEach { $0.dropped() }
    }

    /// Delivers a letter: at once if called on the loop, soon otherwise.
    func deliver(_ mail: HTTPMail) {
        guard eventLoop.inEventLoop else { return post(mail) }
        guard let loop = owner.value else { return mail.dropped() }
        // Parts of a stream keep their order even if some were posted from elsewhere.
        if mail.isPartOfStream {
            guard !loop.isDelivering else { return post(mail) }
            drain()
        }
        loop.receive(mail)
    }

    private func post(_ mail: HTTPMail) {
        let (mustSchedule, isShut) = state.withLock { state in
            guard !state.isShut else { return (false, true) }
            state.letters.append(mail)
            defer { state.drainIsScheduled = true }
            return (!state.drainIsScheduled, false)
        }
        if isShut { return mail.dropped() }
        if mustSchedule { eventLoop.execute { self.drain() } }
    }

    /// Hands all letters over in the order they were left, then lets each connection touched flush once.
    private func drain() {
        let letters = state.withLock { state in
            state.drainIsScheduled = false
            return exchange(&state.letters, with: [])
        }
        guard let loop = owner.value else { return letters.forEach { $0.dropped() } }
        if !letters.isEmpty { loop.receive(letters) }
    }
}

/// Puts `new` in the place of `value` and returns what was there.
private func exchange<Value>(_ value: inout Value, with new: Value) -> Value {
    let old = value
    value = new
    return old
}

extension HTTPMail {
    fileprivate var isPartOfStream: Bool {
        switch content {
        case .chunk, .finish, .stream: true
        case .response, .whenAbandoned: false
        }
    }

    /// Tells whoever left the letter that its reader is gone.
    func dropped() {
        switch content {
        case .stream(_, let stream): stream.close()
        case .whenAbandoned(let action): action()
        case .response, .chunk, .finish: break
        }
    }
}
