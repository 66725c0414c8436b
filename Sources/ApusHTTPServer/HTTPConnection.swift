// SPDX-License-Identifier: Apache-2.0

// A connection: bytes in, requests to the handler, responses out in the order of the requests. This file has
// the state and the reading; HTTPConnection+Writing.swift the way back, HTTPConnection+Closing.swift time and
// ends.

internal import ApusHTTPCodec
internal import NIOCore

/// Serves one connection, on its event loop.
///
/// Invariants:
/// - `exchanges` holds the unanswered requests, oldest first; the newest has sequence `nextSequence - 1`.
/// - Bytes are read from the socket only while more requests may be taken (`takesRequests`); what came before
///   that was noticed waits in `input`: at most a read of it, or what the system had received when the client
///   closed its side.
/// - Whatever is in `output` will be flushed: at the end of the read cycle or with the loop's dirty connections.
final class HTTPConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = Never
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    enum Phase {
        /// Requests are read and answered.
        case open
        /// What was asked will still be answered, nothing more is read as a request.
        case closing
        /// The last response is out; what still comes is dropped until the client closes.
        case lingering
        case closed
    }

    /// A request whose body is still arriving.
    struct Assembly {
        let head: HTTPRequestHead
        var body: ByteBuffer
        /// Counts the body once it is not small.
        var hold: HTTPBodyBudget.Hold?
    }

    let server: HTTPServerLoop
    var context: ChannelHandlerContext?
    var id = HTTPConnectionID(index: 0, generation: 0)
    private(set) var peer = HTTPPeer(nil)
    /// What whoever looks at connections is told.
    private(set) var notes = HTTPConnectionNotes()

    var phase = Phase.open
    /// Whether the client has closed its side.
    var inputIsClosed = false
    var deadline = HTTPDeadline()

    // Reading.
    private var parser: HTTPRequestParser
    private var input = ByteBuffer()
    private var assembly: Assembly?
    private var isProcessing = false
    private var isInReadCycle = false
    private var readIsHeld = false
    private var owesContinue = false
    var bytesReceived = 0
    var bodyWindow: HTTPProgressWindow?

    // Answering.
    var exchanges = CircularBuffer<HTTPExchange>(initialCapacity: 1)
    var nextSequence: UInt32 = 0

    // Writing.
    var output: ByteBuffer?
    var outputStream: HTTPStream?
    var outputStreamBytes = 0
    var isDirty = false
    var bytesQueued = 0
    /// Set while the socket may not have taken everything.
    var writeWindow: HTTPProgressWindow?
    var hasUnsentOutput = false

    init(server: HTTPServerLoop) {
        self.server = server
        parser = HTTPRequestParser(limits: server.configuration.limits)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelActive(context: ChannelHandlerContext) {
        id = server.add(self)
        peer = HTTPPeer(context.remoteAddress)
        (notes.opened, notes.asked) = (server.now, server.now)
        if server.isDraining { return closeNow() }
        deadline.wait(for: .head, until: server.now &+ server.deadlines.head)
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        server.remove(id)
        input = ByteBuffer()
        assembly = nil
        output = nil
        abandonExchanges()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        bytesReceived &+= bytes.readableBytes
        HTTPLoopCounters.add(bytes.readableBytes, to: server.counters.received)
        guard phase == .open else { return }
        isInReadCycle = true
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeImmutableBuffer(bytes)
        }
        processInput()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isInReadCycle = false
        flush()
        resumeReading()
    }

    func read(context: ChannelHandlerContext) {
        if phase == .lingering || takesRequests {
            context.read()
        } else {
            readIsHeld = true
            updateDeadline()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { resumeReading() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { inputClosed() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        closeNow()
    }

    // MARK: Reading requests

    /// Whether another request may be taken from the input.
    private var takesRequests: Bool {
        guard phase == .open, exchanges.count < server.configuration.pipelinedRequestsMax else {
            return false
        }
        guard (output?.readableBytes ?? 0) < server.configuration.outputBytesMax else { return false }
        return context?.channel.isWritable ?? false
    }

    /// Goes on with what was held back, if there is room for it now.
    func resumeReading() {
        guard !isProcessing, !isInReadCycle else { return }
        while input.readableBytes > 0, takesRequests {
            let before = input.readableBytes
            processInput()
            flushOrMarkDirty()
            if input.readableBytes == before { break }
        }
        if owesContinue, exchanges.isEmpty { writeContinue() }
        if readIsHeld, phase == .lingering || takesRequests {
            readIsHeld = false
            updateDeadline()
            context?.read()
        }
        endIfInputIsClosed()
    }

    /// Begins to close once nothing is left of what the client sent before it closed its side.
    private func endIfInputIsClosed() {
        guard inputIsClosed, takesRequests, exchanges.isEmpty else { return }
        phase = .closing
        deadline.clear()
        flushOrMarkDirty()
    }

    /// Takes requests from the input until it is used up or no more may be taken.
    private func processInput() {
        guard !isProcessing else { return }
        isProcessing = true
        do throws(HTTPRequestError) {
            while takesRequests, try takeEvent() {}
        } catch {
            refuse(error)
        }
        isProcessing = false
        // Nothing may hold on to a buffer that is used up, so that its memory can take the next read.
        if input.readableBytes == 0 || phase != .open { input = ByteBuffer() }
        updateDeadline()
    }

    /// Takes one event; false if bytes are lacking.
    private func takeEvent() throws(HTTPRequestError) -> Bool {
        switch try parser.next(from: &input) {
        case .needsBytes: return false
        case .head(let head):
            deadline.clear()
            if head.mayBeLarge, let refusal = server.handler.refusal(of: head) {
                refuse(with: refusal)
                return false
            }
            assembly = Assembly(head: head, body: ByteBuffer())
            if head.expectsContinue, input.readableBytes == 0, head.framing != .length(0) {
                owesContinue = true
                if exchanges.isEmpty { writeContinue() }
            }
        case .body(let piece): try appendBody(piece)
        case .end: dispatch()
        }
        return true
    }

    /// Keeps a first piece as it is; only further ones are copied together.
    private func appendBody(_ piece: ByteBuffer) throws(HTTPRequestError) {
        owesContinue = false
        let count = (assembly?.body.readableBytes ?? 0) + piece.readableBytes
        if count > HTTPBodyBudget.uncountedBytes {
            let hold = assembly?.hold ?? HTTPBodyBudget.Hold(server.bodies)
            guard hold.reserve(count) else { throw .tooManyBodies }
            assembly?.hold = hold
        }
        if assembly?.body.readableBytes == 0 {
            assembly?.body = piece
        } else {
            assembly?.body.writeImmutableBuffer(piece)
        }
    }

    private func dispatch() {
        guard let request = assembly else { return }
        assembly = nil
        owesContinue = false
        deadline.clear()
        bodyWindow = nil
        let head = request.head
        let keepsAlive = head.keepsAlive && !server.isDraining
        notes.note(head, isFirst: nextSequence == 0, now: server.now)
        let sequence = nextSequence
        nextSequence &+= 1
        exchanges.append(
            HTTPExchange(
                version: head.version, isHead: head.method == .head, keepsAlive: keepsAlive,
                hold: request.hold))
        if !keepsAlive { phase = .closing }
        server.handler.handle(
            HTTPRequest(head: head, body: request.body, peer: peer),
            HTTPResponder(
                mailbox: server.mailbox, exchange: HTTPExchangeID(connection: id, sequence: sequence)))
    }

    /// Answers bytes that are no request, behind the answers still owed; then closes.
    func refuse(_ error: HTTPRequestError) {
        HTTPLoopCounters.add(1, to: server.counters.malformed)
        refuse(with: server.handler.response(to: error))
    }

    private func refuse(with refusal: HTTPResponse) {
        phase = .closing
        assembly = nil
        owesContinue = false
        deadline.clear()
        var response = refusal
        response.closesConnection = true
        exchanges.append(
            HTTPExchange(state: .answered(response), version: .http11, isHead: false, keepsAlive: false))
        nextSequence &+= 1
        writeAnswered()
    }

    private func writeContinue() {
        owesContinue = false
        var buffer = output ?? server.takeOutput()
        HTTPResponseEncoding.writeContinue(into: &buffer)
        output = buffer
        flushOrMarkDirty()
    }

    /// Flushes with the read cycle, or with the loop's other dirty connections.
    func flushOrMarkDirty() {
        guard !isInReadCycle, !isDirty, output != nil || phase == .closing else { return }
        isDirty = true
        server.markDirty(self)
    }

    // MARK: What is waited for

    /// Sets the deadline that fits what has arrived so far.
    func updateDeadline() {
        let now = server.now
        if phase != .open {
            if phase == .closing { deadline.clear() }
        } else if readIsHeld {
            // The client cannot be late while nothing is read from it.
            deadline.clear()
            bodyWindow = nil
        } else if assembly != nil {
            deadline.wait(for: .body, until: .max)
            if bodyWindow == nil {
                bodyWindow = HTTPProgressWindow(
                    total: bytesReceived, bytesMin: server.deadlines.bodyBytesMin, now: now,
                    span: server.deadlines.body)
            }
        } else if !parser.isBetweenRequests {
            deadline.wait(for: .head, until: now &+ server.deadlines.head)
        } else if exchanges.isEmpty, nextSequence > 0, input.readableBytes == 0 {
            deadline.wait(for: .idle, until: now &+ server.deadlines.idle)
        } else if !exchanges.isEmpty {
            deadline.clear()
        }
    }

    /// Whether part of a request has arrived.
    var isMidRequest: Bool { assembly != nil || !parser.isBetweenRequests || input.readableBytes > 0 }
}

extension HTTPRequestHead {
    /// Whether the body that follows may be one that is counted.
    fileprivate var mayBeLarge: Bool {
        switch framing {
        case .length(let count): count > HTTPBodyBudget.uncountedBytes
        case .chunked: true
        }
    }
}
