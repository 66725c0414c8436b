// SPDX-License-Identifier: Apache-2.0

// Delays by the broker's own means: a ladder of queues, each of which holds whatever comes for one time of its own, twice as long as that of the one
// below, and dead-letters it to the next. A delay is a binary number of tenths of a second, written into the routing key, and a message stays
// in the queues of those of its bits that are set.
//
//     publish ─▶ (exchange of the highest bit) ─ bit set ──▶ [queue, TTL 2^n × 100 ms] ─dead letter─▶ (exchange of the next bit) ─▶ … ─▶ (deliver)
//                                              └ not set ─────────────────────────────────────────▶
//
// All messages in a queue have the same time to live, so the first is always the first to expire; with times of the messages' own one that waits
// for a week would hold up all behind it. And the number of queues is one for all topics, subscriptions and delays.

internal import ApusAMQPCodec

/// Queues and exchanges for messages that are to come later.
enum DelayLadder {
    /// How many bits a delay has.
    static let levels = 25
    /// What the lowest bit stands for.
    static let unit = Duration.milliseconds(100)
    /// The longest delay that is given out; the ladder itself reaches 38 days.
    static let delayMax = Duration.seconds(30 * 24 * 3600)

    static let exchangePrefix = "apus.delay."
    /// The first word of routing keys: no event type begins so.
    static let prefix = "ad~."
    /// From where messages go where they were to go.
    static let deliver = "apus.delay.deliver"
    /// Where they go when that is not there any more.
    static let nobody = "apus.delay.nobody"

    /// Where a delayed message goes in the end.
    enum Destination: Hashable, Sendable {
        case topic(String)
        case queue(String)

        fileprivate var words: String {
            switch self {
            case .topic(let name): "t.\(name)"
            case .queue(let name): "s.\(name)"
            }
        }
    }

    /// Where to publish, and with which routing key, so that a message comes after a delay that is rounded up.
    static func route(
        _ delay: Duration, to destination: Destination
    ) -> (exchange: String, routingKey: String) {
        // In whole numbers: what is not a whole tenth in binary is rounded up as what it was meant to be.
        let (seconds, attoseconds) = min(max(delay, .zero), delayMax).components
        let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        let units = max(1, Int((milliseconds + 99) / 100))
        let bits = min(units, 1 << levels - 1)
        let highest = Int.bitWidth - 1 - bits.leadingZeroBitCount
        var key = prefix
        for level in stride(from: levels - 1, through: 0, by: -1) {
            key += bits >> level & 1 == 1 ? "1." : "0."
        }
        return (name(highest), key + destination.words)
    }

    private static func name(_ level: Int) -> String { exchangePrefix + String(level) }

    /// Which routing keys a level's exchange sends to its queue (`bit` 1) or past it (0).
    private static func pattern(_ level: Int, bit: Int) -> String {
        prefix + String(repeating: "*.", count: levels - 1 - level) + "\(bit).#"
    }

    /// Which routing keys are meant for a destination.
    static func binding(_ destination: Destination) -> String {
        prefix + String(repeating: "*.", count: levels) + destination.words
    }

    /// What has to be there before anything can be delayed, in the order in which it is made.
    static func declarations() throws(AMQPCodecError) -> [AMQPMethod] {
        var methods: [AMQPMethod] = [
            .exchangeDeclare(Exchange.Declare(exchange: nobody, type: "fanout", durable: true)),
            // What reaches it expires at once: a subscription that was deleted takes with it what was still to come.
            .queueDeclare(
                Queue.Declare(
                    queue: nobody, durable: true, arguments: try FieldTable([("x-message-ttl", .int32(0))]))),
            .queueBind(Queue.Bind(queue: nobody, exchange: nobody)),
            .exchangeDeclare(
                Exchange.Declare(
                    exchange: deliver, type: "topic", durable: true,
                    arguments: try FieldTable([("alternate-exchange", .text(nobody))]))),
        ]
        for level in 0..<levels {
            let next = level == 0 ? deliver : name(level - 1)
            methods += [
                .exchangeDeclare(Exchange.Declare(exchange: name(level), type: "topic", durable: true)),
                .queueDeclare(
                    Queue.Declare(
                        queue: name(level), durable: true,
                        arguments: try FieldTable([
                            ("x-queue-type", .text("quorum")),
                            ("x-message-ttl", .int64(Int64(unit / .milliseconds(1)) << level)),
                            ("x-dead-letter-exchange", .text(next)),
                            // Not dropped from here before it has arrived there.
                            ("x-dead-letter-strategy", .text("at-least-once")),
                            ("x-overflow", .text("reject-publish")),
                        ]))),
                .queueBind(
                    Queue.Bind(queue: name(level), exchange: name(level), routingKey: pattern(level, bit: 1))),
                .exchangeBind(
                    Exchange.Bind(
                        destination: next, source: name(level), routingKey: pattern(level, bit: 0))),
            ]
        }
        return methods
    }

    /// What has to be there before anything can be delayed for a destination.
    static func bindings(_ destination: Destination) -> [AMQPMethod] {
        switch destination {
        case .queue(let name):
            return [.queueBind(Queue.Bind(queue: name, exchange: deliver, routingKey: binding(destination)))]
        case .topic(let name):
            return [
                .exchangeBind(
                    Exchange.Bind(destination: name, source: deliver, routingKey: binding(destination))),
                // A topic to which nobody subscribes has nowhere to send what comes, and the ladder would try for ever.
                .exchangeBind(
                    Exchange.Bind(destination: nobody, source: deliver, routingKey: binding(destination))),
            ]
        }
    }
}
