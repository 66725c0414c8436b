// SPDX-License-Identifier: Apache-2.0

// Forgets events of a topic without deleting it: settings, subscriptions and rules stay, and offsets go on.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// The route that forgets events.
enum PurgeRoute {
    static let route = Route(
        method: .post, path: PathTemplate("/v1/topics/{topic}/purge"), operation: "purgeTopic",
        summary:
            "Forgets events of a topic for good, those too that subscriptions have not settled; answers the topic.",
        chapter: .topics, body: .optionalJSON(.object(Schema.purge)),
        successes: [.json(.ok, "The topic, as it stands then.", .topic)],
        problems: [.notFound, .trimmed, .unsupportedMediaType, .conflict, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let reader = try call.optionalMembers(Schema.purge)
            let number = try reader.integer("partition", in: Bounds.partition).map { Int($0) }
            let position = try reader.position("before", now: context.now) ?? .latest
            let topic = try context.look { broker throws(BrokerError) in try broker.topic(name) }
            let partitions = topic.partitions.filter { number == nil || $0.number == number }
            guard !partitions.isEmpty else {
                throw Problem(.notFound, "topic '\(name)' has no partition \(number ?? 0)")
            }
            for partition in partitions { try await purge(name, partition, before: position, context) }
            let purged = try context.look { broker throws(BrokerError) in try broker.topic(name) }
            return .json { $0.topic(purged) }
        })

    private static func purge(
        _ name: ResourceName, _ partition: PartitionDescription, before position: StartPosition,
        _ context: GatewayContext
    ) async throws(Problem) {
        let offset = try context.offset(of: position, in: partition, of: name)
        _ = try await context.ask { broker async throws(BrokerError) in
            try await broker.deleteRecords(name, partition: partition.number, before: offset)
        }
    }
}
