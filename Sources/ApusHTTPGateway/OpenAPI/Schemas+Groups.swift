// SPDX-License-Identifier: Apache-2.0

// The named schemas of consumer groups.

extension Schema {
    static func groups(_ definition: Definition) -> Schema {
        switch definition {
        case .groups:
            .object(
                ObjectSchema()
                    .requiring("groups", .list(.object(GroupSchemas.summary)))
                    .requiring("next", .nullable(.text), "the value of 'after' for the next page"))
        case .groupReset:
            .object(
                ObjectSchema()
                    .requiring("applied", .boolean, "whether it was done; false for a dry run")
                    .requiring("positions", .list(.object(GroupSchemas.move))))
        default: .object(GroupSchemas.detail)
        }
    }

    static let groupReset = ObjectSchema()
        .requiring("to", .position, "where the group goes on")
        .allowing("topic", .name, "only there; in all topics that the group has positions in if absent")
        .allowing("partition", .integer(Bounds.partition), "only this one of the topic")
        .allowing("dry_run", .boolean, "only tell what would change; false if absent")
}

private enum GroupSchemas {
    private static let head = ObjectSchema()
        .requiring("name", .text)
        .requiring(
            "kind", .choice(["classic", "consumer", "share"]), "which of Kafka's protocols its members speak"
        )
        .requiring("state", .text, "as Kafka names it: 'Stable', 'Empty' and so on")

    static let summary =
        head
        .requiring("members", .count)
        .requiring("topics", .list(.name))
        .requiring("lag", .count, "events between the committed positions and the ends")

    static let detail =
        head
        .requiring("members", .list(.object(member)))
        .requiring("positions", .list(.object(position)))
        .requiring("lag", .count, "events between the committed positions and the ends")

    private static let member = ObjectSchema()
        .requiring("id", .text)
        .requiring("instance", .nullable(.text), "the name that a static member keeps over restarts")
        .requiring("client", .text)
        .requiring("host", .text)
        .requiring("partitions", .list(.object(place)))

    private static let place = ObjectSchema()
        .requiring("topic", .name)
        .requiring("partition", .count)

    static let move =
        place
        .requiring("committed", .nullable(.count), "where it was; null where nothing was committed")
        .requiring("to", .count, "where it goes on")
        .requiring("again", .count, "how many events come again")
        .requiring("skipped", .count, "how many events are passed over")

    private static let position =
        place
        .requiring("committed", .nullable(.count), "the first offset that the group has not dealt with")
        .requiring("pending", .boolean, "whether a transaction that is not decided yet will set it")
        .requiring("end", .nullable(.count), "the first offset that cannot be read yet")
        .requiring("lag", .nullable(.count))
        .requiring("metadata", .nullable(.text), "what the client wants to find again")
        .requiring("member", .nullable(.text), "the id of the member that has the partition")
}
