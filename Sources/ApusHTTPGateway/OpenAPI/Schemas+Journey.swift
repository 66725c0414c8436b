// SPDX-License-Identifier: Apache-2.0

// The named schemas of the way of single events.

import ApusEngine

extension Schema {
    static func journeys(_ definition: Definition) -> Schema {
        switch definition {
        case .journey: .object(journey)
        case .journeyStep: .object(step)
        case .attempts:
            .object(
                ObjectSchema()
                    .requiring(
                        "attempts",
                        .list(
                            .object(
                                ObjectSchema()
                                    .requiring(
                                        "place", .nullable(.object(place)), "the event's, if it is there"
                                    )
                                    .requiring("time", .time, "when it ended").merging(attempt)))
                    )
                    .requiring("next", .nullable(.count), "'before' of the next page"))
        case .pushTest: .object(pushTest)
        default:
            .object(
                ObjectSchema()
                    .requiring("events", .list(.reference(.storedEvent)))
                    .requiring("looked", .count, "how many events were looked at")
                    .requiring("rest", .nullable(.text), "where to go on; null when all were looked at"))
        }
    }

    private static let journey = ObjectSchema()
        .requiring("event", .reference(.storedEvent))
        .requiring("noted", .boolean, "whether the server notes what happens to events")
        .requiring("whole", .boolean, "whether all was looked through; otherwise something may be missing")
        .requiring(
            "schema",
            .object(
                ObjectSchema()
                    .requiring("verdict", .choice(["none", "accepted", "violated", "unknown"]))
                    .requiring("detail", .nullable(.text))), "what the topic's schemas say of it now"
        )
        .requiring("rules", .list(.object(rule)), "the rules of its topic, as they are now")
        .requiring("subscriptions", .list(.object(subscription)), "the subscriptions of its topic")
        .requiring("steps", .list(.reference(.journeyStep)), "what was noted, in the order of time")
        .requiring("ancestors", .list(.object(relative)), "what it was made of, the nearest first")
        .requiring("descendants", .list(.object(relative)), "what was made of it")

    private static let rule = ObjectSchema()
        .requiring("name", .name)
        .requiring("enabled", .boolean)
        .requiring("newer", .boolean, "whether it was made or changed after the event came")
        .requiring("matched", .boolean)
        .requiring("targets", .list(.text))
        .merging(explanation)

    private static let subscription = ObjectSchema()
        .requiring("name", .name)
        .requiring("rule", .nullable(.name), "the rule whose target it serves")
        .requiring("push", .boolean)
        .requiring(
            "standing", .choice(SubscriptionVerdict.Standing.allCases.map(\.rawValue)),
            "how far it is with the event"
        )
        .requiring("attempts", .nullable(.count), "how often it was handed out, while it is not settled")
        .requiring("next", .nullable(.time), "when the next attempt is due")
        .merging(explanation)

    private static let explanation = ObjectSchema()
        .allowing("leaves", .list(.object(leaf)), "each condition by itself, if that was asked for")
        .allowing("note", .nullable(.text))

    private static let relative = ObjectSchema()
        .requiring("kind", .choice(EventRelative.Kind.allCases.map(\.rawValue)))
        .requiring("place", .object(place))
        .requiring("time", .nullable(.time), "when it came there; null when it cannot be read any more")
        .requiring("from", .text, "topic/partition/offset of what it was made of")
        .requiring("by", .nullable(.text), "the rule or the subscription")
        .requiring("steps", .list(.reference(.journeyStep)))

    private static let step = ObjectSchema()
        .requiring("time", .time)
        .requiring(
            "kind", .choice(["published", "warned", "attempt", "dead letter", "redriven", "discarded"])
        )
        .allowing("protocol", .text, "by what it was published")
        .allowing("client", .nullable(.text), "what the publisher calls itself")
        .allowing("address", .nullable(.text))
        .allowing("events", .count, "how many events were published together")
        .allowing("letter", .text, "topic/partition/offset of the dead letter")
        .allowing("to", .nullable(.text), "where a dead letter was sent back to")
        .allowing("edited", .boolean)
        .allowing("subscription", .name)
        .allowing("reason", .nullable(.text))
        .merging(attemptDetails(isRequired: false))

    private static let attempt =
        ObjectSchema()
        .requiring("subscription", .name)
        .requiring("reason", .nullable(.text))
        .merging(attemptDetails(isRequired: true))

    private static let pushTest = ObjectSchema()
        .requiring("subscription", .name)
        .requiring("event", .reference(.cloudEvent), "what was sent")
        .requiring("began", .time)
        .requiring("microseconds", .count, "how long it took")
        .requiring("outcome", .choice([AttemptResult.delivered, .failed, .refused].map(\.text)))
        .requiring("status", status)
        .requiring("reason", .nullable(.text), "why it failed")
        .merging(exchange)

    private static let status = Schema.nullable(.integer(-1...Int64(Int32.max)))

    private static func attemptDetails(isRequired: Bool) -> ObjectSchema {
        let details = ObjectSchema()
            .requiring("attempt", .count, "which try it was, from 1")
            .requiring("max_attempts", .count)
            .requiring("began", .nullable(.time))
            .requiring("microseconds", .nullable(.count), "how long it took")
            .requiring("outcome", .choice(AttemptResult.allCases.map(\.text)))
            .requiring("status", status, "the target's status code")
            .requiring("next", .nullable(.time), "when the next attempt was to be")
        var schema = details
        if !isRequired {
            for index in schema.properties.indices { schema.properties[index].isRequired = false }
        }
        return schema.merging(exchange)
    }

    private static let exchange = ObjectSchema()
        .allowing("request", .object(request), "what was sent: the beginning, secrets masked")
        .allowing("response", .nullable(.object(response)), "what came back; null when nothing did")

    private static let fields = Schema.list(
        .object(ObjectSchema().requiring("name", .text).requiring("value", .text)))

    private static let request = ObjectSchema()
        .requiring("method", .text, "'publish' to outside brokers")
        .requiring("url", .text)
        .allowing("broker", .object(broker), "where it went, if that is an outside broker")
        .requiring("headers", fields, "to outside brokers the event's attributes")
        .requiring("body", .text, "at most the first 2 KiB")
        .requiring("bytes", .count, "of the whole body")

    private static let broker = ObjectSchema()
        .requiring("transport", .text, "as its URLs name it: amqp, kafka…")
        .requiring("connection", .name)
        .requiring("topic", .text, "the topic there: an exchange, an event bus, whatever stands for a topic")

    private static let response = ObjectSchema()
        .requiring("status", .nullable(.integer(100...999)), "null from outside brokers")
        .allowing("error", .nullable(.text), "what kind of error an outside broker answered with")
        .requiring("headers", fields, "from outside brokers their receipt")
        .requiring("body", .text, "at most the first 2 KiB; from outside brokers the text of their error")
}
