// SPDX-License-Identifier: Apache-2.0

// What is said of topics whose events have drifted away from their schema: the events are right and the schema is to follow, for which a version can be
// proposed, or who publishes them is wrong. What is wrong with them is not said here: it may repeat their data, and support archives have the findings.

internal import ApusEngine
internal import ApusModel

/// Findings about events that are not what their schema says.
enum SchemaDriftFindings {
    /// What is longer ago needs nobody's attention any more.
    static let ageMax = Duration.seconds(3600)

    /// A finding for each topic that gets such events.
    ///
    /// - Parameter settings: how a topic has its events judged; nil for one that is not there any more.
    static func findings(
        _ publishers: [InvalidPublisher], now: Timestamp, settings: (ResourceName) -> SchemaSettings?
    ) -> [Finding] {
        let recent = publishers.filter { $0.last.duration(to: now) <= ageMax }
        return Dictionary(grouping: recent, by: \.topic).sorted { $0.key < $1.key }.compactMap {
            topic, publishers in
            settings(topic).flatMap { finding(topic, $0, publishers) }
        }
    }

    private static func finding(
        _ topic: ResourceName, _ settings: SchemaSettings, _ publishers: [InvalidPublisher]
    ) -> Finding? {
        let count = publishers.reduce(0) { $0 + $1.events }
        let look =
            "'apus status --json' names under 'invalid_publishers' who publishes them and what is wrong; "
        let (fate, hint): (String, String)
        switch (settings.enforcement, settings.quarantine) {
        case (.off, _): return nil
        case (.warn, _):
            (fate, hint) = (
                "let pass",
                "'apus schema infer --topic \(topic)' proposes a version of the schema that accepts them"
            )
        case (.enforce, let quarantine?):
            (fate, hint) = ("put aside in topic '\(quarantine)'", "mend them, or the schema")
        case (.enforce, nil): (fate, hint) = ("refused", "mend them, or the schema")
        }
        let (events, sources) = (
            count == 1 ? "1 event was" : "\(count) events were",
            publishers.count == 1 ? "one source" : "\(publishers.count) sources"
        )
        return Finding(
            severity: .warning, subject: "topic \(topic)",
            text: "\(events) not as their schema has it, and \(fate); from \(sources)", hint: look + hint)
    }
}
