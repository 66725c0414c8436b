// SPDX-License-Identifier: Apache-2.0

// The heartbeat of consumer groups (KIP-848): the one request by which a member joins, says what it has, learns what it gets, and leaves.

/// Epochs that mean something other than an epoch.
public enum MemberEpoch {
    /// The member joins, or joins anew.
    public static let joining: Int32 = 0
    /// The member leaves for good.
    public static let leaving: Int32 = -1
    /// A static member leaves and will be back.
    public static let pausing: Int32 = -2
}

/// ConsumerGroupHeartbeat. What is `nil` has not changed since the last heartbeat.
public struct ConsumerHeartbeat: Sendable, Hashable {
    public var group: String
    /// Chosen by the member. Version 0: may be empty when it joins, and is chosen here then.
    public var memberID: String
    /// The epoch that the member was told last, or one of `MemberEpoch`.
    public var memberEpoch: Int32
    public var instanceID: String?
    public var rackID: String?
    /// How long the member may take to give partitions up.
    public var rebalanceTimeout: Duration?
    public var subscribedNames: [String]?
    /// Topics whose whole name it matches are subscribed to. Empty ends such a subscription.
    public var subscribedRegex: String?
    public var serverAssignor: String?
    /// What the member has at this moment.
    public var owned: [TopicPartitions]?
    public var clientID: String
    /// The client's address, for descriptions only.
    public var clientHost: String

    public init(
        group: String, memberID: String, memberEpoch: Int32, instanceID: String? = nil,
        rackID: String? = nil, rebalanceTimeout: Duration? = nil, subscribedNames: [String]? = nil,
        subscribedRegex: String? = nil, serverAssignor: String? = nil, owned: [TopicPartitions]? = nil,
        clientID: String = "", clientHost: String = ""
    ) {
        self.group = group
        self.memberID = memberID
        self.memberEpoch = memberEpoch
        self.instanceID = instanceID
        self.rackID = rackID
        self.rebalanceTimeout = rebalanceTimeout
        self.subscribedNames = subscribedNames
        self.subscribedRegex = subscribedRegex
        self.serverAssignor = serverAssignor
        self.owned = owned
        self.clientID = clientID
        self.clientHost = clientHost
    }
}

/// The answer to a heartbeat of a consumer or a share group.
public struct HeartbeatAnswer: Sendable, Hashable {
    public var memberID: String
    public var memberEpoch: Int32
    public var heartbeatInterval: Duration
    /// What the member is to have now. `nil`: as before.
    public var assignment: [TopicPartitions]?
}
