// SPDX-License-Identifier: Apache-2.0

// Publishing and reading events of a topic.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import ApusRules
internal import CloudEvents
internal import JSONText
internal import NIOCore

/// Routes about the events of a topic.
enum EventRoutes {
    static let all: [Route] = [publish, read, tail]

    static let eventsPath = PathTemplate("/v1/topics/{topic}/events")

    private static let publish = Route(
        method: .post, path: eventsPath, operation: "publish",
        summary: "Publishes an event or a batch; answers when it is as durable as the topic promises.",
        chapter: .events, parameters: PublishHandler.parameters, body: .event,
        successes: [
            .json(
                .ok, "Stored: a receipt, or for a batch one for each event.",
                .either([.reference(.receipt), .reference(.receipts)])),
            .json(
                .accepted,
                "Waits for its time ('delay' or 'at'): what it can be cancelled by, or for a batch each.",
                .either([.reference(.scheduleReceipt), .reference(.scheduleReceipts)])),
        ],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid, .partial], handler: .publish)

    private static let read = Route(
        method: .get, path: eventsPath, operation: "readEvents",
        summary: "Reads events of a partition from a position on.", chapter: .events,
        parameters: [.partition, .from(default: "earliest"), .readLimit, .wait, .pattern],
        successes: [readSuccess], problems: [.notFound, .trimmed, .notAcceptable, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let topic = try call.name()
            let form = try ReadForm(call.head)
            let partition = try call.query.int("partition", in: Bounds.partition, default: 0)
            let from = try call.query.position("from", default: .earliest, now: context.now)
            let limit = try call.query.int("limit", in: Bounds.page, default: 100)
            let wait = try call.query.duration("wait", max: HTTPGatewayConfiguration.waitMax)
            let pattern = try call.query.pattern("pattern")
            let fetched = try await context.ask(call, waiting: wait) { broker async throws(BrokerError) in
                try await broker.fetch(
                    topic, partition: partition, from: from, limit: limit, pattern: pattern, wait: wait)
            }
            return form.answer(fetched)
        })

    private static let tail = Route(
        method: .get, path: PathTemplate("/v1/tail"), operation: "tail",
        summary: "Follows topics live, as Server-Sent Events.", chapter: .events,
        parameters: [
            QueryParameter(
                name: "topic", schema: .string(Schema.StringRules(pattern: "^[A-Za-z0-9._*-]{1,249}$")),
                about: "A name, or a pattern with '*' for any part; all topics if absent.", isRepeatable: true
            ),
            .from(default: "latest"), .pattern,
        ],
        successes: [
            Success(
                status: .ok, about: "Messages 'event', 'trimmed' and 'corrupt', until the client goes away.",
                content: [.init(mediaType: "text/event-stream", schema: .string())])
        ],
        problems: [.notFound, .notAcceptable, .invalid], handler: .stream(Tail.open))

    /// What every read answers with.
    static let readSuccess = Success(
        status: .ok, about: "The events, where to go on, and where the partition ends.",
        content: [
            .init(mediaType: "application/json", schema: .reference(.readResult)),
            .init(mediaType: CloudEventJSONFormat.batchContentType, schema: .list(.reference(.cloudEvent))),
        ],
        fields: [
            ("Apus-Next-Offset", "Where to go on."), ("Apus-End-Offset", "Where the partition ended."),
        ])
}

/// The form that the answer to a read is wanted in.
enum ReadForm {
    case document
    case batch

    /// - Throws: ``Problem`` when the request accepts neither.
    init(_ head: HTTPRequestHead) throws(Problem) {
        let accepted = Accept(head)
        if accepted.names(CloudEventJSONFormat.batchContentType) {
            self = .batch
        } else if accepted.allows("application", "json") {
            self = .document
        } else {
            throw accepted.refusal(["application/json", CloudEventJSONFormat.batchContentType])
        }
    }

    func answer(_ fetched: FetchedEvents) -> Answer {
        var writer = JSONWriter(capacity: 256 * (fetched.events.count + 1))
        var headers: HTTPHeaderBlock
        switch self {
        case .document:
            headers = Answer.jsonHeaders
            writer.readResult(fetched)
        case .batch:
            headers = HTTPHeaderBlock()
            headers.append("Content-Type", CloudEventJSONFormat.batchContentType)
            writer.beginArray()
            for stored in fetched.events { CloudEventJSONFormat.write(stored.event, to: &writer) }
            writer.endArray()
        }
        headers.append("Apus-Next-Offset", String(fetched.next.rawValue))
        headers.append("Apus-End-Offset", String(fetched.end.rawValue))
        return Answer(status: .ok, headers: headers, body: ByteBuffer(bytes: writer.bytes))
    }
}
