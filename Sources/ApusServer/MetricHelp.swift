// SPDX-License-Identifier: Apache-2.0

// What the metrics mean that are kept with swift-metrics, which has no place to say so. docs/observability.md says the same for people
// who choose alerts; a test holds the page against a running server.

/// What `# HELP` says in `/metrics`.
enum MetricHelp {
    /// Texts by the names of the metrics.
    static let texts = [
        "apus_published_events_total": "Events acknowledged to publishers, by topic.",
        "apus_scheduled_events_total": "Delayed and recurring events published when they were due.",
        "apus_expired_events_total": "Events whose time was over when their turn came.",
        "apus_duplicate_events_total": "Publishes that were told as duplicates.",
        "apus_journey_steps_total": "Steps of events' journeys that were noted.",
        "apus_journey_steps_dropped_total": "Steps of events' journeys that could not be noted.",
        "apus_routed_events_total": "Copies made by rules, by the topic they were copied from.",
        "apus_rule_matches_total": "Events that a rule matched.",
        "apus_rule_loops_stopped_total": "Events that rules did not copy again because they go in a circle.",
        "apus_deliveries_total": "Events handed out, repeats included.",
        "apus_delivery_attempts_total": "Attempts that have ended, by outcome.",
        "apus_delivery_attempt_duration_seconds":
            "How long attempts on targets took, whatever their outcome.",
        "apus_dead_letters_total": "Events given up.",
        "apus_schema_validated_events_total": "Events that were judged by a schema, accepted or not.",
        "apus_schema_violations_total": "Events that their schema did not accept.",
        "apus_schema_unchecked_events_total": "Events whose schema is of a format that is only kept.",
        "apus_unreadable_batches_total": "Damaged batches that a subscription had to pass over.",
        "apus_unopened_batches_total": "Batches that no reader can look into, each once.",
        "apus_compaction_passes_total": "Passes over a partition that made part of it clean, or swept it.",
        "apus_compacted_records_total": "Records left out because a later one has their key.",
        "apus_compacted_bytes_total": "Bytes that compaction has freed.",
        "apus_compaction_failures_total":
            "Obstacles that kept a partition from being compacted as far as it could, each once.",
        "apus_transactions_total": "Transactions of Kafka clients that were decided, by outcome.",
        "apus_feed_received_total": "Events that a feed has taken from its source, repeats included.",
        "apus_feed_events_total": "Events of a feed that have ended, by outcome.",
        "apus_publish_ack_duration_seconds": "From the whole request to its answer, durable.",
        "apus_http_published_events_total": "Events acknowledged to publishers over HTTP.",
        "apus_http_requests_total": "Requests by route and class of status.",
        "apus_http_request_duration_seconds": "How long requests took, by route.",
        "apus_http_waiting": "Requests that wait for events, and streams.",
        "apus_http_open_streams": "Streams that are open.",
    ]
}
