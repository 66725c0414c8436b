// SPDX-License-Identifier: Apache-2.0

// How connections end: by deadline, by the client, by shutdown. Closing is done in two steps where possible:
// our side first, the rest when the client has read the last response; closing at once could destroy it in the
// client's hands (RFC 9112 section 9.6).

internal import ApusHTTPCodec
internal import NIOCore

extension HTTPConnection {
    // MARK: Time

    /// Looks at the deadlines; called at every tick.
    func passTime(_ now: UInt64) {
        if hasUnsentOutput { checkOutput(now) }
        if deadline.kind == .body { return checkBody(now) }
        if now >= deadline.time { deadlinePassed(now) }
    }

    private func checkBody(_ now: UInt64) {
        let deadlines = server.deadlines
        let isStalled = bodyWindow?.isStalled(
            total: bytesReceived, bytesMin: deadlines.bodyBytesMin, now: now, span: deadlines.body)
        if isStalled == true { refuse(.tooSlow) }
    }

    private func deadlinePassed(_ now: UInt64) {
        switch deadline.kind {
        case .head where isMidRequest: refuse(.tooSlow)
        case .linger where hasUnsentOutput: break
        case .head, .idle, .linger: closeNow()
        case .body, .none: deadline.clear()
        }
    }

    /// Sees whether the client takes what it is sent.
    private func checkOutput(_ now: UInt64) {
        guard let unsent = unsentBytes(), unsent > 0 else {
            hasUnsentOutput = false
            writeWindow = nil
            if phase == .lingering {
                if inputIsClosed { return closeNow() }
                deadline.clear()
                deadline.wait(for: .linger, until: now &+ server.deadlines.linger)
            }
            return
        }
        let deadlines = server.deadlines
        let taken = bytesQueued &- unsent
        if writeWindow == nil {
            writeWindow = HTTPProgressWindow(
                total: taken, bytesMin: deadlines.writeBytesMin, now: now, span: deadlines.write)
        }
        let isStalled = writeWindow?.isStalled(
            total: taken, bytesMin: deadlines.writeBytesMin, now: now, span: deadlines.write)
        if isStalled == true { closeNow() }
    }

    private func unsentBytes() -> Int? {
        try? context?.channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)
    }

    // MARK: Ends

    /// Closes our side and waits for the client's, for a while.
    func linger() {
        phase = .lingering
        deadline.clear()
        deadline.wait(for: .linger, until: server.now &+ server.deadlines.linger)
        guard !inputIsClosed else { return }
        context?.close(mode: .output, promise: nil)
        resumeReading()
    }

    /// The client has closed its side: it may still read, but a stream or a wait would go on for nobody.
    func inputClosed() {
        inputIsClosed = true
        switch phase {
        case .closed: return
        case .lingering:
            if unsentBytes() ?? 0 == 0 { closeNow() }
        case .open, .closing:
            for index in exchanges.indices { abandonIfUnanswered(index) }
            let isStreaming = exchanges.contains { if case .streaming = $0.state { true } else { false } }
            if isStreaming { return closeNow() }
            resumeReading()
        }
    }

    private func abandonIfUnanswered(_ index: CircularBuffer<HTTPExchange>.Index) {
        guard case .waiting(let action?) = exchanges[index].state else { return }
        exchanges[index].state = .waiting(whenAbandoned: nil)
        action()
    }

    /// Closes without regard to what is unsent.
    func closeNow() {
        guard phase != .closed else { return }
        phase = .closed
        context?.close(promise: nil)
    }

    /// Tells handlers of unanswered requests that nobody waits any more.
    func abandonExchanges() {
        outputStream?.close()
        let abandoned = exchanges
        exchanges.removeAll()
        abandoned.forEach(abandon)
    }

    func abandon(_ exchange: HTTPExchange) {
        switch exchange.state {
        case .waiting(let action): action?()
        case .streaming(let response): response.stream.close()
        case .answered: break
        }
    }

    /// Closes as soon as everything asked is answered; at once if nothing is.
    func drain() {
        if exchanges.isEmpty {
            guard phase == .open, !isMidRequest else { return }
            if output == nil, unsentBytes() ?? 0 == 0 { return closeNow() }
            phase = .closing
            flushOrMarkDirty()
        } else if case .streaming = exchanges[exchanges.startIndex].state {
            writeAnswered()
        }
    }
}
