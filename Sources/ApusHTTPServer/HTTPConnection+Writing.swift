// SPDX-License-Identifier: Apache-2.0

// The way back: answers in the order of their requests, gathered in one buffer until the flush.

internal import ApusHTTPCodec
internal import NIOCore

extension HTTPConnection {
    /// Bodies from this size are handed to the socket as they are instead of being copied behind their head.
    private static let copiedBodyBytesMax = 16 * 1024

    // MARK: Mail

    func receive(_ mail: HTTPMail) {
        let oldest = nextSequence &- UInt32(truncatingIfNeeded: exchanges.count)
        let offset = Int(mail.exchange.sequence &- oldest)
        guard offset < exchanges.count, phase != .closed else { return mail.dropped() }
        let index = exchanges.index(exchanges.startIndex, offsetBy: offset)
        switch mail.content {
        case .response(let response): answer(response, at: index, isNext: offset == 0)
        case .stream(let head, let stream):
            guard case .waiting = exchanges[index].state else { return stream.close() }
            exchanges[index].state = .streaming(HTTPStreamedResponse(head: head, stream: stream))
            writeAnswered()
        case .chunk(let bytes): write(bytes, at: index, isNext: offset == 0)
        case .finish:
            guard case .streaming(var response) = exchanges[index].state else { return }
            response.isFinished = true
            exchanges[index].state = .streaming(response)
            writeAnswered()
        case .whenAbandoned(let action): watch(index, action)
        }
    }

    private func answer(_ response: HTTPResponse, at index: CircularBuffer<HTTPExchange>.Index, isNext: Bool)
    {
        guard case .waiting = exchanges[index].state else { return }
        if isNext {
            write(response, for: exchanges.removeFirst())
            if !exchanges.isEmpty { return writeAnswered() }
            afterAnswers()
        } else {
            exchanges[index].state = .answered(response)
        }
    }

    private func watch(_ index: CircularBuffer<HTTPExchange>.Index, _ action: @escaping @Sendable () -> Void)
    {
        guard case .waiting = exchanges[index].state else { return }
        if inputIsClosed { return action() }
        exchanges[index].state = .waiting(whenAbandoned: action)
    }

    // MARK: Answers in order

    /// Writes every answer whose turn has come.
    func writeAnswered() {
        loop: while let first = exchanges.first {
            switch first.state {
            case .waiting: break loop
            case .answered(let response):
                exchanges.removeFirst()
                write(response, for: first)
            case .streaming(let response):
                guard continueStream(response, for: first) else { break loop }
            }
        }
        afterAnswers()
    }

    /// Sees to the flush, and to requests that waited for their predecessors.
    private func afterAnswers() {
        flushOrMarkDirty()
        if phase == .open {
            updateDeadline()
            resumeReading()
        }
    }

    private func write(_ response: HTTPResponse, for exchange: HTTPExchange) {
        let keepsAlive = exchange.keepsAlive && !response.closesConnection && !endsWithDrain
        if !keepsAlive { stopAfterThis() }
        server.counters.countResponse(response.head.status)
        var buffer = output ?? server.takeOutput()
        output = nil
        response.head.write(
            framing: .length(response.body.readableBytes), version: exchange.version, keepsAlive: keepsAlive,
            date: server.date, into: &buffer)
        if exchange.isHead || !response.head.status.mayHaveBody || response.body.readableBytes == 0 {
            output = buffer
        } else if response.body.readableBytes < Self.copiedBodyBytesMax {
            buffer.writeImmutableBuffer(response.body)
            output = buffer
        } else {
            output = buffer
            passOn(nil)
            queue(response.body, nil)
            // An empty buffer makes the flush happen.
            output = server.takeOutput()
        }
    }

    /// Whether the answer to the last request ends the connection because the server shuts down.
    private var endsWithDrain: Bool { server.isDraining && exchanges.isEmpty }

    /// Drops everything behind the exchange being answered: the connection ends with it.
    private func stopAfterThis() {
        phase = .closing
        for exchange in exchanges { abandon(exchange) }
        exchanges.removeAll()
    }

    // MARK: Streams

    /// Writes what can be written of the first exchange's stream; once that is all, removes the exchange and
    /// returns true.
    private func continueStream(_ response: HTTPStreamedResponse, for exchange: HTTPExchange) -> Bool {
        var response = response
        let isChunked = exchange.version == .http11
        let hasBody = !exchange.isHead && response.head.status.mayHaveBody
        if !response.headIsWritten {
            response.keepsAlive = exchange.keepsAlive && (isChunked || !hasBody)
            writeHead(&response, isChunked: isChunked, version: exchange.version)
        }
        if hasBody {
            for chunk in response.chunks { writeChunk(chunk, of: response.stream, isChunked: isChunked) }
            response.chunks = []
            guard response.isFinished || server.isDraining else {
                exchanges[exchanges.startIndex].state = .streaming(response)
                return false
            }
            if isChunked { writeLastChunk() }
        }
        exchanges.removeFirst()
        response.stream.close()
        if !response.keepsAlive || endsWithDrain { stopAfterThis() }
        return true
    }

    private func writeHead(_ response: inout HTTPStreamedResponse, isChunked: Bool, version: HTTPVersion) {
        response.headIsWritten = true
        server.counters.countResponse(response.head.status)
        var buffer = output ?? server.takeOutput()
        output = nil
        response.head.write(
            framing: isChunked ? .chunked : .untilClose, version: version, keepsAlive: response.keepsAlive,
            date: server.date, into: &buffer)
        output = buffer
    }

    private func writeLastChunk() {
        var buffer = output ?? server.takeOutput()
        output = nil
        HTTPResponseEncoding.writeLastChunk(into: &buffer)
        output = buffer
    }

    private func write(_ bytes: ByteBuffer, at index: CircularBuffer<HTTPExchange>.Index, isNext: Bool) {
        guard case .streaming(var response) = exchanges[index].state else { return }
        if isNext, response.headIsWritten {
            writeChunk(bytes, of: response.stream, isChunked: exchanges[index].version == .http11)
            flushOrMarkDirty()
        } else {
            response.chunks.append(bytes)
            exchanges[index].state = .streaming(response)
        }
    }

    private func writeChunk(_ bytes: ByteBuffer, of stream: HTTPStream, isChunked: Bool) {
        // A flush tells one stream how far it is; bytes of another must go with a flush of their own.
        if let other = outputStream, other !== stream { flush() }
        outputStream = stream
        outputStreamBytes += bytes.readableBytes
        var buffer = output ?? server.takeOutput()
        output = nil
        if isChunked {
            HTTPResponseEncoding.writeChunk(bytes, into: &buffer)
        } else {
            buffer.writeImmutableBuffer(bytes)
        }
        output = buffer
    }

    // MARK: To the socket

    func flushIfDirty() {
        guard isDirty else { return }
        isDirty = false
        flush()
        resumeReading()
    }

    /// Hands the output to the socket, and begins to close if it was the last.
    func flush() {
        let isLast = phase == .closing && exchanges.isEmpty
        if output != nil {
            let promise = flushPromise(closing: isLast && inputIsClosed)
            passOn(promise)
            context?.flush()
        } else if isLast, inputIsClosed, !hasUnsentOutput {
            return closeNow()
        }
        if isLast, phase == .closing { linger() }
    }

    /// A promise that tells a stream what the socket has taken, or closes behind the last byte.
    private func flushPromise(closing: Bool) -> EventLoopPromise<Void>? {
        guard closing || outputStream != nil, let context else { return nil }
        let promise = context.eventLoop.makePromise(of: Void.self)
        let stream = outputStream
        let count = outputStreamBytes
        outputStream = nil
        outputStreamBytes = 0
        promise.futureResult.assumeIsolated().whenComplete { [weak self] result in
            if case .success = result { stream?.release(count) } else { stream?.close() }
            if closing { self?.closeNow() }
        }
        return promise
    }

    /// Queues the output buffer and gives its memory back for when the socket is done with it.
    private func passOn(_ promise: EventLoopPromise<Void>?) {
        guard let buffer = output else { return }
        output = nil
        queue(buffer, promise)
        server.returnOutput(buffer)
    }

    private func queue(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        bytesQueued &+= buffer.readableBytes
        HTTPLoopCounters.add(buffer.readableBytes, to: server.counters.sent)
        hasUnsentOutput = true
        context?.write(wrapOutboundOut(buffer), promise: promise)
    }
}
