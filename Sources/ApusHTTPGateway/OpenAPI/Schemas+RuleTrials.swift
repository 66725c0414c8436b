// SPDX-License-Identifier: Apache-2.0

// The named schemas of trials of rules.

extension Schema {
    static let ruleTrial = ObjectSchema()
        .requiring("topic", .name)
        .requiring("pattern", .reference(.pattern))
        .allowing(
            "targets", .list(.reference(.ruleTarget), countMax: Bounds.targets.upperBound),
            "where matching events would go"
        )
        .allowing("from", .position, "'earliest' if absent")
        .allowing("to", .position, "what came before it; 'latest' if absent")
        .allowing(
            "newest", .integer(Bounds.trialNewest),
            "instead of 'from' and 'to': so many of the newest events of all partitions together; of those that match, "
                + "the newest are shown, the newest first. It is sent with 'rest' too"
        )
        .allowing(
            "rest",
            .list(.object(trialSpan), countMin: 1, countMax: Int(Bounds.partitions.upperBound)),
            "what the step before left, instead of 'from' and 'to'"
        )
        .allowing("show", .integer(Bounds.trialShown), "how many matching events to show; 10 if absent")

    static let trialSpan = ObjectSchema()
        .requiring("partition", .integer(Bounds.partition))
        .requiring("next", .integer(Bounds.offset), "the first offset to look at")
        .requiring("end", .integer(Bounds.offset), "the offset after the last")

    static let ruleTrialResult = ObjectSchema()
        .requiring("looked", .count, "events looked at in this step")
        .requiring("matched", .count)
        .requiring(
            "unreadable", .count, "how often something damaged, or forgotten meanwhile, was passed over"
        )
        .requiring(
            "events",
            .list(.object(storedEvent.requiring("destinations", .list(.object(destination))))),
            "the first that matched, or the newest, and where each would go"
        )
        .requiring("rest", .list(.object(trialSpan)), "what is left; empty at the end")

    /// A topic and the partition there, or an address.
    private static let destination = ObjectSchema()
        .allowing("topic", .name)
        .allowing("partition", .count)
        .allowing("webhook", .text)
        .allowing("failure", .text, "why it would become a dead letter of the rule instead")
}
