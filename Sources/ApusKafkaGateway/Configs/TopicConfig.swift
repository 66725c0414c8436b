// SPDX-License-Identifier: Apache-2.0

// Kafka's topic configs in terms of what Apus decides about topics. One table, read for DescribeConfigs and written for CreateTopics and
// AlterConfigs. What Apus cannot do differently has a fixed value: asking for another is refused, never ignored.

internal import ApusEngine
internal import ApusModel
internal import ApusStorage

/// One config of topics.
struct TopicConfig: Sendable {
    /// Why a value is refused, for a person.
    struct Refusal: Error {
        let reason: String
    }

    /// The type as DescribeConfigs names it.
    enum Kind: Int8, Sendable {
        case boolean = 1
        case text = 2
        case int32 = 3
        case int64 = 5
        case number = 6
        case list = 7
    }

    var name: String
    var kind: Kind
    var documentation: String
    var read: @Sendable (TopicSettings) -> String
    /// Takes a value; nil for a config with a fixed value.
    var write: (@Sendable (String, inout TopicSettings) throws(Refusal) -> Void)?

    /// Sets the config, or, with nil, gives it the value that it has in `defaults`.
    func set(
        _ value: String?, in settings: inout TopicSettings, defaults: TopicSettings
    ) throws(Refusal) {
        let value = value ?? read(defaults)
        guard let write else {
            guard value == read(settings) else {
                throw Refusal(reason: "\(name) is always \(read(settings)) here: \(documentation)")
            }
            return
        }
        try write(value, &settings)
    }

    static func named(_ name: String) -> TopicConfig? { all.first { $0.name == name } }

    /// Takes all of some configs.
    static func apply(
        _ configs: [(name: String, value: String?)], to settings: inout TopicSettings, defaults: TopicSettings
    ) throws(Refusal) {
        for (name, value) in configs {
            guard let config = named(name) else {
                throw Refusal(reason: "there is no topic config '\(name.prefix(80))'")
            }
            try config.set(value, in: &settings, defaults: defaults)
        }
    }
}

// MARK: The table

extension TopicConfig {
    static let all: [TopicConfig] = (decided + ofSchemas + fixed).sorted { $0.name < $1.name }

    private static let decided: [TopicConfig] = [
        TopicConfig(
            name: "retention.ms", kind: .int64, documentation: "How long events are kept; -1 for ever.",
            read: { $0.retentionAge.map { String($0.milliseconds) } ?? "-1" },
            write: { text, settings throws(Refusal) in
                let value = try integer(text, "retention.ms", in: -1 ... .max)
                settings.retentionAge = value < 0 ? nil : .milliseconds(value)
            }),
        TopicConfig(
            name: "retention.bytes", kind: .int64,
            documentation: "How many bytes are kept of a partition; -1 for no limit.",
            read: { $0.retentionBytes.map(String.init) ?? "-1" },
            write: { text, settings throws(Refusal) in
                let value = try integer(text, "retention.bytes", in: -1 ... .max)
                settings.retentionBytes = value < 0 ? nil : value
            }),
        TopicConfig(
            name: "segment.bytes", kind: .int32,
            documentation: "When a segment is closed, from 1 MiB to 1 GiB; retention forgets whole segments.",
            read: { String($0.segmentBytes) },
            write: { text, settings throws(Refusal) in
                settings.segmentBytes = Int(try integer(text, "segment.bytes", in: 1 << 20...1 << 30))
            }),
        TopicConfig(
            name: "segment.ms", kind: .int64,
            documentation:
                "The age at which a segment is closed, looked at every 10 s; earlier where retention.ms is less than four times that.",
            read: { String($0.segmentAge.milliseconds) },
            write: { text, settings throws(Refusal) in
                settings.segmentAge = .milliseconds(try integer(text, "segment.ms", in: 1 ... .max))
            }),
        TopicConfig(
            name: "max.message.bytes", kind: .int32,
            documentation: "The largest batch that is taken, compressed as it comes, from 1 byte to 32 MiB.",
            read: { String($0.batchBytesMax) },
            write: { text, settings throws(Refusal) in
                settings.batchBytesMax = Int(
                    try integer(text, "max.message.bytes", in: 1...Int64(Defaults.batchBytesMax)))
            }),
        TopicConfig(
            name: "message.timestamp.type", kind: .text,
            documentation: "CreateTime: the producer's time. LogAppendTime: that of the arrival.",
            read: { $0.timestamps == .producer ? "CreateTime" : "LogAppendTime" },
            write: { text, settings throws(Refusal) in
                switch text {
                case "CreateTime": settings.timestamps = .producer
                case "LogAppendTime": settings.timestamps = .append
                default:
                    throw Refusal(
                        reason:
                            "message.timestamp.type is CreateTime or LogAppendTime, not '\(text.prefix(80))'")
                }
            }),
        TopicConfig(
            name: "flush.messages", kind: .int64,
            documentation:
                "1: acknowledged when it is on the disk (durability 'flush', the default). Greater numbers: when the operating system has it.",
            read: { $0.durability == .flush ? "1" : String(Int64.max) },
            write: { text, settings throws(Refusal) in
                if try integer(text, "flush.messages", in: 1 ... .max) == 1 {
                    settings.durability = .flush
                } else if settings.durability == .flush {
                    settings.durability = .none
                }
            }),
        TopicConfig(
            name: "flush.ms", kind: .int64,
            documentation:
                "How long after its acknowledgement a batch is on the disk at the latest, where flush.messages is not 1.",
            read: {
                if case .interval(let interval) = $0.durability {
                    String(interval.milliseconds)
                } else {
                    String(Int64.max)
                }
            },
            write: { text, settings throws(Refusal) in
                let value = try integer(text, "flush.ms", in: 1 ... .max)
                // What is flushed at once is flushed soon enough.
                guard settings.durability != .flush else { return }
                settings.durability = value > 60_000 ? .none : .interval(.milliseconds(value))
            }),
        TopicConfig(
            name: "cleanup.policy", kind: .list,
            documentation:
                "delete: what is too old or too much goes. compact: all but the last record of each key. Or both.",
            read: { $0.cleanup.rawValue },
            write: { text, settings throws(Refusal) in
                let words = Set(text.split(separator: ",").map { $0.filter { $0 != " " } })
                switch words {
                case ["delete"]: settings.cleanup = .delete
                case ["compact"]: settings.cleanup = .compact
                case ["compact", "delete"]: settings.cleanup = .compactAndDelete
                default:
                    throw Refusal(
                        reason:
                            "cleanup.policy is delete, compact or compact,delete, not '\(text.prefix(80))'")
                }
            }),
        TopicConfig(
            name: "delete.retention.ms", kind: .int64,
            documentation:
                "How long a record without value can be read after older ones of its key are gone.",
            read: { String($0.compaction.deleteRetention.milliseconds) },
            write: { text, settings throws(Refusal) in
                settings.compaction.deleteRetention = .milliseconds(
                    try integer(text, "delete.retention.ms", in: 0 ... .max))
            }),
        TopicConfig(
            name: "min.compaction.lag.ms", kind: .int64,
            documentation: "How old records are at least that compaction looks at.",
            read: { String($0.compaction.minLag.milliseconds) },
            write: { text, settings throws(Refusal) in
                settings.compaction.minLag = .milliseconds(
                    try integer(text, "min.compaction.lag.ms", in: 0 ... .max))
            }),
        TopicConfig(
            name: "min.cleanable.dirty.ratio", kind: .number,
            documentation: "Which part of a partition has to be new before it is compacted, from 0 to 1.",
            read: { String($0.compaction.dirtyRatio) },
            write: { text, settings throws(Refusal) in
                guard let ratio = Double(text), (0...1).contains(ratio) else {
                    throw Refusal(
                        reason: "min.cleanable.dirty.ratio is a number from 0 to 1, not '\(text.prefix(80))'")
                }
                settings.compaction.dirtyRatio = ratio
            }),
    ]

    private static let fixed: [TopicConfig] = [
        fixed("compression.type", .text, "producer", "batches stay as their producers compressed them"),
        fixed("min.insync.replicas", .int32, "1", "a partition has one replica"),
        fixed("unclean.leader.election.enable", .boolean, "false", "a partition has one replica"),
        fixed("message.timestamp.before.max.ms", .int64, String(Int64.max), "the past is never too far away"),
        fixed(
            "message.timestamp.after.max.ms", .int64, String(Defaults.batchTimestampAhead.milliseconds),
            "records from further in the future would be kept for too long"),
        fixed("segment.jitter.ms", .int64, "0", "segments are closed when they are old enough"),
        fixed("max.compaction.lag.ms", .int64, String(Int64.max), "the dirty ratio alone says when"),
        fixed("preallocate", .boolean, "false", "the journal is preallocated, segments are not"),
        fixed("remote.storage.enable", .boolean, "false", "there is no tiered storage"),
    ]

    static func fixed(_ name: String, _ kind: Kind, _ value: String, _ why: String) -> TopicConfig {
        TopicConfig(name: name, kind: kind, documentation: why, read: { _ in value }, write: nil)
    }

    static func integer(
        _ text: String, _ name: String, in range: ClosedRange<Int64>
    ) throws(Refusal) -> Int64 {
        guard let value = Int64(text) else {
            throw Refusal(reason: "\(name) is a whole number, not '\(text.prefix(80))'")
        }
        guard range.contains(value) else {
            throw Refusal(reason: "\(name) is \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
        return value
    }
}

extension TopicChanges {
    /// What leads from one state of settings to another.
    init(from old: TopicSettings, to new: TopicSettings) {
        self.init()
        if new.durability != old.durability { durability = new.durability }
        if new.retentionAge != old.retentionAge { retentionAge = .some(new.retentionAge) }
        if new.retentionBytes != old.retentionBytes { retentionBytes = .some(new.retentionBytes) }
        if new.segmentBytes != old.segmentBytes { segmentBytes = new.segmentBytes }
        if new.segmentAge != old.segmentAge { segmentAge = new.segmentAge }
        if new.batchBytesMax != old.batchBytesMax { batchBytesMax = new.batchBytesMax }
        if new.timestamps != old.timestamps { timestamps = new.timestamps }
        if new.schema != old.schema { schema = new.schema }
        if new.cleanup != old.cleanup { cleanup = new.cleanup }
        if new.compaction.deleteRetention != old.compaction.deleteRetention {
            deleteRetention = new.compaction.deleteRetention
        }
        if new.compaction.minLag != old.compaction.minLag { minCompactionLag = new.compaction.minLag }
        if new.compaction.dirtyRatio != old.compaction.dirtyRatio { dirtyRatio = new.compaction.dirtyRatio }
    }
}
