// SPDX-License-Identifier: Apache-2.0

// Topics as JSON, both ways.

internal import ApusEngine
internal import ApusModel
internal import ApusStorage
internal import JSONText

extension TopicChanges {
    /// The settings that a request's body names.
    init(_ reader: MemberReader) throws(Problem) {
        self.init()
        partitions = try reader.int("partitions", in: Bounds.partitions)
        durability = try Durability(reader)
        segmentBytes = try reader.int("segment_bytes", in: Bounds.segmentBytes)
        segmentAge = try reader.duration("segment_age", in: Bounds.segmentAge)
        batchBytesMax = try reader.int("max_batch_bytes", in: Bounds.batchBytes)
        timestamps = try reader.choice("timestamps", TimestampSource.self)
        if reader.isNull("ttl") {
            ttl = .some(nil)
        } else if let duration = try reader.duration("ttl", in: Bounds.retentionAge) {
            ttl = duration
        }
        if reader.isNull("deduplication") {
            deduplication = .some(nil)
        } else if let value = reader.value("deduplication") {
            deduplication = try DeduplicationSettings(value)
        }
        cleanup = try reader.choice("cleanup", CleanupPolicy.self)
        if let value = reader.value("compaction") {
            let compaction = try MemberReader(value, Schema.compaction, in: "compaction.")
            deleteRetention = try compaction.duration("delete_retention", in: Bounds.compaction)
            minCompactionLag = try compaction.duration("min_lag", in: Bounds.compaction)
            dirtyRatio = try compaction.integer("dirty_percent", in: Bounds.percent).map { Double($0) / 100 }
        }
        if reader.isNull("schema") {
            schema = SchemaSettings()
        } else if let value = reader.value("schema") {
            schema = try SchemaSettings(topic: value)
        }
        guard let value = reader.value("retention") else { return }
        let retention = try MemberReader(value, Schema.retention, in: "retention.")
        if retention.isNull("age") {
            retentionAge = .some(nil)
        } else if let age = try retention.duration("age", in: Bounds.retentionAge) {
            retentionAge = age
        }
        if retention.isNull("bytes") {
            retentionBytes = .some(nil)
        } else if let bytes = try retention.integer("bytes", in: Bounds.bytes) {
            retentionBytes = bytes
        }
    }

    /// The settings of a new topic: those named here, and `defaults`.
    func settings(over defaults: TopicSettings) -> TopicSettings {
        var settings = defaults
        if let partitions { settings.partitions = partitions }
        if let durability { settings.durability = durability }
        if let retentionAge { settings.retentionAge = retentionAge }
        if let retentionBytes { settings.retentionBytes = retentionBytes }
        if let segmentBytes { settings.segmentBytes = segmentBytes }
        if let segmentAge { settings.segmentAge = segmentAge }
        if let batchBytesMax { settings.batchBytesMax = batchBytesMax }
        if let timestamps { settings.timestamps = timestamps }
        if let ttl { settings.ttl = ttl }
        if let deduplication { settings.deduplication = deduplication }
        if let cleanup { settings.cleanup = cleanup }
        if let deleteRetention { settings.compaction.deleteRetention = deleteRetention }
        if let minCompactionLag { settings.compaction.minLag = minCompactionLag }
        if let dirtyRatio { settings.compaction.dirtyRatio = dirtyRatio }
        if let schema { settings.schema = schema }
        return settings
    }
}

extension DeduplicationSettings {
    fileprivate init(_ value: JSONValue) throws(Problem) {
        let reader = try MemberReader(value, Schema.deduplication, in: "deduplication.")
        self.init()
        if let window = try reader.duration("window", in: Bounds.deduplication) { self.window = window }
        if let name = try reader.string("attribute") { key = .attribute(name) }
    }
}

extension Durability {
    /// The member `durability` of a request's body; nil when it is absent.
    fileprivate init?(_ reader: MemberReader) throws(Problem) {
        switch try reader.string("durability") {
        case nil: return nil
        case "flush": self = .flush
        case "none": self = .none
        case .some(let text):
            guard DurationText.parse(text) != nil else {
                throw reader.wrong("durability", expected: "'flush', 'none' or an interval such as '100ms'")
            }
            guard let interval = try reader.duration("durability", in: Bounds.flushInterval) else {
                return nil
            }
            self = .interval(interval)
        }
    }

    var text: String {
        switch self {
        case .flush: "flush"
        case .none: "none"
        case .interval(let interval): DurationText.format(interval)
        }
    }
}

extension JSONWriter {
    mutating func topic(_ topic: TopicDescription, _ readers: TopicReaders? = nil) {
        object { writer in
            writer.member("name", topic.name.description)
            writer.member("id", topic.id.description)
            writer.member("partitions", topic.settings.partitions)
            writer.member("durability", topic.settings.durability.text)
            writer.key("retention")
            writer.object { writer in
                writer.member("age", topic.settings.retentionAge.map(DurationText.format))
                writer.key("bytes")
                if let bytes = topic.settings.retentionBytes { writer.integer(bytes) } else { writer.null() }
            }
            writer.member("segment_bytes", topic.settings.segmentBytes)
            writer.member("segment_age", topic.settings.segmentAge)
            writer.member("max_batch_bytes", topic.settings.batchBytesMax)
            writer.member("timestamps", topic.settings.timestamps.rawValue)
            writer.member("ttl", topic.settings.ttl.map(DurationText.format))
            writer.key("deduplication")
            if let deduplication = topic.settings.deduplication {
                writer.deduplication(deduplication)
            } else {
                writer.null()
            }
            writer.member("cleanup", topic.settings.cleanup.rawValue)
            if topic.settings.cleanup.compacts {
                writer.key("compaction")
                writer.compaction(topic.settings.compaction)
            }
            writer.key("schema")
            writer.schemaSettings(topic.settings.schema)
            writer.member("created", topic.created)
            writer.member("published", topic.published)
            writer.member("positions", list: topic.partitions) { $0.partition($1) }
            guard let readers else { return }
            writer.key("readers")
            writer.object { writer in
                writer.member("subscriptions", readers.count)
                writer.member("backlog", readers.backlog)
                writer.member("oldest_unsettled", readers.oldestUnsettled.map(TimeText.text))
            }
        }
    }

    private mutating func deduplication(_ settings: DeduplicationSettings) {
        object { writer in
            writer.member("window", settings.window)
            if case .attribute(let name) = settings.key { writer.member("attribute", name) }
        }
    }

    private mutating func compaction(_ settings: CompactionSettings) {
        object { writer in
            writer.member("delete_retention", settings.deleteRetention)
            writer.member("min_lag", settings.minLag)
            writer.member("dirty_percent", Int((settings.dirtyRatio * 100).rounded()))
        }
    }

    private mutating func partition(_ partition: PartitionDescription) {
        object { writer in
            writer.member("partition", partition.number)
            writer.member("start", partition.start)
            writer.member("end", partition.end)
            writer.member("bytes", partition.bytes)
        }
    }
}
