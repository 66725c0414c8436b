// SPDX-License-Identifier: Apache-2.0

// The producer's end of a streamed response. Bytes are counted from the write until the socket has taken them,
// so that a client that reads slowly is felt by the producer and never by the memory.

public import NIOCore
internal import Synchronization

/// What became of a write to a stream.
public enum HTTPStreamWriteOutcome: Sendable, Hashable {
    /// The bytes are on their way.
    case written
    /// The buffer is full; nothing was taken. Wait, or drop the client.
    case full
    /// The client is gone or the stream finished; nothing was taken.
    case closed
}

/// Writes the body of a streamed response, from any thread, one at a time.
public struct HTTPStreamWriter: Sendable {
    let mailbox: HTTPMailbox
    let exchange: HTTPExchangeID
    let stream: HTTPStream

    /// Whether a write would be taken now.
    public var isWritable: Bool { stream.isWritable }
    /// Whether the client is gone or the stream finished.
    public var isClosed: Bool { stream.isClosed }

    /// Sends `bytes` if the buffer has any room; it may overflow its bound by one write, which may be large.
    @discardableResult
    public func write(_ bytes: ByteBuffer) -> HTTPStreamWriteOutcome {
        let outcome = stream.reserve(bytes.readableBytes)
        if outcome == .written {
            mailbox.deliver(HTTPMail(exchange: exchange, content: .chunk(bytes)))
        }
        return outcome
    }

    /// Ends the response after what has been written.
    public func finish() {
        guard stream.finish() else { return }
        mailbox.deliver(HTTPMail(exchange: exchange, content: .finish))
    }

    /// Waits until a write would be taken; false once the stream is closed or the task is cancelled.
    public func waitUntilWritable() async -> Bool {
        await stream.waitUntilWritable()
    }

    /// Has `action` called once when the stream closes for whatever reason, at once if it has.
    public func whenClosed(_ action: @escaping @Sendable () -> Void) {
        stream.whenClosed(action)
    }
}

/// The state producer and connection share.
///
/// Invariant: `bufferedBytes` counts what was written and is not yet with the socket; nobody waits while the
/// stream is writable or closed.
final class HTTPStream: Sendable {
    fileprivate struct State {
        var bufferedBytes = 0
        var isFinished = false
        var isClosed = false
        var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
        var waiterCount = 0
        var closeActions: [@Sendable () -> Void] = []
    }

    private let bufferBytesMax: Int
    private let state = Mutex(State())

    init(bufferBytesMax: Int) {
        self.bufferBytesMax = max(bufferBytesMax, 1)
    }

    var isWritable: Bool {
        state.withLock { !$0.isClosed && !$0.isFinished && $0.bufferedBytes < bufferBytesMax }
    }

    var isClosed: Bool { state.withLock { $0.isClosed || $0.isFinished } }

    func reserve(_ count: Int) -> HTTPStreamWriteOutcome {
        state.withLock { state in
            if state.isClosed || state.isFinished { return .closed }
            guard state.bufferedBytes < bufferBytesMax else { return .full }
            state.bufferedBytes += count
            return .written
        }
    }

    /// Notes that the socket has taken `count` bytes.
    func release(_ count: Int) {
        let waiters = state.withLock { state in
            state.bufferedBytes -= count
            return state.bufferedBytes < bufferBytesMax ? state.takeWaiters() : []
        }
        waiters.forEach { $0.resume(returning: true) }
    }

    /// Notes that the producer is done; false if it was before, or the stream is closed.
    func finish() -> Bool {
        let (isFirst, waiters) = state.withLock { state in
            defer { state.isFinished = true }
            return (!state.isFinished && !state.isClosed, state.takeWaiters())
        }
        waiters.forEach { $0.resume(returning: false) }
        return isFirst
    }

    /// Notes that nothing more will be sent, and tells everybody who waits.
    func close() {
        let (waiters, actions) = state.withLock { state in
            state.isClosed = true
            defer { state.closeActions = [] }
            return (state.takeWaiters(), state.closeActions)
        }
        waiters.forEach { $0.resume(returning: false) }
        actions.forEach { $0() }
    }

    func whenClosed(_ action: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.closeActions.append(action) }
            return state.isClosed
        }
        if isClosed { action() }
    }

    func waitUntilWritable() async -> Bool {
        let number = state.withLock { state in
            state.waiterCount += 1
            return state.waiterCount
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.isClosed || state.isFinished || Task.isCancelled { return false }
                    if state.bufferedBytes < bufferBytesMax { return true }
                    state.waiters[number] = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(returning: false)
        }
    }
}

extension HTTPStream.State {
    fileprivate mutating func takeWaiters() -> [CheckedContinuation<Bool, Never>] {
        guard !waiters.isEmpty else { return [] }
        defer { waiters = [:] }
        return Array(waiters.values)
    }
}
