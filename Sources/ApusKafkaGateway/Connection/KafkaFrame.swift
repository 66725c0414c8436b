// SPDX-License-Identifier: Apache-2.0

// What passes between a connection and those who answer: a request as it came, and its answer.

internal import ApusNetwork
internal import NIOCore
internal import Synchronization

/// One request, its length taken off: its header begins with what is asked.
struct KafkaFrame: Sendable {
    /// What is asked.
    let apiKey: Int16
    /// The request, header first.
    let bytes: ByteBuffer

    /// The least that a request has: what is asked, in which version, and what the answer has to carry.
    static let bytesMin = 8

    /// Nil for fewer bytes than a request has.
    init?(_ bytes: ByteBuffer) {
        guard bytes.readableBytes >= Self.bytesMin,
            let key = bytes.getInteger(at: bytes.readerIndex, as: Int16.self)
        else { return nil }
        apiKey = key
        self.bytes = bytes
    }

    /// What the client calls itself, which every header has behind key, version and correlation id; cut off where it is long. Nil when it says nothing.
    var clientID: String? {
        let start = bytes.readerIndex + 8
        guard let length = bytes.getInteger(at: start, as: Int16.self), length > 0 else { return nil }
        return bytes.getSlice(at: start + 2, length: Int(length)).map {
            String(decoding: $0.readableBytesView.prefix(Self.clientIDBytesMax), as: UTF8.self)
        }
    }

    private static let clientIDBytesMax = 120
}

/// What becomes of a request.
enum KafkaAnswer: Sendable {
    /// These bytes, the length in front included, in this order. What comes with them is kept until the socket has taken them.
    case bytes([ByteBuffer], (any Sendable)?)
    /// Nothing: the client asked for no answer.
    case nothing
    /// The end of the connection, after the answers that are still owed to requests before.
    case close
}

/// Which connection of a loop; never that of a successor at the same place.
struct KafkaConnectionID: Sendable, Hashable {
    var index: UInt32
    var generation: UInt32
}

/// An answer on its way to its connection.
struct KafkaLetter: Sendable {
    var connection: KafkaConnectionID
    var sequence: UInt32
    var answer: KafkaAnswer
}

/// Where the answer to one request goes; from any thread, once.
struct KafkaResponder: Sendable {
    let mailbox: LoopMailbox<KafkaLetter>
    let connection: KafkaConnectionID
    let sequence: UInt32
    private let loop: NIOLoopBound<KafkaLoop>

    init(loop: KafkaLoop, connection: KafkaConnectionID, sequence: UInt32) {
        mailbox = loop.mailbox
        self.connection = connection
        self.sequence = sequence
        self.loop = NIOLoopBound(loop, eventLoop: loop.eventLoop)
    }

    var eventLoop: any EventLoop { mailbox.eventLoop }

    func send(_ answer: KafkaAnswer) {
        let letter = KafkaLetter(connection: connection, sequence: sequence, answer: answer)
        if mailbox.eventLoop.inEventLoop { loop.value.receive(letter) } else { mailbox.post(letter) }
    }
}

/// What is known of one connection's client, for as long as it is open.
final class KafkaSession: Sendable {
    private struct State {
        var isClosed = false
        var abandon: (@Sendable () -> Void)?
        var software: String?
        var involvement = KafkaInvolvement()
        var exchange: SASLExchange?
        /// What ends with the connection, by what it is.
        var ending: [ShareMemberKey: @Sendable () -> Void] = [:]
    }

    /// The client's address, for logs and descriptions.
    let peer: String
    /// The address by which it came.
    let local: ListenAddress
    private let state = Mutex(State())

    init(peer: String, local: ListenAddress) {
        self.peer = peer
        self.local = local
    }

    /// What the client says that it is, for logs.
    var software: String { knownSoftware ?? "?" }

    /// The same; nil when it has not said.
    var knownSoftware: String? { state.withLock(\.software) }

    /// What the client works with.
    var involvement: KafkaInvolvement { state.withLock(\.involvement) }

    /// Changes what the client works with.
    func involve(_ body: (inout KafkaInvolvement) -> Void) { state.withLock { body(&$0.involvement) } }

    func setSoftware(name: String, version: String) {
        state.withLock { $0.software = "\(name) \(version)" }
    }

    // MARK: Authentication

    /// The SASL exchange under way or over.
    var exchange: SASLExchange? { state.withLock(\.exchange) }

    var isAuthenticated: Bool {
        if case .done? = exchange { true } else { false }
    }

    /// Begins an exchange; who had authenticated before has to do so again.
    func begin(_ exchange: SASLExchange) { state.withLock { $0.exchange = exchange } }

    /// How the exchange goes on; nil when it failed.
    func continueExchange(_ exchange: SASLExchange?) { state.withLock { $0.exchange = exchange } }

    // MARK: The end

    /// Has `abandon` called when the connection ends before the request at work is answered; at once if it has ended.
    func whenClosed(_ abandon: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.abandon = abandon }
            return state.isClosed
        }
        if isClosed { abandon() }
    }

    /// The request was answered: nobody needs to be told.
    func answered() { state.withLock { $0.abandon = nil } }

    /// Has `body` called when the connection ends, whatever is at work then; at once if it has ended. One for each key.
    func whenEnded(_ key: ShareMemberKey, _ body: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.ending[key] = body }
            return state.isClosed
        }
        if isClosed { body() }
    }

    /// Nothing ends with the connection any more that is `key`'s.
    func forgetEnd(_ key: ShareMemberKey) { state.withLock { $0.ending[key] = nil } }

    /// The connection has ended.
    func close() {
        let (abandon, ending) = state.withLock { state in
            state.isClosed = true
            defer { (state.abandon, state.ending) = (nil, [:]) }
            return (state.abandon, state.ending)
        }
        abandon?()
        for body in ending.values { body() }
    }
}

/// Whoever answers requests. Called on the connection's loop, which must not be kept waiting.
protocol KafkaRequestHandler: Sendable {
    /// Answers `frame` through `responder`, now or later.
    func handle(_ frame: KafkaFrame, session: KafkaSession, responder: KafkaResponder)
    /// Whether a request of this kind may be taken while others of such kinds have not been answered.
    func isPipelined(_ apiKey: Int16) -> Bool
}
