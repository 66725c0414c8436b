// SPDX-License-Identifier: Apache-2.0

// Why a group refuses something. The raw values are the codes that Kafka's protocol has for it, so that a gateway passes them on
// and clients react as their authors meant.

/// Why a group refuses a request. `rawValue` is Kafka's error code.
public enum GroupError: Int16, Error, Sendable, Hashable, CaseIterable {
    /// No room for another group or for more bytes of metadata now. Clients try again.
    case coordinatorNotAvailable = 15
    /// The generation is not the group's.
    case illegalGeneration = 22
    /// The protocol type or the protocols have nothing in common with the group's, or the group is of another kind.
    case inconsistentGroupProtocol = 23
    /// The group's name is empty or longer than `GroupLimits.nameBytesMax`.
    case invalidGroupID = 24
    /// The group does not know this member. It joins anew.
    case unknownMemberID = 25
    /// The session timeout is outside `GroupLimits.sessionTimeouts`.
    case invalidSessionTimeout = 26
    /// The group is between two generations. The member joins again.
    case rebalanceInProgress = 27
    /// A field contradicts another, or is larger than the limits allow.
    case invalidRequest = 42
    /// The request's version is too old for this group's protocol.
    case unsupportedVersion = 35
    /// The group has members, so it cannot be deleted.
    case nonEmptyGroup = 68
    /// No such group of this kind.
    case groupIDNotFound = 69
    /// The member is told its identity and joins again with it.
    case memberIDRequired = 79
    /// The group has as many members as it may have.
    case groupMaxSizeReached = 81
    /// Another member has taken over this instance.
    case fencedInstanceID = 82
    /// The topic is subscribed to by a member, so its offsets cannot be deleted.
    case groupSubscribedToTopic = 86
    /// The member's epoch is not the one it was given. It leaves its partitions and joins anew.
    case fencedMemberEpoch = 110
    /// The instance is still a member under another identity.
    case unreleasedInstanceID = 111
    /// There is no such assignor.
    case unsupportedAssignor = 112
    /// The member has got a newer epoch. It tries again with that.
    case staleMemberEpoch = 113
    /// The regular expression cannot be parsed, or uses what is not offered here.
    case invalidRegularExpression = 128
}

/// A `GroupError` with a sentence that says what was wrong, for the protocols that carry one.
public struct GroupRefusal: Error, Sendable, Hashable {
    public let error: GroupError
    /// What happened, to what, and why; for people.
    public let message: String

    public init(_ error: GroupError, _ message: String) {
        self.error = error
        self.message = message
    }
}
