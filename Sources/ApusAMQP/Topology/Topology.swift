// SPDX-License-Identifier: Apache-2.0

// What topics and subscriptions are in the broker, and making it so. Everything is declared again on each new connection: what is there already stays
// as it is, what was lost comes back.

internal import ApusAMQPCodec
internal import ApusBus
internal import Logging

/// Makes exchanges, queues and bindings. A declaration that is refused ends its channel, so each group of them has one of its own.
enum Topology {
    /// A topic: a durable exchange that routes by event type.
    static func topic(_ name: String) -> AMQPMethod {
        .exchangeDeclare(Exchange.Declare(exchange: name, type: "topic", durable: true))
    }

    /// Where dead letters go: a topic like others, with a queue of the same name that keeps everything.
    static func deadLetters(_ name: String) throws(AMQPCodecError) -> [AMQPMethod] {
        [
            topic(name),
            .queueDeclare(
                Queue.Declare(
                    queue: name, durable: true,
                    arguments: try FieldTable([
                        ("x-queue-type", .text("quorum")),
                        // Looking at dead letters counts as a delivery, and from version 4 on twenty of those would be the end of them.
                        ("x-delivery-limit", .int32(.max)),
                    ]))),
            .queueBind(Queue.Bind(queue: name, exchange: name, routingKey: RoutingKey.all)),
        ]
    }

    /// A subscription's queue.
    static func queue(_ subscription: Subscription, named name: String) throws(AMQPCodecError) -> AMQPMethod {
        guard !subscription.isTemporary else {
            return .queueDeclare(Queue.Declare(queue: name, exclusive: true, autoDelete: true))
        }
        return .queueDeclare(
            Queue.Declare(
                queue: name, durable: true,
                arguments: try FieldTable([
                    ("x-queue-type", .text("quorum")),
                    ("x-delivery-limit", .int32(Int32(clamping: subscription.attemptsMax))),
                    ("x-dead-letter-exchange", .text(subscription.deadLetterTopic)),
                    ("x-dead-letter-strategy", .text("at-least-once")),
                    ("x-overflow", .text("reject-publish")),
                ])))
    }

    /// What binds a subscription's queue to its topic. `former`: types that it was bound to and is not any more, as far as this program knows.
    static func bindings(
        _ subscription: Subscription, named name: String, former: Set<String>
    ) -> [AMQPMethod] {
        let bind = { (key: String) -> AMQPMethod in
            .queueBind(Queue.Bind(queue: name, exchange: subscription.topic, routingKey: key))
        }
        let unbind = { (key: String) -> AMQPMethod in
            .queueUnbind(Queue.Unbind(queue: name, exchange: subscription.topic, routingKey: key))
        }
        guard let types = subscription.types else { return [bind(RoutingKey.all)] }
        // New ones first, so that nothing falls between.
        let keys = types.map(RoutingKey.of).sorted()
        let gone = former.subtracting(types).map(RoutingKey.of).sorted()
        return keys.map(bind) + gone.map(unbind) + [unbind(RoutingKey.all)]
    }

    /// Makes what `methods` say, one after the other, on a channel of their own.
    static func declare(_ methods: [AMQPMethod], on connection: AMQPConnection) async throws(AMQPFailure) {
        let channel = try await connection.openChannel()
        for method in methods { try await channel.call(method) }
        await channel.close()
    }

    /// Makes a topic that events are published to, or takes the exchange that is there: somebody else's can be a direct, fanout or headers exchange, which routes in its own way.
    static func declareTopic(_ name: String, on connection: AMQPConnection) async throws(AMQPFailure) {
        do throws(AMQPFailure) {
            try await declare([topic(name)], on: connection)
        } catch {
            guard case .closed(.preconditionFailed, _) = error else { throw error }
            // Only asks for the name.
            try await declare(
                [.exchangeDeclare(Exchange.Declare(exchange: name, type: "topic", passive: true))],
                on: connection)
        }
    }

    /// Makes a subscription's queue, or takes the one that is there: its arguments cannot be changed.
    static func declareQueue(
        _ subscription: Subscription, named name: String, on connection: AMQPConnection, _ logger: Logger
    ) async throws(AMQPFailure) {
        do throws(AMQPFailure) {
            try await declare(
                [try known { () throws(AMQPCodecError) in try queue(subscription, named: name) }],
                on: connection)
        } catch {
            guard case .closed(.preconditionFailed, let text) = error else { throw error }
            try await declare([.queueDeclare(Queue.Declare(queue: name, passive: true))], on: connection)
            logger.warning(
                "the subscription's queue is used as it is: what differs cannot be changed while it exists",
                metadata: ["queue": "\(name)", "reason": "\(text)"])
        }
    }

    /// For what is made of names that were checked, and so can be written.
    static func known<Value>(
        _ make: () throws(AMQPCodecError) -> Value
    ) throws(AMQPFailure) -> Value {
        do throws(AMQPCodecError) {
            return try make()
        } catch {
            throw .protocolError("\(error)")
        }
    }
}
