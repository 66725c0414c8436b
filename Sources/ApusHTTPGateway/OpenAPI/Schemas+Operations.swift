// SPDX-License-Identifier: Apache-2.0

// The named schemas of what operators and machines ask.

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
        .requiring("listeners", .list(.object(listener)), "where the server listens, for whom")
        .requiring("topic_defaults", .object(topicDefaults), "what topics are made with that do not say")

    private static let disk = ObjectSchema()
        .requiring("free_bytes", .nullable(.count))
        .requiring("stored_bytes", .count)
        .requiring("quarantined", .count, "batches that failed verification")
        .requiring("open_files", .count)
        .requiring("level", .choice(["ample", "low", "short"]), "short: publishes are refused")
        .requiring("total_bytes", .nullable(.count))
        .requiring("alarm_below", .count, "free bytes; 0 where there is no alarm")
        .requiring("refuse_below", .count, "free bytes")

    private static let listener = ObjectSchema()
        .requiring("service", .text, "what is spoken there")
        .requiring("address", .text)
        .requiring("loopback", .boolean, "whether only this machine can reach it")
        .requiring("token", .boolean, "whether callers must show who they are")

    private static let topicDefaults = ObjectSchema()
        .requiring("partitions", .count)
        .requiring("durability", .text)
        .requiring("retention", .nullable(.duration))

    private static let diagnosis = ObjectSchema()
        .requiring("healthy", .boolean, "whether there is no finding of severity 'error'")
        .requiring("findings", .list(.object(finding)))

    private static let finding = ObjectSchema()
        .requiring("severity", .choice(["error", "warning", "note"]))
        .requiring("subject", .text, "what it is about, such as 'subscription billing'")
        .requiring("finding", .text)
        .requiring("hint", .text, "what to do about it")
}
