// SPDX-License-Identifier: Apache-2.0

// What the tests of handlers share: a gateway in front of an engine in memory, and a client that sends any request in any version.

import ApusEngine
import ApusGroups
import ApusKafkaCodec
import ApusModel
import ApusNetwork
import ApusStorage
import ApusTesting
import Logging
import NIOCore
import NIOPosix

@testable import ApusKafkaGateway

/// A gateway in front of an engine in memory.
final class KafkaRig: Sendable {
    let store: MemoryLogStore
    let engine: Engine
    private let gateway: KafkaGateway
    private let port: Int

    private init(_ configure: (inout KafkaGatewayConfiguration) -> Void) async throws {
        store = MemoryLogStore()
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        engine = try Engine(store: store, logger: silent, dispatcher: ScriptedTarget())
        engine.start()
        var configuration = KafkaGatewayConfiguration(addresses: [
            ListenAddress(host: Defaults.host, port: 0)
        ])
        configuration.eventLoopCount = 1
        configuration.groups.initialRebalanceDelay = .zero
        configure(&configuration)
        gateway = KafkaGateway(broker: engine, configuration: configuration, logger: silent)
        port = try await gateway.start().first?.port ?? 0
    }

    /// Runs a test with a rig of its own and a connection to it.
    static func run(
        _ configure: (inout KafkaGatewayConfiguration) -> Void = { _ in },
        _ body: (KafkaRig, KafkaTestClient) async throws -> Void
    ) async throws {
        let rig = try await KafkaRig(configure)
        do {
            try await body(rig, try await rig.connect())
        } catch {
            await rig.end()
            throw error
        }
        await rig.end()
    }

    private func end() async {
        await gateway.stop()
        engine.stop()
    }

    func connect() async throws -> KafkaTestClient {
        try await KafkaTestClient.connect(to: port)
    }

    @discardableResult
    func topic(_ name: String, _ settings: TopicSettings = TopicSettings()) async throws -> TopicDescription {
        try await engine.createTopic(try ResourceName(name), settings)
    }

    /// A batch as a client sends it.
    static func batch(
        _ values: [String], key: String? = nil, at time: Timestamp? = nil,
        by producer: ProducerIdentity? = nil, sequence: Int32 = 0, isTransactional: Bool = false
    ) -> ByteBuffer {
        var builder = RecordBatchBuilder(
            producerID: producer?.id ?? -1, producerEpoch: producer?.epoch ?? -1,
            baseSequence: producer == nil ? -1 : sequence)
        let time = time ?? SystemClock().wall
        for value in values {
            builder.append(timestamp: time, key: key.map { Array($0.utf8) }, value: Array(value.utf8))
        }
        guard let batch = builder.finish() else { return ByteBuffer() }
        guard isTransactional else { return batch.bytes }
        var bytes = batch.bytes
        bytes.setInteger(UInt16(0x10), at: bytes.readerIndex + 21)
        return signed(bytes)
    }

    /// The batch with its checksum put right.
    static func signed(_ bytes: ByteBuffer) -> ByteBuffer {
        var batch = RecordBatch(trusted: bytes)
        batch.setGreatestTimestamp(batch.maxTimestamp)
        return batch.bytes
    }
}

/// A connection to a gateway.
final class KafkaTestClient: Sendable {
    private let channel: any Channel
    private let answers: NIOLoopBound<AnswerHandler>

    private init(_ channel: any Channel, _ answers: NIOLoopBound<AnswerHandler>) {
        self.channel = channel
        self.answers = answers
    }

    static func connect(to port: Int) async throws -> KafkaTestClient {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(
            host: Defaults.host, port: port
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                let answers = AnswerHandler()
                try channel.pipeline.syncOperations.addHandler(answers)
                return KafkaTestClient(channel, NIOLoopBound(answers, eventLoop: channel.eventLoop))
            }
        }
    }

    /// Sends a request and waits for its answer; throws when the connection is closed instead.
    func ask(_ request: KafkaRequest, version: Int16) async throws -> KafkaResponse {
        var bytes = ByteBuffer()
        for piece in try request.frame(version: version, correlationID: 7, clientID: "test") {
            bytes.writeImmutableBuffer(piece)
        }
        var body = try await ask(bytes)
        let header = try KafkaResponseHeader(reading: &body, of: request.api, version: version)
        guard header.correlationID == 7 else { throw ChannelError.unknownLocalAddress }
        return try KafkaResponse(reading: body, of: request.api, version: version)
    }

    /// Sends bytes, length in front, and waits for an answer, which comes without its length.
    func ask(_ bytes: ByteBuffer) async throws -> ByteBuffer {
        let promise = channel.eventLoop.makePromise(of: ByteBuffer.self)
        let (channel, answers) = (channel, answers)
        channel.eventLoop.execute {
            answers.value.wait(promise)
            channel.writeAndFlush(bytes, promise: nil)
        }
        return try await promise.futureResult.get()
    }

    /// Sends bytes, each piece by itself, and waits for so many answers.
    func ask(_ bytes: ByteBuffer, inPiecesOf length: Int, answers count: Int) async throws -> [ByteBuffer] {
        let (channel, answers) = (channel, answers)
        let promises = (0..<count).map { _ in channel.eventLoop.makePromise(of: ByteBuffer.self) }
        channel.eventLoop.execute { for promise in promises { answers.value.wait(promise) } }
        var rest = bytes
        while let piece = rest.readSlice(length: min(length, rest.readableBytes)), piece.readableBytes > 0 {
            // Waits until the system has taken it, so that the next one is another packet.
            try await channel.writeAndFlush(piece)
        }
        var found: [ByteBuffer] = []
        for promise in promises { found.append(try await promise.futureResult.get()) }
        return found
    }

    /// Whether the server closes the connection over these bytes.
    func isClosed(over bytes: ByteBuffer) async -> Bool { (try? await ask(bytes)) == nil }
}

/// Gives answers to those who wait for them, in order.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var waiting = CircularBuffer<EventLoopPromise<ByteBuffer>>()
    private var input = ByteBuffer()
    private var isOpen = true

    func wait(_ promise: EventLoopPromise<ByteBuffer>) {
        guard isOpen else { return promise.fail(ChannelError.eof) }
        waiting.append(promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        input.writeBuffer(&bytes)
        while let length = input.getInteger(at: input.readerIndex, as: Int32.self),
            input.readableBytes >= Int(length) + 4
        {
            input.moveReaderIndex(forwardBy: 4)
            guard let frame = input.readSlice(length: Int(length)), let promise = waiting.popFirst() else {
                return
            }
            promise.succeed(frame)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isOpen = false
        while let promise = waiting.popFirst() { promise.fail(ChannelError.eof) }
    }
}
