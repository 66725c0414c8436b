// SPDX-License-Identifier: Apache-2.0

// The named schemas of what the server says about load: explanations, bottlenecks, alarms.

internal import ApusModel

extension Schema {
    static func observation(_ definition: Definition) -> Schema {
        switch definition {
        case .explanation: .object(explanation)
        case .alarms: .object(ObjectSchema().requiring("alarms", .list(.object(alarm))))
        case .recentLog:
            .object(ObjectSchema().requiring("lines", .list(.object(logLine)), "the oldest first"))
        case .serverSettings: .object(ObjectSchema().requiring("settings", .list(.object(setting))))
        case .clients:
            .object(
                ObjectSchema().requiring("clients", .list(.object(client)))
                    .requiring("next", .nullable(.text), "the value of 'after' for the next page"))
        default: .object(bottlenecks)
        }
    }

    static let subscriptionAlarm = ObjectSchema()
        .allowing("age", .nullable(.duration), "of its oldest event that is not settled; null: no limit")
        .allowing("backlog", .nullable(.integer(Bounds.alarmBacklog)), "events that wait; null: no limit")

    /// Rates of a subscription, events per second.
    static let subscriptionRates = ObjectSchema()
        .requiring("arrival", rate, "into its topic")
        .requiring("service", rate, "done with: acknowledged, committed, or passed over by its pattern")
        .requiring("delivered", rate)
        .requiring("acknowledged", rate)
        .requiring(
            "failed", rate, "attempts that failed, were refused or rejected for good, or whose lease ended"
        )
        .requiring("dead_lettered", rate, "given up")
        .requiring("in_flight", rate, "events that were out, on average")
        .requiring("room", .count, "how many may be out at the same time")
        .requiring("utilisation", .nullable(.any), "the part of that which was, over a minute: 0 to 1")
        .requiring("time_in_flight", .nullable(.duration), "how long an event is out, on average")
        .requiring(
            "drain", .nullable(.duration),
            "when what waits will be done; null: it does not become less, or because most of it is given up")

    private static let rate = Schema.object(
        ObjectSchema().requiring("1m", .any, "over about a minute").requiring("5m", .any, "over five"))

    private static let explanation = ObjectSchema()
        .requiring("subscription", .name)
        .requiring("topic", .name)
        .requiring("state", .choice(SubscriptionState.allCases.map(\.rawValue)))
        .requiring("summary", .text, "the answer in a sentence")
        .requiring("causes", .list(.object(cause)), "the one to begin with first")
        .requiring("backlog", .count)
        .requiring("in_flight", .count)
        .requiring("waiting", .count)
        .requiring("oldest_unsettled", .nullable(.time))
        .requiring("rates", .nullable(.object(subscriptionRates)))
        .requiring("slow_since", .nullable(.time))
        .requiring(
            "keys", .list(.object(key)), "the most frequent of what waits, by a look at the first events"
        )
        .requiring("partitions", .list(.object(behind)), "those that are furthest behind")

    private static let cause = ObjectSchema()
        .requiring("cause", .choice(SubscriptionCause.allCases.map(\.rawValue)))
        .requiring("severity", .choice(["error", "warning", "note"]))
        .requiring("finding", .text)
        .requiring("evidence", .list(.text), "the figures that speak for it")
        .requiring("hint", .text, "what to do about it")

    private static let key = ObjectSchema()
        .requiring("key", .text)
        .requiring("share", .any, "of the events that were looked at: 0 to 1")

    private static let behind = ObjectSchema()
        .requiring("partition", .count)
        .requiring("behind", .count, "events")

    private static let alarm = ObjectSchema()
        .requiring("alarm", .choice(["disk_full", "disk_low", "slow_consumer"]))
        .requiring("severity", .choice(["error", "warning", "note"]))
        .requiring("subject", .text, "what it is about, such as 'subscription billing'")
        .requiring("since", .time)
        .requiring("finding", .text)
        .requiring("hint", .text, "what to do about it")

    private static let logLine = ObjectSchema()
        .requiring("time", .time)
        .requiring("level", .text)
        .requiring("logger", .text)
        .requiring("message", .text)
        .allowing("metadata", .any)

    private static let setting = ObjectSchema()
        .requiring("name", .text, "of its option, without dashes")
        .requiring("value", .nullable(.text), "as the option takes it; null: none")
        .requiring(
            "origin", .choice(ServerSetting.Origin.allCases.map(\.rawValue)), "where the value is from")

    private static let client = ObjectSchema()
        .requiring("id", .text, "of its connection")
        .requiring("service", .choice(["http", "kafka"]), "what it speaks")
        .requiring("address", .text, "where it comes from")
        .requiring("client", .nullable(.text), "what it calls itself: Kafka's client id, HTTP's User-Agent")
        .requiring("software", .nullable(.text), "the library that it says it uses")
        .requiring("user", .nullable(.text), "who it has shown itself to be; null where nobody has to")
        .requiring("since", .time)
        .requiring("last", .time, "when it last asked for something")
        .requiring("last_request", .nullable(.text))
        .requiring("requests", .count)
        .requiring("under_way", .count, "requests without an answer: streams, long polls, work")
        .requiring("bytes_received", .count)
        .requiring("bytes_sent", .count)
        .requiring(
            "topics", .list(.text), "that it has worked with, at most 16; over HTTP that of its last request"
        )
        .requiring("groups", .list(.text), "that it has taken part in, at most 16")

    private static let bottlenecks = ObjectSchema()
        .requiring("time", .nullable(.time), "when the load was last looked at")
        .requiring("published", rate)
        .requiring("delivered", rate)
        .requiring("acknowledged", rate)
        .requiring("failed", rate)
        .requiring("disk", .object(disk))
        .requiring("subscriptions", .list(.object(loaded)), "the worst first, as 'sort' has it")
        .requiring("targets", .list(.object(target)), "receivers of push subscriptions, the slowest first")
        .requiring("partitions", .list(.object(partition)), "those that get most, the busiest first")
        .requiring(
            "idle_rules", .list(.object(idleRule)), "at work, and matched nothing although events came"
        )
        .requiring(
            "invalid_publishers", .list(.object(invalidPublisher)), "whose events schemas do not accept")

    private static let disk = ObjectSchema()
        .requiring("level", .choice(["ample", "low", "short"]), "short: publishes are refused")
        .requiring("free_bytes", .nullable(.count))
        .requiring("total_bytes", .nullable(.count))
        .requiring("alarm_below", .count, "free bytes; 0 where there is no alarm")
        .requiring("refuse_below", .count, "free bytes")
        .requiring("growth", .nullable(.any), "of what is stored, bytes per second over five minutes")
        .requiring("full_in", .nullable(.duration), "at this rate, until publishes are refused")

    private static let loaded = ObjectSchema()
        .requiring("name", .name)
        .requiring("topic", .name)
        .requiring("rule", .nullable(.name), "whose target it is")
        .requiring("kind", .choice(["shared", "cursor"]))
        .requiring("push", .boolean, "whether the server delivers by itself")
        .requiring("state", .choice(SubscriptionState.allCases.map(\.rawValue)))
        .requiring("backlog", .count)
        .requiring("in_flight", .count)
        .requiring("waiting", .count)
        .requiring("delivered", .count, "handed out since the server started, repeats included")
        .requiring("oldest_unsettled", .nullable(.time))
        .requiring("rates", .nullable(.object(subscriptionRates)))
        .requiring("slow_since", .nullable(.time))

    private static let target = ObjectSchema()
        .requiring("subscription", .name)
        .requiring("time_in_flight", .duration, "how long an event is out, on average")
        .requiring("failing", .any, "the part of the attempts that failed, over a minute: 0 to 1")
        .requiring("utilisation", .nullable(.any))

    private static let partition = ObjectSchema()
        .requiring("topic", .name)
        .requiring("partition", .count)
        .requiring("arrival", rate)
        .requiring("share", .any, "of its topic's events: 0 to 1")

    private static let idleRule = ObjectSchema()
        .requiring("name", .name)
        .requiring("topic", .name)
        .requiring("events", .count, "that came into the topic meanwhile")

    private static let invalidPublisher = ObjectSchema()
        .requiring("source", .text)
        .requiring("topic", .name)
        .requiring("events", .count)
        .requiring("reason", .text, "what was wrong with the last")
        .requiring("last", .time)
}
