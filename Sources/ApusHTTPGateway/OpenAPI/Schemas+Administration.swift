// SPDX-License-Identifier: Apache-2.0

// The named schemas of what is administered, in the order in which a reader of the API meets them.

internal import ApusEngine

extension Schema {
    /// A page of a list, whose elements stand under `member`.
    private static func page(_ member: String, of element: Definition) -> Schema {
        .object(
            ObjectSchema()
                .requiring(member, .list(.reference(element)))
                .requiring("next", .nullable(.text), "the value of 'after' for the next page"))
    }

    /// A document of only whole numbers.
    static func counts(_ names: String...) -> Schema {
        .object(names.reduce(ObjectSchema()) { $0.requiring($1, .count) })
    }
}

// MARK: - Topics

extension Schema {
    static func topics(_ definition: Definition) -> Schema {
        switch definition {
        case .topicSettings: .object(topicSettings)
        case .topics: page("topics", of: .topic)
        default:
            .object(
                ObjectSchema()
                    .requiring("name", .name)
                    .requiring("id", .text, "another one after deletion and creation")
                    .merging(topicSettings)
                    .requiring("created", .time)
                    .requiring("published", .count, "since the server started, copies of rules not included")
                    .requiring("positions", .list(.object(partition)))
                    .allowing(
                        "readers", .object(readers), "how its subscriptions stand, where that was asked"))
        }
    }

    private static let readers = ObjectSchema()
        .requiring("subscriptions", .count)
        .requiring("backlog", .count, "of the one that is furthest behind")
        .requiring("oldest_unsettled", .nullable(.time), "the oldest event that one of them has not settled")

    static let topicSettings = ObjectSchema()
        .allowing("partitions", .integer(Bounds.partitions), "can grow, never shrink")
        .allowing(
            "durability", .either([.choice(["flush", "none"]), .duration]),
            "when a publish is acknowledged: on disk, in memory, or flushed this often"
        )
        .allowing("retention", .object(retention))
        .allowing(
            "segment_bytes", .integer(Bounds.segmentBytes), "what retention can forget is whole segments"
        )
        .allowing("segment_age", .duration, "the age at which a segment is closed, however small it is")
        .allowing("max_batch_bytes", .integer(Bounds.batchBytes), "the largest batch that is taken")
        .allowing(
            "timestamps", .choice(TimestampSource.allCases.map(\.rawValue)),
            "where records of Kafka clients have their time from: their producer, or the append"
        )
        .allowing("ttl", .nullable(.duration), "how long after arrival events are handed out; null: no limit")
        .allowing(
            "deduplication", .nullable(.object(deduplication)),
            "null stores events as often as they are published"
        )
        .allowing("cleanup", .choice(CleanupPolicy.allCases.map(\.rawValue)), "what becomes of old events")
        .allowing("compaction", .object(compaction), "for topics that keep the last event of each key")
        .allowing(
            "schema", .nullable(.object(topicSchema)),
            "how its events are judged by schemas; null: not at all")

    static let compaction = ObjectSchema()
        .allowing(
            "delete_retention", .duration,
            "for how long an event without data, which deletes its key, can be read once older ones are gone"
        )
        .allowing("min_lag", .duration, "how old events are at least that are looked at")
        .allowing(
            "dirty_percent", .integer(Bounds.percent),
            "how much of a partition has to be new before it is gone over")

    static let purge = ObjectSchema()
        .allowing("partition", .integer(Bounds.partition), "all partitions if absent")
        .allowing("before", .position, "what comes before this position goes; all that is there if absent")

    static let retention = ObjectSchema()
        .allowing("age", .nullable(.duration), "null keeps events for ever")
        .allowing("bytes", .nullable(.integer(Bounds.bytes)), "per partition; null sets no limit")

    static let deduplication = ObjectSchema()
        .allowing("window", .duration, "for how long an event is remembered, 1s to 7d; 5m if absent")
        .allowing("attribute", .text, "the extension attribute that tells; source and id if absent")

    private static let partition = ObjectSchema()
        .requiring("partition", .count)
        .requiring("start", .count, "the first offset kept")
        .requiring("end", .count, "the next offset")
        .requiring("bytes", .count)
}

// MARK: - Subscriptions

extension Schema {
    static func subscriptions(_ definition: Definition) -> Schema {
        switch definition {
        case .push: .object(push)
        case .retry: .object(retry)
        case .subscriptionSettings: .object(subscriptionSettings)
        case .subscriptions: page("subscriptions", of: .subscription)
        case .replayPreview: .object(ObjectSchema().requiring("positions", .list(.object(replayMove))))
        case .newSecret: .object(ObjectSchema().requiring("secret", .text).merging(secrets))
        case .secrets: .object(secrets)
        default:
            .object(
                ObjectSchema().requiring("name", .name).merging(subscriptionSettings)
                    .merging(subscriptionState))
        }
    }

    private static let replayMove = ObjectSchema()
        .requiring("partition", .count)
        .requiring("cursor", .count, "everything before it is settled now")
        .requiring("to", .count, "where it would go on; where it is for a replay that has an end")
        .requiring(
            "again", .count, "offsets that are settled and would come again, as far as the pattern wants them"
        )
        .requiring("skipped", .count, "offsets that are not settled and would not come any more")

    private static let secrets = ObjectSchema()
        .requiring(
            "secrets", .list(.text), "what requests are signed with from now on, masked, the newest first")

    static let push = ObjectSchema()
        .allowing("url", .string(StringRules(lengthMax: 2048, example: "https://example.org/hook")))
        .allowing("connection", .name, "in place of 'url': events go to a topic of this outside broker")
        .allowing("topic", .string(StringRules(lengthMax: 255)), "with 'connection': the outside topic")
        .allowing("timeout", .duration, "of one attempt, 1s to 5m; 15s if absent, 1m to a broker")
        .allowing(
            "concurrency", .integer(Bounds.concurrency),
            "attempts at the same time; 8 if absent, 4 to a broker"
        )
        .allowing(
            "mode", .choice(["binary", "structured", "batch"]),
            "attributes as headers; the event as JSON; several events as a JSON array"
        )
        .allowing("batch", .object(pushBatch), "for mode 'batch'")
        .allowing("rate", .nullable(.integer(Bounds.pushRate)), "events per second; null sets no limit")
        .allowing("handshake", .boolean, "ask the receiver for its consent first; false if absent")
        .allowing("breaker", .object(pushBreaker), "when a failing target is left alone")
        .allowing(
            "secrets", .list(.text, countMax: Bounds.pushSecrets.upperBound),
            "each request is signed with each of them; masked in answers, and a masked one stands for itself"
        )
        .allowing(
            "headers", .object(ObjectSchema().allowingOthers()),
            "of every request; credentials are masked in answers")

    static let pushBatch = ObjectSchema()
        .allowing("max_events", .integer(Bounds.pushBatchEvents))
        .allowing("max_bytes", .integer(Bounds.pushBatchBytes), "of data")
        .allowing("linger", .duration, "how long the first event waits for others")

    static let pushBreaker = ObjectSchema()
        .allowing("failures", .integer(Bounds.breakerFailures), "in a row; 0 for never")
        .allowing("initial", .duration, "the first pause; it doubles with each probe that fails")
        .allowing("max", .duration, "the longest pause")

    static let retry = ObjectSchema()
        .allowing("initial", .duration, "the longest wait before the second attempt; it doubles from there")
        .allowing("max", .duration, "the longest wait before any attempt")
        .allowing(
            "schedule", .list(.duration, countMax: Bounds.retrySchedule.upperBound),
            "the waits themselves, the last for all that follow; empty: exponential"
        )
        .allowing(
            "max_age", .nullable(.duration), "since the event's arrival; null: while there are attempts")

    static let subscriptionSettings = ObjectSchema()
        .allowing("topic", .name, "needed to create; cannot change")
        .allowing("kind", .choice(["shared", "cursor"]), "cannot change")
        .allowing("start", .position, "cannot change; 'latest' if absent")
        .allowing(
            "end", .nullable(.position),
            "shared kind: where it ends, as that is now; cannot change; null: nowhere"
        )
        .allowing("pattern", .nullable(.reference(.pattern)), "null wants every event")
        .allowing("lease", .duration, "0s to 12h")
        .allowing("max_in_flight", .integer(Bounds.inFlight))
        .allowing("max_attempts", .integer(Bounds.attempts))
        .allowing("retry", .reference(.retry))
        .allowing("dead_letter", .name, "the dead-letter topic; TOPIC.dead-letter if absent")
        .allowing(
            "push", .nullable(.reference(.push)), "where Apus delivers by itself; null: consumers receive"
        )
        .allowing("paused", .boolean, "whether handing out is stopped")
        .allowing(
            "expires_after", .nullable(.duration),
            "shared kind: it is deleted when nobody has received or settled for so long, 1s to 30d; null: never"
        )
        .allowing("alarm", .object(subscriptionAlarm), "from when on its consumers count as slow")
        .allowing(
            "ordering", .nullable(.object(ordering)), "shared kind: what is kept in order; null: nothing"
        )
        .allowing(
            "fairness", .nullable(.object(fairness)), "shared kind: who shares hand-outs; null: nobody"
        )
        .allowing(
            "priority", .nullable(.string(StringRules(pattern: "^[a-z0-9]{1,64}$", example: "priority"))),
            "shared kind: the attribute that has an event's priority, 0 to 9, higher ones first; null: none")

    static let ordering = ObjectSchema()
        .allowing("by", eventKey, "events with the same value come one after another; \"key\" if absent")
        .allowing(
            "on_dead_letter", .choice(["continue", "block"]),
            "whether a key goes on after a dead letter, or waits until that is redriven or discarded")

    static let fairness = ObjectSchema()
        .allowing("by", eventKey, "every value has a share; \"key\" if absent")
        .allowing(
            "weights", .object(ObjectSchema().allowingOthers()),
            "how large the shares of some values are, 1 to 1000; all others have 1")

    private static let eventKey = Schema.string(
        StringRules(pattern: "^(key|attribute:[a-z0-9]{1,64})$", example: "key"))

    private static let subscriptionState = ObjectSchema()
        .requiring(
            "state", .choice(SubscriptionState.allCases.map(\.rawValue)), "how it is, in a word"
        )
        .requiring("rule", .nullable(.name), "the rule whose webhook target it serves")
        .requiring("created", .time)
        .requiring("backlog", .count, "neither settled nor handed out")
        .requiring("in_flight", .count, "leased now")
        .requiring("waiting", .count, "for a retry")
        .requiring("blocked", .count, "keys that wait until a dead letter is redriven or discarded")
        .requiring("oldest_unsettled", .nullable(.time))
        .requiring("delivered", .count, "handed out since the server started, repeats included")
        .requiring("acknowledged", .count, "since the server started")
        .requiring(
            "failed", .count,
            "attempts since the server started that failed, were refused or rejected for good, or whose lease ended"
        )
        .requiring("dead_lettered", .count, "since the server started")
        .requiring("last_failure", .nullable(.text))
        .requiring("replaying", .count, "at most so many events are left of a bounded replay")
        .requiring("complete", .boolean, "whether it has an end and everything before that is settled")
        .requiring("circuit", .nullable(.object(circuit)), "of a push subscription")
        .requiring("handshake", .nullable(.object(consent)), "where the receiver is asked for its consent")
        .requiring("rates", .nullable(.object(subscriptionRates)), "null until it was looked at twice")
        .requiring("slow_since", .nullable(.time), "since when its consumers count as slow")
        .requiring("positions", .list(.object(subscriptionPosition)))

    private static let circuit = ObjectSchema()
        .requiring("state", .choice(["closed", "open", "probing"]), "open: the target is left alone")
        .requiring("failures", .count, "in a row, while closed")
        .requiring("open_since", .nullable(.time))
        .requiring("next_probe", .nullable(.time))

    private static let consent = ObjectSchema()
        .requiring("state", .choice(["unknown", "granted", "withheld"]))
        .allowing("rate_per_minute", .count, "that the receiver allows; 0 for any")
        .allowing("reason", .text, "why it is withheld")

    private static let subscriptionPosition = ObjectSchema()
        .requiring("partition", .count)
        .requiring("cursor", .count, "everything before it is settled")
        .requiring("next", .count, "the next offset to be looked at")
        .requiring("end", .count)
}

// MARK: - Rules

extension Schema {
    static func rules(_ definition: Definition) -> Schema {
        switch definition {
        case .ruleSettings: .object(ruleSettings)
        case .ruleTarget: .object(ruleTarget)
        case .transformation: .object(transformation)
        case .rules: page("rules", of: .rule)
        case .ruleTest: .object(ruleTest)
        case .ruleTrial: .object(ruleTrial)
        case .ruleTrialResult: .object(ruleTrialResult)
        case .ruleTestResult:
            .object(
                ObjectSchema().requiring("matched", .boolean)
                    .requiring("leaves", .list(.object(leaf)), "each condition of the pattern by itself")
                    .requiring("note", .nullable(.text), "what the conditions by themselves do not tell")
                    .requiring(
                        "transformed", .nullable(.reference(.cloudEvent)),
                        "what the target would get; null without a transformation, or without a match"
                    )
                    .requiring("failure", .nullable(.text), "why the event cannot be transformed"))
        default:
            .object(
                ObjectSchema().requiring("name", .name).merging(ruleSettings)
                    .requiring("created", .time)
                    .requiring("matches", .count, "since the server started")
                    .requiring("subscriptions", .list(.name), "those behind its webhook targets"))
        }
    }

    static let ruleSettings = ObjectSchema()
        .requiring("topic", .name)
        .requiring("pattern", .reference(.pattern))
        .requiring(
            "targets",
            .list(
                .reference(.ruleTarget), countMin: Bounds.targets.lowerBound,
                countMax: Bounds.targets.upperBound)
        )
        .allowing("enabled", .boolean)

    /// Exactly one of `topic`, `webhook` and `bus`.
    static let ruleTarget = ObjectSchema()
        .allowing("topic", .name)
        .allowing("webhook", .reference(.push))
        .allowing("bus", .reference(.push), "with 'connection' and 'topic'")
        .allowing("transformation", .reference(.transformation), "what becomes of events before")

    /// At most one of the inputs, and that or `attributes`.
    private static let transformation = ObjectSchema()
        .allowing("input_paths", .object(ObjectSchema().allowingOthers()), "variables and their paths")
        .allowing("input_template", .text, "what the data becomes, with <variables>")
        .allowing("input_path", .text, "the part of the event that the data becomes")
        .allowing("input", .any, "what the data becomes, whatever the event is")
        .allowing("output", .choice(["json", "xml", "text"]), "what the template makes; json if absent")
        .allowing("missing", .choice(["null", "fail"]), "what a path that leads to nothing means")
        .allowing("attributes", .object(attributeChanges))

    private static let attributeChanges = ObjectSchema()
        .allowing("rename", .object(ObjectSchema().allowingOthers()), "old names and new ones")
        .allowing("remove", .list(.text))
        .allowing("set", .object(ObjectSchema().allowingOthers()), "names and values, with <variables>")

    static let leaf = ObjectSchema()
        .requiring("path", .text)
        .requiring("expected", .list(.any), "the alternatives, as in the pattern")
        .requiring("found", .list(.any), "the first values there")
        .requiring("found_count", .count)
        .requiring("matched", .boolean)

    static let ruleTest = ObjectSchema()
        .requiring("pattern", .reference(.pattern))
        .requiring("event", .reference(.cloudEvent))
        .allowing("transformation", .reference(.transformation))
        .allowing("rule", .name, "the rule that the transformation is told of")
        .allowing("topic", .name, "the topic that the transformation is told of")
}

// MARK: - Dead letters

extension Schema {
    static func deadLetters(_ definition: Definition) -> Schema {
        switch definition {
        case .deadLetters: page("dead_letters", of: .deadLetter)
        case .deadLetterCauses:
            .object(
                ObjectSchema()
                    .requiring("causes", .list(.object(deadLetterCause)))
                    .requiring("looked", .count, "how many letters this step looked at")
                    .requiring("next", .nullable(.text), "'after' of the next step; null at the end"))
        case .deadLetterSelection: .object(deadLetterSelection)
        case .deadLetterRedrive: .object(redriveRequest)
        case .deadLetterDiscard: .object(discardRequest)
        case .redriveResult: counts("matched", "redriven")
        case .discardResult: counts("matched", "discarded")
        default: .object(deadLetter)
        }
    }

    static let deadLetterSelection = ObjectSchema()
        .allowing("topic", .name, "only those in this dead-letter topic")
        .allowing("subscription", .name, "only those of this subscription")
        .allowing("rule", .name, "only those of this rule")
        .allowing("feed", .name, "only those of this feed")
        .allowing("cause", .text, "only those of this cause: their reason, with '…' for its figures")
        .allowing("ids", .list(.text, countMin: 1, countMax: Bounds.deadLetterIDs.upperBound), "only these")
        .allowing("pattern", .reference(.pattern), "only those whose event matches")
        .allowing("since", .moment, "only those given up at or after this time")
        .allowing("until", .moment, "only those given up before this time")
        .allowing("dry_run", .boolean, "only count")

    static let discardRequest =
        deadLetterSelection
        .allowing("reason", .text, "why, for whoever looks into their journeys")

    static let redriveRequest =
        deadLetterSelection
        .allowing(
            "event", .reference(.cloudEvent),
            "what the one dead letter in 'ids' becomes; source and id stay as they are")

    private static let deadLetterCause = ObjectSchema()
        .requiring("subscription", .nullable(.name))
        .requiring("rule", .nullable(.name))
        .requiring("feed", .nullable(.name))
        .requiring("cause", .text, "the reason, with '…' for every figure but the status")
        .requiring("count", .count)
        .requiring("first", .time, "when the first of them was given up")
        .requiring("last", .time, "when the last of them was given up")
        .requiring("sample", .reference(.deadLetter), "the last one")

    private static let deadLetter = ObjectSchema()
        .requiring("id", .text)
        .requiring("subscription", .nullable(.name), "the subscription that gave up")
        .requiring("rule", .nullable(.name), "the rule whose transformation failed")
        .requiring("target", .nullable(.name), "the topic that the rule could not copy to")
        .requiring("feed", .nullable(.name), "the feed that could not publish it")
        .requiring("reason", .text)
        .requiring("attempts", .count)
        .requiring("status", .nullable(.integer(0...Int64.max)), "the target's last status code")
        .requiring("first", .time, "when the event arrived")
        .requiring("last", .time, "when the subscription gave up")
        .requiring("origin", .nullable(.object(place)))
        .requiring("event", .reference(.cloudEvent))
}

// MARK: - Schedules

extension Schema {
    static func schedules(_ definition: Definition) -> Schema {
        switch definition {
        case .scheduleReceipt: .object(scheduleReceipt)
        case .scheduleReceipts:
            .object(ObjectSchema().requiring("receipts", .list(.reference(.scheduleReceipt))))
        case .delayedEvents: page("delayed", of: .delayedEvent)
        case .delayedEvent:
            .object(
                scheduleReceipt.requiring("topic", .name).requiring("key", .nullable(.text))
                    .requiring("event", .reference(.cloudEvent)))
        case .scheduleSettings: .object(scheduleSettings)
        case .schedules: page("schedules", of: .schedule)
        default:
            .object(
                ObjectSchema().requiring("name", .name).merging(scheduleSettings)
                    .requiring("created", .time)
                    .requiring("next", .nullable(.time), "null when it is never due again")
                    .requiring("fired", .count, "since the server started"))
        }
    }

    private static let scheduleReceipt = ObjectSchema()
        .requiring("id", .text, "to show and cancel it by")
        .requiring("due", .time)

    static let scheduleSettings = ObjectSchema()
        .requiring("topic", .name)
        .requiring(
            "schedule", .string(StringRules(example: "0 9 * * mon-fri")), "cron, cron(…), rate(…), @daily"
        )
        .allowing(
            "time_zone", .string(StringRules(example: "Europe/Berlin")), "of a cron expression; UTC if absent"
        )
        .requiring(
            "event", .any,
            "a CloudEvent; id and time are set at every occurrence, source and type may be absent"
        )
        .allowing("key", .text)
        .allowing("start", .nullable(.time), "not before")
        .allowing("end", .nullable(.time), "not after")
        .allowing("enabled", .boolean)
        .allowing(
            "catch_up", .either([.choice(["skip", "once"]), .integer(Bounds.catchUp)]),
            "what is made up for after downtime: nothing, the last occurrence, or at most so many; 'once' if absent"
        )
}
