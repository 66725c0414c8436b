// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, ShareGroupDescribe (key 77), version 1, all flexible.

/// Kafka protocol, ShareGroupDescribe request, version 1: asks for share groups (KIP-932).
public struct ShareGroupDescribeRequest: KafkaStruct {
    /// The groups.
    public var groupIDs: [String] = []
    /// Tell what the client may do with the groups.
    public var includeAuthorizedOperations = false

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("groupIDs", &groupIDs)
        try coder.field("includeAuthorizedOperations", &includeAuthorizedOperations)
        try coder.noTags()
    }
}

/// Kafka protocol, ShareGroupDescribe response, version 1: tells them.
public struct ShareGroupDescribeResponse: KafkaStruct {
    /// How long the client is asked to wait before its next request, in milliseconds.
    public var throttleTimeMs: Int32 = 0
    /// The groups.
    public var groups: [Group] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("throttleTimeMs", &throttleTimeMs)
        try coder.field("groups", &groups)
        try coder.noTags()
    }

    /// A group.
    public struct Group: KafkaStruct {
        /// How it went.
        public var errorCode: KafkaErrorCode = .noError
        /// More about the error, for people.
        public var errorMessage: String?
        /// The group.
        public var groupID = ""
        /// The state of the group, in words.
        public var groupState = ""
        /// Grows with each change of members or topics.
        public var groupEpoch: Int32 = 0
        /// The group epoch for which the assignment was made.
        public var assignmentEpoch: Int32 = 0
        /// The assignor that made it.
        public var assignorName = ""
        /// The members.
        public var members: [Member] = []
        /// What the client may do with the group, as bits; the least number when it did not ask.
        public var authorizedOperations: Int32 = Int32.min

        public init() {}

        public mutating func code<Coder: FieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(KafkaCodecError) {
            try coder.field("errorCode", &errorCode)
            try coder.field("errorMessage", &errorMessage)
            try coder.field("groupID", &groupID)
            try coder.field("groupState", &groupState)
            try coder.field("groupEpoch", &groupEpoch)
            try coder.field("assignmentEpoch", &assignmentEpoch)
            try coder.field("assignorName", &assignorName)
            try coder.field("members", &members)
            try coder.field("authorizedOperations", &authorizedOperations)
            try coder.noTags()
        }

        /// A member.
        public struct Member: KafkaStruct {
            /// The member, as the coordinator named it; empty for one that is new.
            public var memberID = ""
            /// Where the client is.
            public var rackID: String?
            /// The epoch of the member: 0 joins, -1 leaves, -2 leaves for a while (static members).
            public var memberEpoch: Int32 = 0
            /// What the client of the member calls itself.
            public var clientID = ""
            /// Where the member is connected from.
            public var clientHost = ""
            /// The topics that the member wants.
            public var subscribedTopicNames: [String] = []
            /// What the member has.
            public var assignment = Assignment()

            public init() {}

            public mutating func code<Coder: FieldCoder & ~Copyable>(
                with coder: inout Coder
            ) throws(KafkaCodecError) {
                try coder.field("memberID", &memberID)
                try coder.field("rackID", &rackID)
                try coder.field("memberEpoch", &memberEpoch)
                try coder.field("clientID", &clientID)
                try coder.field("clientHost", &clientHost)
                try coder.field("subscribedTopicNames", &subscribedTopicNames)
                try coder.field("assignment", &assignment)
                try coder.noTags()
            }

            /// An assignment.
            public struct Assignment: KafkaStruct {
                /// Partitions, by topic.
                public var topicPartitions: [TopicPartitions] = []

                public init() {}

                public mutating func code<Coder: FieldCoder & ~Copyable>(
                    with coder: inout Coder
                ) throws(KafkaCodecError) {
                    try coder.field("topicPartitions", &topicPartitions)
                    try coder.noTags()
                }

                /// Partitions of a topic.
                public struct TopicPartitions: KafkaStruct {
                    /// The identity of the topic.
                    public var topicID = KafkaUUID()
                    /// The name of the topic.
                    public var topicName = ""
                    /// The partitions.
                    public var partitions: [Int32] = []

                    public init() {}

                    public mutating func code<Coder: FieldCoder & ~Copyable>(
                        with coder: inout Coder
                    ) throws(KafkaCodecError) {
                        try coder.field("topicID", &topicID)
                        try coder.field("topicName", &topicName)
                        try coder.field("partitions", &partitions)
                        try coder.noTags()
                    }
                }
            }
        }
    }
}
