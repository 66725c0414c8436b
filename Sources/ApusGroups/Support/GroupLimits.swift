// SPDX-License-Identifier: Apache-2.0

// What bounds a coordinator: how many groups, members and bytes it keeps, and how long it waits. Defaults are Kafka's where Kafka has
// one; Kafka bounds neither the number of groups nor what they say of themselves.

/// How much a `GroupCoordinator` keeps and how long it waits.
public struct GroupLimits: Sendable, Hashable {
    /// Groups of all kinds together. When as many are there, the one that has been without members the longest makes room; if all
    /// have members, a new one is refused as `coordinatorNotAvailable`.
    public var groupsMax = 10_000
    /// Members of one classic group, and as many again that were told their identity and have not joined with it.
    public var classicMembersMax = 2_000
    /// Members of one consumer group.
    public var consumerMembersMax = 2_000
    /// Members of one share group.
    public var shareMembersMax = 200
    /// Bytes of a name: group, member, instance, client.
    public var nameBytesMax = 4_096
    /// Bytes that one member says of itself: protocols with their metadata, subscriptions.
    public var memberBytesMax = 1 << 20
    /// Bytes of all assignments that a leader hands in at once.
    public var assignmentBytesMax = 16 << 20
    /// Bytes that all groups keep together: names, metadata, assignments. What would go beyond is refused as
    /// `coordinatorNotAvailable`.
    public var bytesMax = 256 << 20
    /// Topics that one member subscribes to by name.
    public var subscribedTopicsMax = 10_000
    /// Different regular expressions by which the members of one group subscribe.
    public var regularExpressionsMax = 16
    /// How long a group without members is remembered. Its committed offsets are not kept here and do not go with it.
    public var emptyGroupRetention: Duration = .seconds(600)

    /// Session timeouts that members of classic groups may ask for.
    public var sessionTimeouts: ClosedRange<Duration> = .seconds(6) ... .seconds(1_800)
    /// How long the first member of a classic group waits for others. Each that arrives begins the wait again, up to the group's rebalance
    /// timeout in all.
    public var initialRebalanceDelay: Duration = .seconds(3)
    /// How long a member that does not know its identity yet may wait for the others to join.
    public var newMemberJoinTimeout: Duration = .seconds(300)

    /// How long a member of a consumer group may be silent.
    public var consumerSessionTimeout: Duration = .seconds(45)
    /// How often a member of a consumer group is told to report.
    public var consumerHeartbeatInterval: Duration = .seconds(5)
    /// How long a member of a share group may be silent.
    public var shareSessionTimeout: Duration = .seconds(45)
    /// How often a member of a share group is told to report.
    public var shareHeartbeatInterval: Duration = .seconds(5)

    /// Kafka's defaults, and bounds that a server of a few gigabytes can afford.
    public init() {}
}
