// SPDX-License-Identifier: Apache-2.0

// A connection: bytes in, requests to the handler, answers out in the order of the requests, which is what the protocol promises its clients.
// Requests of one connection are answered one at a time, as Kafka does; only those that say so (produce) are taken while others are under way.

internal import ApusModel
internal import ApusNetwork
internal import NIOCore

/// Serves one connection, on its event loop.
///
/// Invariants:
/// - `slots` holds the unanswered requests, oldest first; the newest has sequence `nextSequence - 1`.
/// - `input` holds what was read and not yet taken as a request; while a request must wait, the socket is not read, so that is at most one read
///   beyond one request.
/// - Whatever is in `output` will be flushed: at the end of the read cycle or with the loop's dirty connections.
final class KafkaConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = Never
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private struct Slot {
        var isPipelined: Bool
        var answer: KafkaAnswer?
        /// What the request holds of the budget, until it is answered.
        var hold: RequestBudget.Hold?
    }

    /// Answers below this size are gathered in one buffer; larger ones go to the socket as they are.
    private static let copiedBytesMax = 16 << 10
    /// How much memory is asked for at once for a request that is still arriving.
    private static let reservedBytesMax = 1 << 20

    private let loop: KafkaLoop
    private var context: ChannelHandlerContext?
    private var id = KafkaConnectionID(index: 0, generation: 0)
    private var session = KafkaSession(peer: "?", local: ListenAddress(host: Defaults.host, port: 0))

    private var isOpen = false
    /// No further request is taken; the connection closes when what is owed is written.
    private var isClosing = false

    // Reading.
    private var input = ByteBuffer()
    /// The length of the request that is arriving, once known and allowed.
    private var expected: Int?
    private var hold: RequestBudget.Hold?
    private var waitsForBudget = false
    private var isProcessing = false
    private var isInReadCycle = false
    private var readIsHeld = false
    private var lastProgress: UInt64 = 0
    private var bytesAtProgress = 0
    private var bytesReceived = 0

    // For whoever looks at connections.
    private var opened: UInt64 = 0
    private var asked: UInt64 = 0
    private var requestCount = 0
    private var lastKey: Int16?
    private var clientID: String?

    // Answering.
    private var slots = CircularBuffer<Slot>(initialCapacity: 2)
    private var nextSequence: UInt32 = 0

    // Writing.
    private var output: ByteBuffer?
    private var isDirty = false
    private var unsentSince: UInt64?
    private var bytesQueued = 0
    /// All bytes ever written, and how many of them the client had taken when that was last looked at.
    private var bytesWritten = 0
    private var takenAtCheck = 0

    init(loop: KafkaLoop) { self.loop = loop }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelActive(context: ChannelHandlerContext) {
        isOpen = true
        id = loop.add(self)
        session = KafkaSession(
            peer: context.remoteAddress?.ipAddress ?? "?",
            local: context.localAddress.map(ListenAddress.init(bound:))
                ?? ListenAddress(host: Defaults.host, port: 0))
        lastProgress = loop.now
        (opened, asked) = (loop.now, loop.now)
        if loop.isDraining { close() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isOpen = false
        loop.remove(id)
        input = ByteBuffer()
        output = nil
        hold = nil
        slots.removeAll()
        session.close()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        bytesReceived &+= bytes.readableBytes
        loop.counters.received.add(bytes.readableBytes)
        guard isOpen, !isClosing else { return }
        isInReadCycle = true
        append(bytes)
        processInput()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isInReadCycle = false
        flush()
        resume()
    }

    func read(context: ChannelHandlerContext) {
        if takesBytes { context.read() } else { readIsHeld = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { resume() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(.inputClosed) = event as? ChannelEvent else { return }
        // A client that has closed its side asks for nothing more, and waits for no event; what it produced is still answered.
        if slots.isEmpty || !slots.allSatisfy(\.isPipelined) { close() } else { isClosing = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { close() }

    // MARK: Reading requests

    private var takesBytes: Bool {
        guard isOpen, !isClosing, !waitsForBudget, context?.channel.isWritable ?? false else { return false }
        // A whole request that waits for its turn is enough.
        return expected.map { input.readableBytes < $0 } ?? (input.readableBytes < 4)
    }

    /// Adds to the input; a request that arrives in pieces gets memory for all of it, within reason.
    private func append(_ bytes: ByteBuffer) {
        if input.readableBytes == 0 {
            input = bytes
            return
        }
        if let expected {
            let missing = min(expected, Self.reservedBytesMax) - input.readableBytes
            if missing > bytes.readableBytes { input.reserveCapacity(minimumWritableBytes: missing) }
        }
        input.writeImmutableBuffer(bytes)
    }

    /// Goes on with what was held back, if there is room for it now.
    private func resume() {
        guard isOpen, !isProcessing, !isInReadCycle else { return }
        processInput()
        flushOrMarkDirty()
        if readIsHeld, takesBytes {
            readIsHeld = false
            context?.read()
        }
    }

    private func processInput() {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        while isOpen, !isClosing, let length = nextLength(), input.readableBytes >= length, takesRequest {
            guard let bytes = input.readSlice(length: length) else { return }
            // What is left of a large buffer must not keep it alive.
            if input.readableBytes == 0 {
                input = ByteBuffer()
            } else if length >= Self.copiedBytesMax {
                input = ByteBuffer(buffer: input)
            }
            expected = nil
            lastProgress = loop.now
            dispatch(bytes)
        }
    }

    /// The length of the request at the front of the input, once it is known and there is room for it.
    private func nextLength() -> Int? {
        if let expected { return waitsForBudget ? nil : expected }
        guard let claimed = input.readInteger(as: Int32.self) else { return nil }
        let length = Int(claimed)
        guard length >= KafkaFrame.bytesMin, length <= loop.limits.requestBytesMax else {
            // Nothing can be answered: where the next request begins is not known.
            loop.counters.refused.add(1)
            close()
            return nil
        }
        expected = length
        if length > RequestBudget.uncountedBytes {
            hold = takeBudget(length)
            if hold == nil {
                waitsForBudget = true
                return nil
            }
        }
        return length
    }

    private func takeBudget(_ bytes: Int) -> RequestBudget.Hold? {
        let (loop, id, budget) = (NIOLoopBound(loop, eventLoop: loop.eventLoop), id, loop.budget)
        return budget.take(bytes) { hold in
            loop.eventLoop.execute { loop.value.connection(id)?.goOn(with: hold) }
        }
    }

    private func goOn(with hold: RequestBudget.Hold) {
        guard isOpen, waitsForBudget else { return }
        self.hold = hold
        waitsForBudget = false
        lastProgress = loop.now
        resume()
    }

    /// Whether the request at the front of the input may be handed to the handler now.
    private var takesRequest: Bool {
        guard context?.channel.isWritable ?? false,
            (output?.readableBytes ?? 0) < loop.limits.outputBytesMax
        else { return false }
        guard !slots.isEmpty else { return true }
        guard slots.count < loop.limits.pipelinedRequestsMax, slots.allSatisfy(\.isPipelined),
            let key = input.getInteger(at: input.readerIndex, as: Int16.self)
        else { return false }
        return loop.handler.isPipelined(key)
    }

    private func dispatch(_ bytes: ByteBuffer) {
        guard let frame = KafkaFrame(bytes) else { return close() }
        loop.counters.requests.add(1)
        (asked, lastKey, requestCount) = (loop.now, frame.apiKey, requestCount &+ 1)
        // A client has one name.
        if clientID == nil { clientID = frame.clientID }
        slots.append(Slot(isPipelined: loop.handler.isPipelined(frame.apiKey), answer: nil, hold: hold))
        hold = nil
        let sequence = nextSequence
        nextSequence &+= 1
        loop.handler.handle(
            frame, session: session,
            responder: KafkaResponder(loop: loop, connection: id, sequence: sequence))
    }

    // MARK: Answers

    func receive(_ answer: KafkaAnswer, for sequence: UInt32) {
        let oldest = nextSequence &- UInt32(truncatingIfNeeded: slots.count)
        let place = Int(sequence &- oldest)
        guard isOpen, place < slots.count else { return }
        let index = slots.index(slots.startIndex, offsetBy: place)
        guard slots[index].answer == nil else { return }
        slots[index].answer = answer
        if place == 0 { writeAnswered() }
    }

    /// Writes every answer whose turn has come.
    private func writeAnswered() {
        while let answer = slots.first?.answer {
            slots.removeFirst()
            switch answer {
            case .bytes(let buffers, let hold): write(buffers, hold)
            case .nothing: break
            case .close:
                loop.counters.refused.add(1)
                slots.removeAll()
                isClosing = true
            }
        }
        if slots.isEmpty {
            session.answered()
            lastProgress = loop.now
            if loop.isDraining { isClosing = true }
        }
        flushOrMarkDirty()
        if !isProcessing, !isInReadCycle { resume() }
    }

    private func write(_ buffers: [ByteBuffer], _ hold: (any Sendable)?) {
        for buffer in buffers { gather(buffer) }
        guard let hold, let context else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        passOn(promise)
        promise.futureResult.whenComplete { _ in withExtendedLifetime(hold) {} }
    }

    private func gather(_ buffer: ByteBuffer) {
        guard buffer.readableBytes > 0 else { return }
        guard buffer.readableBytes < Self.copiedBytesMax else {
            passOn()
            queue(buffer, nil)
            return
        }
        if output == nil {
            output = buffer
        } else {
            output?.writeImmutableBuffer(buffer)
        }
    }

    /// Flushes with the read cycle, or with the loop's other dirty connections.
    private func flushOrMarkDirty() {
        guard !isInReadCycle, !isDirty, output != nil || bytesQueued > 0 || isClosing else { return }
        isDirty = true
        loop.markDirty(self)
    }

    func flushIfDirty() {
        guard isDirty else { return }
        isDirty = false
        flush()
        resume()
    }

    private func flush() {
        guard isOpen else { return }
        passOn()
        if bytesQueued > 0 {
            bytesQueued = 0
            context?.flush()
            if unsentSince == nil { unsentSince = loop.now }
        }
        if isClosing, slots.isEmpty { closeWhenSent() }
    }

    private func passOn(_ promise: EventLoopPromise<Void>? = nil) {
        guard let buffer = output ?? promise.map({ _ in ByteBuffer() }) else { return }
        output = nil
        queue(buffer, promise)
    }

    private func queue(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        bytesQueued &+= buffer.readableBytes
        bytesWritten &+= buffer.readableBytes
        loop.counters.sent.add(buffer.readableBytes)
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(buffer), promise: promise)
    }

    // MARK: Telling

    /// The connection as it stands.
    func figures() -> KafkaConnectionFigures {
        KafkaConnectionFigures(
            id: id,
            address: context?.remoteAddress.map { ListenAddress(bound: $0).description } ?? session.peer,
            clientID: clientID, session: session, age: .nanoseconds(Int64(clamping: loop.now &- opened)),
            idle: .nanoseconds(Int64(clamping: loop.now &- asked)), requests: requestCount,
            underWay: slots.count, bytesReceived: bytesReceived, bytesSent: bytesWritten, apiKey: lastKey)
    }

    // MARK: Ends

    /// Looks at the deadlines.
    func passTime(_ now: UInt64) {
        guard isOpen else { return }
        checkOutput(now)
        if expected != nil || input.readableBytes > 0, !waitsForBudget, slots.isEmpty {
            // A request is arriving: it has to go on doing so.
            guard now &- lastProgress >= loop.limits.requestTimeout else { return }
            // A large one holds much of what all share, so more is asked of it: it arrives within sixteen such spans.
            let least = max(loop.limits.requestBytesMin, (expected ?? 0) / 16)
            if bytesReceived &- bytesAtProgress < least { return close() }
            lastProgress = now
            bytesAtProgress = bytesReceived
        } else if slots.isEmpty {
            bytesAtProgress = bytesReceived
            if now &- lastProgress >= loop.limits.idleTimeout { close() }
        }
    }

    /// Sees whether the client takes what it is sent.
    private func checkOutput(_ now: UInt64) {
        guard let since = unsentSince else { return }
        let unsent = (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        guard unsent > 0 else {
            unsentSince = nil
            return
        }
        guard now &- since >= loop.limits.writeTimeout else { return }
        let taken = bytesWritten &- unsent
        if taken == takenAtCheck { return close() }
        takenAtCheck = taken
        unsentSince = now
    }

    private func closeWhenSent() {
        guard let context else { return }
        isOpen = false
        let promise = context.eventLoop.makePromise(of: Void.self)
        // Behind everything written before.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
        promise.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }

    /// Closes without regard to what is unsent.
    func close() {
        guard isOpen else { return }
        isOpen = false
        context?.close(promise: nil)
    }

    /// Closes as soon as everything asked is answered; at once if nothing is.
    func drain() {
        guard isOpen else { return }
        // Long polls wait for nothing any more.
        if slots.isEmpty || !slots.allSatisfy(\.isPipelined) { return close() }
        isClosing = true
    }
}
