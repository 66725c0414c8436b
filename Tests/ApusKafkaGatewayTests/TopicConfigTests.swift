// SPDX-License-Identifier: Apache-2.0

// Kafka's topic configs: each is shown as it can be set, and what cannot be set is refused with its reason.

import ApusEngine
import ApusModel
import ApusSchemas
import ApusStorage
import Testing

@testable import ApusKafkaGateway

@Suite struct TopicConfigTests {
    private let defaults = TopicSettings()

    private func set(
        _ name: String, _ value: String?, in settings: TopicSettings? = nil
    ) throws -> TopicSettings {
        var settings = settings ?? defaults
        try TopicConfig.apply([(name, value)], to: &settings, defaults: defaults)
        return settings
    }

    private func refusal(_ name: String, _ value: String?) -> String? {
        do throws(TopicConfig.Refusal) {
            var settings = defaults
            try TopicConfig.apply([(name, value)], to: &settings, defaults: defaults)
            return nil
        } catch { return error.reason }
    }

    @Test(arguments: TopicConfig.all.map(\.name))
    func `what is shown can be set, and changes nothing`(name: String) throws {
        let config = try #require(TopicConfig.named(name))
        #expect(!config.documentation.isEmpty)
        var other = TopicSettings(
            durability: .interval(.milliseconds(250)), retentionAge: nil, retentionBytes: 9,
            segmentBytes: 2 << 20, segmentAge: .seconds(3), batchBytesMax: 77, timestamps: .append,
            cleanup: .compactAndDelete)
        other.compaction.dirtyRatio = 0.25
        other.schema = SchemaSettings(
            .enforce, subject: try SubjectName("orders"), quarantine: try ResourceName("bad"))
        for settings in [defaults, other] {
            #expect(try set(name, config.read(settings), in: settings) == settings)
        }
        // Without a value it is what it was at first.
        #expect(
            config.read(try set(name, nil, in: config.write == nil ? defaults : other))
                == config.read(defaults))
    }

    @Test(arguments: [
        ("retention.ms", ["-1", "0", "604800000"], ["-2", "x", ""]),
        ("retention.bytes", ["-1", "0", "1000"], ["-2", "1.5"]),
        ("segment.bytes", ["1048576", "1073741824"], ["1048575", "1073741825"]),
        ("segment.ms", ["1", "9223372036854775807"], ["0", "-1"]),
        ("max.message.bytes", ["1", "33554432"], ["0", "33554433"]),
        ("message.timestamp.type", ["CreateTime", "LogAppendTime"], ["Now", "createtime"]),
        ("flush.messages", ["1", "9223372036854775807"], ["0"]), ("flush.ms", ["1"], ["0"]),
        ("cleanup.policy", ["delete", "compact", "compact,delete", "delete, compact"], ["", "none"]),
        ("delete.retention.ms", ["0"], ["-1"]), ("min.compaction.lag.ms", ["0"], ["-1"]),
        ("apus.schema.enforcement", ["off", "warn", "enforce"], ["on", "Enforce", ""]),
        ("apus.schema.subject", ["orders-value", ""], [String(repeating: "x", count: 256)]),
        ("apus.schema.quarantine", ["bad-orders", ""], ["no topic"]),
        ("confluent.value.schema.validation", ["true", "false", "TRUE"], ["yes", "1", ""]),
        ("confluent.key.schema.validation", ["false"], ["true"]),
        (
            "confluent.value.subject.name.strategy",
            ["io.confluent.kafka.serializers.subject.TopicNameStrategy"],
            ["io.confluent.kafka.serializers.subject.RecordNameStrategy"]
        ),
        ("min.cleanable.dirty.ratio", ["0", "1", "0.5"], ["1.1", "-0.1", "half"]),
        ("compression.type", ["producer"], ["gzip"]), ("min.insync.replicas", ["1"], ["2"]),
        ("segment.jitter.ms", ["0"], ["1"]), ("preallocate", ["false"], ["true"]),
    ])
    func `values within bounds are taken and others refused by name`(
        name: String, good: [String], bad: [String]
    )
        throws
    {
        for value in good { _ = try set(name, value) }
        for value in bad { #expect(refusal(name, value)?.contains(name) == true, "\(name)=\(value)") }
    }

    @Test func `unknown names are refused`() {
        #expect(refusal("segment.m", "1")?.contains("segment.m") == true)
        #expect(refusal("", nil) != nil)
    }

    @Test func `Confluent's name for validation is enforcement`() throws {
        let on = try set("confluent.value.schema.validation", "true")
        #expect(on.schema == SchemaSettings(.enforce))
        #expect(try set("confluent.value.schema.validation", "false", in: on).schema == SchemaSettings())
        #expect(try set("confluent.value.schema.validation", nil, in: on).schema == SchemaSettings())
        let warning = try set("apus.schema.enforcement", "warn")
        #expect(try set("confluent.value.schema.validation", "false", in: warning) == warning)
        #expect(TopicConfig.named("confluent.value.schema.validation")?.read(warning) == "false")
    }

    @Test func `flushing is durability`() throws {
        #expect(try set("flush.messages", "1").durability == .flush)
        let none = try set("flush.messages", "10000")
        #expect(none.durability == .none)
        #expect(try set("flush.ms", "500", in: none).durability == .interval(.milliseconds(500)))
        #expect(try set("flush.ms", "60001", in: none).durability == .none)
        #expect(try set("flush.ms", "500").durability == .flush)
    }

    @Test func `the changes between two states lead from one to the other`() {
        var new = TopicSettings(
            durability: .none, retentionAge: .seconds(60), retentionBytes: 9, segmentBytes: 2 << 20,
            segmentAge: .seconds(3), batchBytesMax: 77, timestamps: .append, cleanup: .compact)
        new.compaction = CompactionSettings(
            deleteRetention: .seconds(1), minLag: .seconds(2), dirtyRatio: 0.25)
        new.schema = SchemaSettings(.warn)
        let changes = TopicChanges(from: defaults, to: new)
        #expect(changes.schema == SchemaSettings(.warn))
        #expect(changes.durability == .some(.none))
        #expect(changes.retentionAge == .seconds(60))
        #expect(changes.retentionBytes == 9)
        #expect(changes.segmentBytes == 2 << 20)
        #expect(changes.segmentAge == .seconds(3))
        #expect(changes.batchBytesMax == 77)
        #expect(changes.timestamps == .append)
        #expect(changes.cleanup == .compact)
        #expect(changes.deleteRetention == .seconds(1))
        #expect(changes.minCompactionLag == .seconds(2))
        #expect(changes.dirtyRatio == 0.25)
        #expect(TopicChanges(from: new, to: new) == TopicChanges())
    }
}
