// SPDX-License-Identifier: Apache-2.0

// The named schemas of what is administered, in the order in which a reader of the API meets them.

extension Schema {
    /// A page of a list, whose elements stand under `member`.
    private static func page(_ member: String, of element: Definition) -> Schema {
        .object(
            ObjectSchema()
                .requiring(member, .list(.reference(element)))
                .requiring("next", .nullable(.text), "the value of 'after' for the next page"))
    }

    /// A document of only whole numbers.
    private static func counts(_ names: String...) -> Schema {
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
                    .requiring("positions", .list(.object(partition))))
        }
    }

    static let topicSettings = ObjectSchema()
        .allowing("partitions", .integer(Bounds.partitions), "can grow, never shrink")
        .allowing(
            "durability", .either([.choice(["flush", "none"]), .duration]),
            "when a publish is acknowledged: on disk, in memory, or flushed this often"
        )
        .allowing("retention", .object(retention))
        .allowing(
            "segment_bytes", .integer(Bounds.segmentBytes), "what retention can forget is whole segments")

    static let retention = ObjectSchema()
        .allowing("age", .nullable(.duration), "null keeps events for ever")
        .allowing("bytes", .nullable(.integer(Bounds.bytes)), "per partition; null sets no limit")

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
        default:
            .object(
                ObjectSchema().requiring("name", .name).merging(subscriptionSettings)
                    .merging(subscriptionState))
        }
    }

    static let push = ObjectSchema()
        .requiring("url", .string(StringRules(lengthMax: 2048, example: "https://example.org/hook")))
        .allowing("timeout", .duration, "of one attempt, 1s to 5m; 15s if absent")
        .allowing("concurrency", .integer(Bounds.concurrency), "attempts at the same time; 8 if absent")
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

    private static let subscriptionState = ObjectSchema()
        .requiring("rule", .nullable(.name), "the rule whose webhook target it serves")
        .requiring("created", .time)
        .requiring("backlog", .count, "neither settled nor handed out")
        .requiring("in_flight", .count, "leased now")
        .requiring("waiting", .count, "for a retry")
        .requiring("oldest_unsettled", .nullable(.time))
        .requiring("acknowledged", .count, "since the server started")
        .requiring("dead_lettered", .count, "since the server started")
        .requiring("last_failure", .nullable(.text))
        .requiring("circuit", .nullable(.object(circuit)), "of a push subscription")
        .requiring("handshake", .nullable(.object(consent)), "where the receiver is asked for its consent")
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
        case .rules: page("rules", of: .rule)
        case .ruleTest: .object(ruleTest)
        case .ruleTestResult:
            .object(
                ObjectSchema().requiring("matched", .boolean)
                    .requiring("leaves", .list(.object(leaf)), "each condition of the pattern by itself")
                    .requiring("note", .nullable(.text), "what the conditions by themselves do not tell"))
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

    /// Exactly one of the two.
    static let ruleTarget = ObjectSchema()
        .allowing("topic", .name)
        .allowing("webhook", .reference(.push))

    private static let leaf = ObjectSchema()
        .requiring("path", .text)
        .requiring("expected", .list(.any), "the alternatives, as in the pattern")
        .requiring("found", .list(.any), "the first values there")
        .requiring("found_count", .count)
        .requiring("matched", .boolean)

    static let ruleTest = ObjectSchema()
        .requiring("pattern", .reference(.pattern))
        .requiring("event", .reference(.cloudEvent))
}

// MARK: - Dead letters

extension Schema {
    static func deadLetters(_ definition: Definition) -> Schema {
        switch definition {
        case .deadLetters: page("dead_letters", of: .deadLetter)
        case .deadLetterSelection: .object(deadLetterSelection)
        case .redriveResult: counts("matched", "redriven")
        case .discardResult: counts("matched", "discarded")
        default: .object(deadLetter)
        }
    }

    static let deadLetterSelection = ObjectSchema()
        .allowing("topic", .name, "only those in this dead-letter topic")
        .allowing("subscription", .name, "only those of this subscription")
        .allowing("ids", .list(.text, countMin: 1, countMax: Bounds.deadLetterIDs.upperBound), "only these")
        .allowing("dry_run", .boolean, "only count")

    private static let deadLetter = ObjectSchema()
        .requiring("id", .text)
        .requiring("subscription", .nullable(.name), "the subscription that gave up")
        .requiring("reason", .text)
        .requiring("attempts", .count)
        .requiring("status", .nullable(.integer(0...Int64.max)), "the target's last status code")
        .requiring("first", .time, "when the event arrived")
        .requiring("last", .time, "when the subscription gave up")
        .requiring("origin", .nullable(.object(place)))
        .requiring("event", .reference(.cloudEvent))
}

// MARK: - Operations

extension Schema {
    static func operations(_ definition: Definition) -> Schema {
        switch definition {
        case .health: .object(ObjectSchema().requiring("status", .choice(["ok"])))
        case .status: .object(status)
        case .diagnosis: .object(diagnosis)
        default:
            .object(
                ObjectSchema().requiring("batches", .count).requiring("bytes", .count)
                    .requiring("damage", .list(.text)))
        }
    }

    private static let status = ObjectSchema()
        .requiring("version", .text)
        .requiring("uptime", .duration)
        .requiring("ready", .boolean)
        .requiring("unavailable", .nullable(.text), "why publishes would be refused now")
        .requiring("topics", .count)
        .requiring("partitions", .count)
        .requiring("subscriptions", .count)
        .requiring("rules", .count)
        .requiring("dead_letters", .count, "waiting in all dead-letter topics")
        .requiring("recovery", .duration, "how long recovery took at start")
        .requiring(
            "durability", counts("flushes", "flushed_bytes", "flushed_batches", "pending_bytes")
        )
        .requiring("disk", .object(disk))

    private static let disk = ObjectSchema()
        .requiring("free_bytes", .nullable(.count))
        .requiring("stored_bytes", .count)
        .requiring("quarantined", .count, "batches that failed verification")
        .requiring("open_files", .count)

    private static let diagnosis = ObjectSchema()
        .requiring("healthy", .boolean, "whether there is no finding of severity 'error'")
        .requiring("findings", .list(.object(finding)))

    private static let finding = ObjectSchema()
        .requiring("severity", .choice(["error", "warning", "note"]))
        .requiring("subject", .text, "what it is about, such as 'subscription billing'")
        .requiring("finding", .text)
        .requiring("hint", .text, "what to do about it")
}
