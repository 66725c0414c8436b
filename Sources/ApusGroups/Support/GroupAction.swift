// SPDX-License-Identifier: Apache-2.0

// What a coordinator gives back: answers to requests that wait. Everything else is answered on the spot, as a method's result.

/// Names a request that may wait for its answer. The gateway chooses it; it is not used again while its request waits.
public struct GroupTicket: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// What the gateway has to do.
public enum GroupAction: Sendable, Hashable {
    /// Answer the request that was handed in with this ticket. Each ticket is answered once, unless it was cancelled.
    case answer(GroupTicket, GroupAnswer)
    /// Take what a member of a share group has for others: it was silent for too long and is no member any more.
    case shareMemberGone(group: String, memberID: String)
}

/// The answer to a request that waited.
public enum GroupAnswer: Sendable, Hashable {
    case join(JoinAnswer)
    case sync(SyncAnswer)
}
