// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, OffsetFetch (key 9), versions 1-9, flexible from 6 on.

/// Kafka protocol, OffsetFetch request, versions 1-9: asks for the offsets of groups.
public struct OffsetFetchRequest: KafkaStruct {
    /// The group. Up to version 7.
    public var groupID = ""
    /// The partitions to tell of; nil for all of the group. Up to version 7.
    public var topics: [Topic]? = []
    /// The groups. From version 8 on.
    public var groups: [Group] = []
    /// Refuse partitions with offsets in open transactions. From version 7 on.
    public var requireStable = false

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version <= 7 {
            try coder.field("groupID", &groupID)
            try coder.field("topics", &topics, nullable: coder.version >= 2)
        }
        if coder.version >= 8 { try coder.field("groups", &groups) }
        if coder.version >= 7 { try coder.field("requireStable", &requireStable) }
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic.
        public var name = ""
        /// The partitions.
        public var partitionIndexes: [Int32] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("partitionIndexes", &partitionIndexes)
            try coder.noTags()
        }
    }

    /// A group.
    public struct Group: KafkaStruct {
        /// The group.
        public var groupID = ""
        /// The member; nil without a membership. From version 9 on.
        public var memberID: String?
        /// The epoch of the member; -1 without a membership. From version 9 on.
        public var memberEpoch: Int32 = -1
        /// The partitions to tell of; nil for all of the group.
        public var topics: [GroupTopic]?

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("groupID", &groupID)
            if coder.version >= 9 {
                try coder.field("memberID", &memberID)
                try coder.field("memberEpoch", &memberEpoch)
            }
            try coder.field("topics", &topics)
            try coder.noTags()
        }

        /// A topic, from version 8 on.
        public struct GroupTopic: KafkaStruct {
            /// The name of the topic.
            public var name = ""
            /// The partitions.
            public var partitionIndexes: [Int32] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("name", &name)
                try coder.field("partitionIndexes", &partitionIndexes)
                try coder.noTags()
            }
        }
    }
}

/// Kafka protocol, OffsetFetch response, versions 1-9: tells them.
public struct OffsetFetchResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds. From version 3
    /// on.
    public var throttleTimeMs: Int32 = 0
    /// The topics. Up to version 7.
    public var topics: [Topic] = []
    /// How it went. Versions 2 to 7.
    public var errorCode: KafkaErrorCode = .noError
    /// The groups. From version 8 on.
    public var groups: [Group] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        if coder.version >= 3 { try coder.field("throttleTimeMs", &throttleTimeMs) }
        if coder.version <= 7 { try coder.field("topics", &topics) }
        if coder.version >= 2, coder.version <= 7 { try coder.field("errorCode", &errorCode) }
        if coder.version >= 8 { try coder.field("groups", &groups) }
        try coder.noTags()
    }

    /// A topic.
    public struct Topic: KafkaStruct {
        /// The name of the topic.
        public var name = ""
        /// The partitions.
        public var partitions: [Partition] = []

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("name", &name)
            try coder.field("partitions", &partitions)
            try coder.noTags()
        }

        /// A partition.
        public struct Partition: KafkaStruct {
            /// The partition.
            public var partitionIndex: Int32 = 0
            /// The offset of the next record to read; -1 when there is none.
            public var committedOffset: Int64 = 0
            /// The leader epoch of the record before; -1 when it is not known. From version 5 on.
            public var committedLeaderEpoch: Int32 = -1
            /// What the client wanted to remember with it.
            public var metadata: String?
            /// How it went.
            public var errorCode: KafkaErrorCode = .noError

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("partitionIndex", &partitionIndex)
                try coder.field("committedOffset", &committedOffset)
                if coder.version >= 5 { try coder.field("committedLeaderEpoch", &committedLeaderEpoch) }
                try coder.field("metadata", &metadata)
                try coder.field("errorCode", &errorCode)
                try coder.noTags()
            }
        }
    }

    /// A group.
    public struct Group: KafkaStruct {
        /// The group.
        public var groupID = ""
        /// The topics.
        public var topics: [GroupTopic] = []
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("groupID", &groupID)
            try coder.field("topics", &topics)
            try coder.field("errorCode", &errorCode)
            try coder.noTags()
        }

        /// A topic, from version 8 on.
        public struct GroupTopic: KafkaStruct {
            /// The name of the topic.
            public var name = ""
            /// The partitions.
            public var partitions: [GroupPartition] = []

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("name", &name)
                try coder.field("partitions", &partitions)
                try coder.noTags()
            }

            /// A partition, from version 8 on.
            public struct GroupPartition: KafkaStruct {
                /// The partition.
                public var partitionIndex: Int32 = 0
                /// The offset of the next record to read; -1 when there is none.
                public var committedOffset: Int64 = 0
                /// The leader epoch of the record before; -1 when it is not known.
                public var committedLeaderEpoch: Int32 = -1
                /// What the client wanted to remember with it.
                public var metadata: String?
                /// How it went.
                public var errorCode: KafkaErrorCode = .noError

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("partitionIndex", &partitionIndex)
                    try coder.field("committedOffset", &committedOffset)
                    try coder.field("committedLeaderEpoch", &committedLeaderEpoch)
                    try coder.field("metadata", &metadata)
                    try coder.field("errorCode", &errorCode)
                    try coder.noTags()
                }
            }
        }
    }
}
