// SPDX-License-Identifier: Apache-2.0

// `GET /v1/tail`: what is asked, and where to begin in each partition.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusHTTPServer
internal import ApusModel
internal import ApusRules

/// What a tail follows, and from where.
struct Tail: Sendable {
    /// Names and patterns of topics; none means all.
    var topics: [TopicGlob]
    /// Which events; nil for all.
    var pattern: Pattern?
    /// Where it stands.
    var positions = TailPositions()

    /// Prepares to answer a request.
    ///
    /// - Throws: ``Problem`` while an ordinary answer is still possible.
    static let open: @Sendable (GatewayContext, Call) async throws(Problem) -> StreamBody = {
        context, call throws(Problem) in
        let accepted = Accept(call.head)
        guard accepted.allows("text", "event-stream") else { throw accepted.refusal(["text/event-stream"]) }
        let tail = try Tail(call, context)
        try context.calls.beginWaiting(call.ticket)
        return StreamBody(headers: ServerSentEventWriter.headers) { writer in
            var session = TailSession(tail, context, ServerSentEventWriter(writer: writer))
            await session.run()
            writer.finish()
        }
    }

    private init(_ call: Call, _ context: GatewayContext) throws(Problem) {
        topics = []
        for text in call.query.strings("topic") { topics.append(try TopicGlob(text)) }
        pattern = try call.query.pattern("pattern")
        let from = try call.query.position("from", default: .latest, now: context.now)
        var resumed: [UInt64: [Int: TailPositions.Place]]?
        if let token = call.head.firstValue(of: "last-event-id"), !token.isEmpty {
            resumed = TailPositions.parse(token)
            if resumed == nil {
                throw Problem(.malformed, "'Last-Event-ID' is not a position of this server")
            }
        }
        let found = try select(context)
        for glob in topics where !glob.isPattern && !found.contains(where: { glob.matches($0.name) }) {
            throw Problem(
                .notFound, "there is no topic '\(glob.text)'",
                hint: "create it first, or follow '\(glob.text)*'")
        }
        for topic in found {
            for partition in topic.partitions {
                let key = TailPartition(topic: topic.name, id: topic.id, number: partition.number)
                positions[key] =
                    resumed.map { $0[topic.id.high]?[partition.number] ?? .offset(partition.start) }
                    ?? Self.place(from, partition)
            }
        }
        try checkWidth(context)
    }

    private func checkWidth(_ context: GatewayContext) throws(Problem) {
        let limit = context.configuration.tailPartitionsMax
        guard positions.places.count > limit else { return }
        throw Problem(
            .invalid, "\(positions.places.count) partitions are more than one tail can follow (\(limit))",
            hint: "follow fewer topics")
    }

    private static func place(
        _ position: StartPosition, _ partition: PartitionDescription
    ) -> TailPositions.Place {
        switch position {
        case .earliest: .offset(partition.start)
        case .latest: .offset(partition.end)
        case .offset(let offset): .offset(offset)
        case .time(let time): .time(time)
        }
    }

    /// The topics that are followed, as they are now.
    func select(_ context: GatewayContext) throws(Problem) -> [TopicDescription] {
        var found: [TopicDescription] = []
        var after: String?
        repeat {
            let page = Page(limit: 1000, after: after)
            let topics = try context.look { broker throws(BrokerError) in try broker.topics(page) }
            found += topics.filter { topic in
                self.topics.isEmpty || self.topics.contains { $0.matches(topic.name) }
            }
            after = topics.count < page.limit ? nil : topics.last?.name.description
        } while after != nil
        return found
    }
}
