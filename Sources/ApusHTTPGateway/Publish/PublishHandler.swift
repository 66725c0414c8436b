// SPDX-License-Identifier: Apache-2.0

// The hot path: one event in, one receipt out, on the connection's event loop and without a task. The headers are read where
// the request left them, the broker calls back on a thread of its own, and the answer goes out from there through the
// responder. Only large structured bodies take a detour over a task, so that parsing them holds up nobody else's loop.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusHTTPServer
internal import ApusModel
internal import CloudEvents
internal import JSONText
internal import NIOCore
internal import Tracing

/// Answers `POST /v1/topics/{topic}/events`. One object, because each request takes it along twice: copies of the context counted references to all that it has.
final class PublishHandler: Sendable {
    private let context: GatewayContext
    /// The route's place in the table, for metrics.
    private let routeIndex: Int
    /// Where traces are exported: the program's, looked up once and not for each request.
    private let tracer: (any Tracer)?

    /// Structured bodies above this are parsed by a task.
    private static let inlineBytesMax = 64 << 10

    init(context: GatewayContext, routeIndex: Int) {
        self.context = context
        self.routeIndex = routeIndex
        tracer = context.configuration.tracesEvents ? InstrumentationSystem.tracer : nil
    }

    /// Publishes what the request carries; `responder` is answered when that is durable.
    func handle(
        _ head: HTTPRequestHead, _ body: ByteBuffer, topic: ResourceName, from peer: HTTPPeer?,
        _ responder: HTTPResponder
    ) {
        let start = ContinuousClock.now
        let isLarge = body.readableBytes > Self.inlineBytesMax && PublishDecoder.isStructured(head)
        guard isLarge else { return publish(head, body, topic, peer, start, responder) }
        Task { publish(head, body, topic, peer, start, responder) }
    }

    private func publish(
        _ head: HTTPRequestHead, _ body: ByteBuffer, _ topic: ResourceName, _ peer: HTTPPeer?,
        _ start: ContinuousClock.Instant, _ responder: HTTPResponder
    ) {
        let request: PublishRequest
        do {
            request = try decode(head, body, topic)
        } catch {
            return finish(error.answer, start, responder)
        }
        let (isBatch, trace) = (request.isBatch, request.trace)
        if isBatch, request.events.isEmpty {
            return finish(.json { $0.object { $0.receipts([]) } }, start, responder, trace)
        }
        if let due = request.timing.due {
            return delay(request, to: topic, until: due, start, responder)
        }
        // Not the head itself: it would keep the connection's buffer until the events are durable, and the next request would need a new one.
        let client = head.firstValue(of: "user-agent") ?? ""
        let publish = { [self] in
            context.broker.publish(
                request.events, to: topic, key: request.key, by: { Self.source(client, peer) }
            ) { [self] result in
                switch result {
                case .success(let receipts):
                    let elapsed = start.duration(to: .now)
                    context.metrics.acknowledged(events: receipts.count, after: elapsed, in: trace)
                    finish(Self.answer(receipts, isBatch: isBatch), after: elapsed, responder, trace)
                case .failure(let error):
                    finish(Self.answer(error), start, responder, trace)
                }
            }
        }
        if let trace { trace.within(publish) } else { publish() }
    }

    /// Who publishes, as far as the request tells.
    private static func source(_ client: String, _ peer: HTTPPeer?) -> PublishSource {
        PublishSource(channel: "http", client: client, address: peer?.address?.ipAddress ?? "")
    }

    private func delay(
        _ request: PublishRequest, to topic: ResourceName, until due: Timestamp,
        _ start: ContinuousClock.Instant, _ responder: HTTPResponder
    ) {
        let (isBatch, trace) = (request.isBatch, request.trace)
        let events = request.events.map { DelayedEvent($0, due: due) }
        context.broker.schedule(events, to: topic, key: request.key) { [self] result in
            switch result {
            case .success(let receipts):
                let answer = Answer.json(.accepted) { writer in
                    if isBatch {
                        writer.object { $0.member("receipts", list: receipts) { $0.scheduleReceipt($1) } }
                    } else if let receipt = receipts.first {
                        writer.scheduleReceipt(receipt)
                    }
                }
                finish(answer, start, responder, trace)
            case .failure(let error): finish(Self.answer(error), start, responder, trace)
            }
        }
    }

    private func finish(
        _ answer: Answer, _ start: ContinuousClock.Instant, _ responder: HTTPResponder,
        _ trace: RequestTrace? = nil
    ) {
        finish(answer, after: start.duration(to: .now), responder, trace)
    }

    private func finish(
        _ answer: Answer, after elapsed: Duration, _ responder: HTTPResponder, _ trace: RequestTrace?
    ) {
        context.metrics.answered(routeIndex, answer.status, after: elapsed, in: trace)
        responder.respond(answer.response)
        trace?.end(answer.status)
    }

    // MARK: Reading

    private func decode(
        _ head: HTTPRequestHead, _ body: ByteBuffer, _ topic: ResourceName
    ) throws(Problem) -> PublishRequest {
        if let objection = BodyAdmission.objectionToEvent(head) { throw objection }
        var request: PublishRequest
        do {
            request = try PublishDecoder.decode(head, body, topic: topic)
        } catch {
            throw Problem(error)
        }
        if head.query != nil {
            let query = try QueryReader(head, known: PublishHandler.parameters)
            request.key = query.string("key")
            request.timing = try PublishTiming(query, now: context.now)
            request.timing.limit(&request.events, now: context.now)
        }
        guard request.events.count <= context.configuration.batchEventsMax else {
            throw Problem(
                .tooLarge,
                "\(request.events.count) events are more than the limit of \(context.configuration.batchEventsMax)",
                hint: "send several batches")
        }
        try checkSizes(request)
        request.trace = RequestTrace.begin(
            head, &request.events, topic: topic, tracer: tracer)
        return request
    }

    private func checkSizes(_ request: PublishRequest) throws(Problem) {
        let limit = context.configuration.eventBytesMax
        for (index, event) in request.events.enumerated() where event.approximateBytes > limit {
            let place = request.isBatch ? "event \(index)" : "the event"
            throw Problem(
                .tooLarge, "\(place) has \(event.approximateBytes) bytes, more than the limit of \(limit)",
                hint: "store large data elsewhere and publish a reference to it")
        }
    }

    static let parameters =
        [
            QueryParameter(
                name: "key", schema: .text,
                about: "Decides partition and order; else the event's 'partitionkey' does.")
        ] + PublishTiming.parameters

    // MARK: Answering

    private static func answer(_ receipts: [PublishReceipt], isBatch: Bool) -> Answer {
        var writer = JSONWriter(capacity: 64 * (receipts.count + 1))
        if isBatch {
            writer.object { $0.receipts(receipts.map { .success($0) }) }
        } else if let receipt = receipts.first {
            writer.receipt(receipt)
        }
        return Answer(status: .ok, headers: Answer.jsonHeaders, body: ByteBuffer(bytes: writer.bytes))
    }

    private static func answer(_ error: BrokerError) -> Answer {
        guard case .partial(let results) = error else { return Problem(error).answer }
        var writer = JSONWriter()
        writer.object { $0.receipts(results) }
        // The receipts go into the problem as a member like any other.
        let receipts = (try? JSONValue(parsing: writer.bytes))?["receipts"] ?? []
        return Problem(error).with("receipts", receipts).answer
    }
}

extension CloudEvent {
    /// The bytes of data and attributes, without what a format adds to them.
    fileprivate var approximateBytes: Int {
        var count = id.utf8.count + source.utf8.count + type.utf8.count + (data?.bytes.count ?? 0)
        count +=
            (subject?.utf8.count ?? 0) + (dataSchema?.utf8.count ?? 0) + (dataContentType?.utf8.count ?? 0)
        for element in extensions { count += element.name.utf8.count + element.value.text.utf8.count }
        return count
    }
}
