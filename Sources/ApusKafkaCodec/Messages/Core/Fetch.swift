// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, Fetch (key 1), versions 4-17, flexible from 12 on.

/// Kafka protocol, Fetch request, versions 4-17: asks for record batches.
public struct FetchRequest: KafkaStruct {
    /// The cluster. From version 12 on.
    public var clusterID: String?
    /// The follower that asks; -1 for a consumer. Up to version 14.
    public var replicaID: Int32 = -1
    /// The follower that asks. From version 15 on.
    public var replicaState = ReplicaState()
    /// How long the server may wait for enough records, in milliseconds.
    public var maxWaitMs: Int32 = 0
    /// How many bytes of records are enough to answer at once.
    public var minBytes: Int32 = 0
    /// How many bytes of records the answer may have.
    public var maxBytes: Int32 = Int32.max
    /// 0 sees all records, 1 only those of committed transactions.
    public var isolationLevel: Int8 = 0
    /// The fetch session; 0 for none. From version 7 on.
    public var sessionID: Int32 = 0
    /// 0 opens a fetch session, -1 is without one, otherwise it grows with each request. From version 7
    /// on.
    public var sessionEpoch: Int32 = -1
    /// The topics.
    public var topics: [Topic] = []
    /// Partitions that leave the session. From version 7 on.
    public var forgottenTopicsData: [ForgottenTopic] = []
    /// Where the client is. From version 11 on.
    public var rackID = ""

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version <= 14 { try coder.field("replicaID", &replicaID) }
        try coder.field("maxWaitMs", &maxWaitMs)
        try coder.field("minBytes", &minBytes)
        try coder.field("maxBytes", &maxBytes)
        try coder.field("isolationLevel", &isolationLevel)
        if coder.version >= 7 {
            try coder.field("sessionID", &sessionID)
            try coder.field("sessionEpoch", &sessionEpoch)
        }
        try coder.field("topics", &topics)
        if coder.version >= 7 { try coder.field("forgottenTopicsData", &forgottenTopicsData) }
        if coder.version >= 11 { try coder.field("rackID", &rackID) }
        guard coder.isFlexible else { return }
        var tags = try coder.openTags()
        try coder.tag(0, in: &tags, "clusterID", &clusterID, default: nil)
        if coder.version >= 15 {
            try coder.tag(1, in: &tags, "replicaState", &replicaState, default: ReplicaState())
        }
        try coder.closeTags(tags)
    }

    /// A follower.
    public struct ReplicaState: KafkaStruct {
        /// The follower that asks; -1 for a consumer.
        public var replicaID: Int32 = -1
        /// The incarnation of the follower.
        public var replicaEpoch: Int64 = -1

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("replicaID", &replicaID)
            try coder.field("replicaEpoch", &replicaEpoch)
            try coder.noTags()
        }
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic. Up to version 12.
        public var topic = ""
        /// The identity of the topic. From version 13 on.
        public var topicID = KafkaUUID()
        /// The partitions.
        public var partitions: [Partition] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            if coder.version <= 12 { try coder.field("topic", &topic) }
            if coder.version >= 13 { try coder.field("topicID", &topicID) }
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// The partition.
            public var partition: Int32 = 0
            /// The leader epoch that the client knows; -1 for none. From version 9 on.
            public var currentLeaderEpoch: Int32 = -1
            /// The first offset that is wanted.
            public var fetchOffset: Int64 = 0
            /// The leader epoch of the last record that was fetched; -1 when it is not known. From
            /// version 12 on.
            public var lastFetchedEpoch: Int32 = -1
            /// The first offset that the follower has; -1 for a consumer. From version 5 on.
            public var logStartOffset: Int64 = -1
            /// How many bytes of records the answer may have of this partition.
            public var partitionMaxBytes: Int32 = 0
            /// Where the follower keeps the partition. From version 17 on.
            public var replicaDirectoryID = KafkaUUID()

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partition", &partition)
                if coder.version >= 9 { try coder.field("currentLeaderEpoch", &currentLeaderEpoch) }
                try coder.field("fetchOffset", &fetchOffset)
                if coder.version >= 12 { try coder.field("lastFetchedEpoch", &lastFetchedEpoch) }
                if coder.version >= 5 { try coder.field("logStartOffset", &logStartOffset) }
                try coder.field("partitionMaxBytes", &partitionMaxBytes)
                guard coder.isFlexible else { return }
                var tags = try coder.openTags()
                if coder.version >= 17 {
                    try coder.tag(
                        0, in: &tags, "replicaDirectoryID", &replicaDirectoryID, default: KafkaUUID())
                }
                try coder.closeTags(tags)
            }
        }
    }

    /// A topic with partitions that leave the session.
    public struct ForgottenTopic: KafkaStruct {
        /// The name of the topic. Up to version 12.
        public var topic = ""
        /// The identity of the topic. From version 13 on.
        public var topicID = KafkaUUID()
        /// The partitions.
        public var partitions: [Int32] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            if coder.version <= 12 { try coder.field("topic", &topic) }
            if coder.version >= 13 { try coder.field("topicID", &topicID) }
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }
    }
}

/// Kafka protocol, Fetch response, versions 4-17: brings record batches.
public struct FetchResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// How it went. From version 7 on.
    public var errorCode: KafkaErrorCode = .noError
    /// The fetch session; 0 for none. From version 7 on.
    public var sessionID: Int32 = 0
    /// One for each that the request names.
    public var responses: [Topic] = []
    /// Addresses of the leaders that the answer names. From version 16 on.
    public var nodeEndpoints: [KafkaNodeEndpoint] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        if coder.version >= 7 {
            try coder.field("errorCode", &errorCode)
            try coder.field("sessionID", &sessionID)
        }
        try coder.field("responses", &responses)
        guard coder.isFlexible else { return }
        var tags = try coder.openTags()
        if coder.version >= 16 { try coder.tag(0, in: &tags, "nodeEndpoints", &nodeEndpoints, default: []) }
        try coder.closeTags(tags)
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic. Up to version 12.
        public var topic = ""
        /// The identity of the topic. From version 13 on.
        public var topicID = KafkaUUID()
        /// The partitions.
        public var partitions: [Partition] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            if coder.version <= 12 { try coder.field("topic", &topic) }
            if coder.version >= 13 { try coder.field("topicID", &topicID) }
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// The partition.
            public var partitionIndex: Int32 = 0
            /// How it went.
            public var errorCode: KafkaErrorCode = .noError
            /// The offset after the last record.
            public var highWatermark: Int64 = 0
            /// Where the first open transaction begins; readers of committed records end here.
            public var lastStableOffset: Int64 = -1
            /// The first offset that is still there; -1 when it is not known. From version 5 on.
            public var logStartOffset: Int64 = -1
            /// Where the log of the client left that of the leader. From version 12 on.
            public var divergingEpoch = EpochEndOffset()
            /// Who leads the partition, when it is not this broker. From version 12 on.
            public var currentLeader = KafkaLeader()
            /// The snapshot to read instead. From version 12 on.
            public var snapshotID = SnapshotID()
            /// Transactions among the records that were aborted; nil unless asked for committed
            /// records.
            public var abortedTransactions: [AbortedTransaction]?
            /// The broker to read from instead; -1 for this one. From version 11 on.
            public var preferredReadReplica: Int32 = -1
            /// Record batches, as they came or as they lie in the log.
            public var records: RecordData = .empty

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("errorCode", &errorCode)
                try coder.field("highWatermark", &highWatermark)
                try coder.field("lastStableOffset", &lastStableOffset)
                if coder.version >= 5 { try coder.field("logStartOffset", &logStartOffset) }
                try coder.field("abortedTransactions", &abortedTransactions)
                if coder.version >= 11 { try coder.field("preferredReadReplica", &preferredReadReplica) }
                try coder.field("records", &records)
                guard coder.isFlexible else { return }
                var tags = try coder.openTags()
                try coder.tag(0, in: &tags, "divergingEpoch", &divergingEpoch, default: EpochEndOffset())
                try coder.tag(1, in: &tags, "currentLeader", &currentLeader, default: KafkaLeader())
                try coder.tag(2, in: &tags, "snapshotID", &snapshotID, default: SnapshotID())
                try coder.closeTags(tags)
            }

            /// A leader epoch and where it ends.
            public struct EpochEndOffset: KafkaStruct {
                /// The leader epoch; -1 when it is not known.
                public var epoch: Int32 = -1
                /// Where it ends; -1 when it is not known.
                public var endOffset: Int64 = -1

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("epoch", &epoch)
                    try coder.field("endOffset", &endOffset)
                    try coder.noTags()
                }
            }

            /// A snapshot of the log.
            public struct SnapshotID: KafkaStruct {
                /// Where it ends; -1 when it is not known.
                public var endOffset: Int64 = -1
                /// The leader epoch; -1 when it is not known.
                public var epoch: Int32 = -1

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("endOffset", &endOffset)
                    try coder.field("epoch", &epoch)
                    try coder.noTags()
                }
            }

            /// A transaction that was aborted.
            public struct AbortedTransaction: KafkaStruct {
                /// The producer.
                public var producerID: Int64 = 0
                /// The first offset.
                public var firstOffset: Int64 = 0

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("producerID", &producerID)
                    try coder.field("firstOffset", &firstOffset)
                    try coder.noTags()
                }
            }
        }
    }
}
