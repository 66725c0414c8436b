// SPDX-License-Identifier: Apache-2.0

// How a topic has its events judged by schemas, as topic configs: under the names that Confluent's servers have for what fits them, and under our own
// for the rest, so that an administrator with Kafka's tools alone can turn it on and off.

internal import ApusEngine
internal import ApusModel
internal import ApusSchemas

extension TopicConfig {
    static let ofSchemas: [TopicConfig] = [
        TopicConfig(
            name: "apus.schema.enforcement", kind: .text,
            documentation:
                "off: no schema is looked at. warn: what its schema does not accept passes, and is counted and logged. enforce: it is refused, or goes to apus.schema.quarantine.",
            read: { $0.schema.enforcement.rawValue },
            write: { text, settings throws(Refusal) in
                guard let enforcement = SchemaEnforcement(rawValue: text) else {
                    throw Refusal(
                        reason: "apus.schema.enforcement is off, warn or enforce, not '\(text.prefix(80))'")
                }
                settings.schema.enforcement = enforcement
            }),
        TopicConfig(
            name: "apus.schema.subject", kind: .text,
            documentation:
                "The subject whose schemas judge; nothing: what an event names itself, else what its type is bound to, else {topic}-value.",
            read: { $0.schema.subject.map { "\($0)" } ?? "" },
            write: { text, settings throws(Refusal) in
                guard !text.isEmpty else { return settings.schema.subject = nil }
                guard let subject = try? SubjectName(text) else {
                    throw Refusal(reason: "apus.schema.subject is no name of a subject")
                }
                settings.schema.subject = subject
            }),
        TopicConfig(
            name: "apus.schema.quarantine", kind: .text,
            documentation: "The topic to which records go that would be refused; nothing: they are refused.",
            read: { $0.schema.quarantine.map { "\($0)" } ?? "" },
            write: { text, settings throws(Refusal) in
                guard !text.isEmpty else { return settings.schema.quarantine = nil }
                guard let topic = try? ResourceName(text) else {
                    throw Refusal(reason: "apus.schema.quarantine is no name of a topic")
                }
                settings.schema.quarantine = topic
            }),
        TopicConfig(
            name: "confluent.value.schema.validation", kind: .boolean,
            documentation:
                "true: apus.schema.enforcement is 'enforce', which judges the data too. false: it is not.",
            read: { $0.schema.enforcement == .enforce ? "true" : "false" },
            write: { text, settings throws(Refusal) in
                switch text.lowercased() {
                case "true": settings.schema.enforcement = .enforce
                // A topic that only warns does not validate in this sense.
                case "false":
                    if settings.schema.enforcement == .enforce { settings.schema.enforcement = .off }
                default:
                    throw Refusal(
                        reason:
                            "confluent.value.schema.validation is true or false, not '\(text.prefix(80))'")
                }
            }),
        fixed("confluent.key.schema.validation", .boolean, "false", "keys are not judged"),
        fixed(
            "confluent.value.subject.name.strategy", .text, topicNameStrategy,
            "apus.schema.subject names another subject than {topic}-value, for all records of the topic"),
        fixed("confluent.key.subject.name.strategy", .text, topicNameStrategy, "keys are not judged"),
    ]

    private static let topicNameStrategy = "io.confluent.kafka.serializers.subject.TopicNameStrategy"

    /// Whether one of these is among names of configs.
    static func concernSchemas(_ names: some Sequence<String>) -> Bool {
        names.contains { name in ofSchemas.contains { $0.name == name } }
    }
}
