// SPDX-License-Identifier: Apache-2.0

// The named schemas of words and events; those of topics, subscriptions and the rest are in Schemas+Administration.

extension Schema {
    static let text = Schema.string()
    static let count = Schema.integer(0...Int64.max)
    static let name = Schema.reference(.name)
    static let duration = Schema.reference(.duration)
    static let time = Schema.reference(.time)
    static let position = Schema.reference(.position)
    static let moment = Schema.either([.duration, .string(StringRules(format: "date-time"))])
}

// MARK: - Words

extension Schema {
    static func basic(_ definition: Definition) -> Schema {
        switch definition {
        case .name:
            // Kafka's rule for topics: everything but '.' and '..'.
            .string(
                StringRules(
                    pattern: #"^([A-Za-z0-9_-]|\.[A-Za-z0-9_-]|\.\.[A-Za-z0-9._-])[A-Za-z0-9._-]*$"#,
                    lengthMax: 249, example: "orders"))
        case .duration: .string(StringRules(pattern: "^[0-9]{1,15}(ms|s|m|h|d)$", example: "30s"))
        case .position:
            .either([
                .choice(["earliest", "latest"]),
                .string(StringRules(pattern: "^[0-9]{1,18}$", example: "42")),
                .duration, .string(StringRules(format: "date-time")),
            ])
        case .time: .string(StringRules(format: "date-time", example: "2026-11-23T21:00:00.000Z"))
        case .pattern: .object(ObjectSchema().allowingOthers())
        case .cloudEvent: .object(cloudEvent)
        default: .object(problem)
        }
    }

    private static let cloudEvent = ObjectSchema()
        .requiring("specversion", .choice(["1.0"]))
        .requiring("id", .text)
        .requiring("source", .text)
        .requiring("type", .text)
        .allowing("subject", .text)
        .allowing("time", .string(StringRules(format: "date-time")))
        .allowing("datacontenttype", .text)
        .allowing("dataschema", .text)
        .allowing("data", .any)
        .allowing("data_base64", .text)
        .allowingOthers()

    private static let problem = ObjectSchema()
        .requiring("type", .choice(Problem.Kind.allCases.map(\.rawValue)))
        .requiring("title", .text)
        .requiring("status", .integer(400...599))
        .requiring("detail", .text, "what happened, to what, why")
        .allowing("hint", .text, "what to do about it")
        .requiring("retryable", .boolean, "whether the same request can succeed later")
        .allowingOthers()
}

// MARK: - Events

extension Schema {
    static func events(_ definition: Definition) -> Schema {
        switch definition {
        case .receipt:
            .object(
                place.allowing(
                    "duplicate", .boolean, "true when it had been published before: this is where it is"
                ).allowing(
                    "quarantined", .boolean,
                    "true when the topic's schemas do not accept it: it is in the quarantine topic, which this names"
                ))
        case .receipts: .object(ObjectSchema().requiring("receipts", .list(.reference(.receipt))))
        case .partialReceipts:
            .object(
                problem.requiring(
                    "receipts",
                    .list(.either([.reference(.receipt), .object(ObjectSchema().requiring("error", .text))])))
            )
        case .storedEvent: .object(storedEvent)
        case .readResult:
            .object(
                ObjectSchema()
                    .requiring("events", .list(.reference(.storedEvent)))
                    .requiring("next", .count, "where to go on")
                    .requiring("end", .count, "where the partition ended when it was read"))
        case .delivery: .object(delivery)
        case .deliveries:
            .object(ObjectSchema().requiring("deliveries", .list(.reference(.delivery))))
        case .retryResult:
            .object(
                ObjectSchema().requiring("retried", .count, "events that did wait")
                    .requiring("probed", .boolean, "whether a receiver that was left alone is tried at once"))
        default:
            .object(
                ObjectSchema().requiring(
                    "results",
                    .list(
                        .object(
                            ObjectSchema().requiring("lease", .text)
                                .requiring("status", .choice(["ok", "expired"]))))))
        }
    }

    static let place = ObjectSchema()
        .requiring("topic", .name)
        .requiring("partition", .count)
        .requiring("offset", .count)

    static let storedEvent =
        place
        .requiring("time", .time, "when it arrived")
        .requiring("key", .nullable(.text))
        .allowing("lineage", .object(lineage), "where it came from, unless a producer published it here")
        .requiring("event", .reference(.cloudEvent))

    private static let lineage = ObjectSchema()
        .requiring("from", .text, "topic/partition/offset of what it was copied from, or of the dead letter")
        .requiring("rule", .nullable(.text), "the rule that copied it")
        .requiring("for", .nullable(.text), "the one subscription that it is for")
        .requiring("edited", .boolean, "whether it was changed when it was redriven")

    private static let delivery = ObjectSchema()
        .requiring("lease", .text)
        .requiring("attempt", .count)
        .requiring("max_attempts", .count)
        .requiring("deadline", .time)
        .merging(storedEvent)

    static let receiveRequest = ObjectSchema()
        .allowing("max", .integer(Bounds.receive), "how many at most; 10 if absent")
        .allowing("wait", .duration, "how long to wait for the first one; at most 30s")
        .allowing("lease", .duration, "instead of the subscription's")
    static let leases = ObjectSchema()
        .requiring(
            "leases", .list(.text, countMin: Bounds.leases.lowerBound, countMax: Bounds.leases.upperBound))
    static let releaseRequest =
        leases
        .allowing("delay", .duration, "not before; 0s if absent")
        .allowing("counted", .boolean, "whether the attempt counts; true if absent")
    static let rejectRequest = leases.allowing("reason", .text)
    static let extendRequest = leases.requiring("lease", .duration, "from now")
    static let commitRequest = ObjectSchema()
        .requiring("partition", .integer(Bounds.partition))
        .requiring("offset", .integer(Bounds.offset), "everything before it is done")
    static let retryRequest = ObjectSchema()
        .allowing(
            "events",
            .list(.text, countMin: Bounds.leases.lowerBound, countMax: Bounds.leases.upperBound),
            "topic/partition/offset of those that are meant; all that wait if absent"
        )
        .allowing("since", .moment, "instead of these: what came at this time or later")
    static let pushTestRequest = ObjectSchema()
        .allowing("event", .reference(.cloudEvent), "what is sent; one of type 'apus.test' if absent")
    static let replayRequest = ObjectSchema()
        .requiring("from", .position)
        .allowing("to", .position, "shared kind: only what lies between comes again")
}
