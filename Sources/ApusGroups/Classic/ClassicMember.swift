// SPDX-License-Identifier: Apache-2.0

// One member of a classic group.

/// A request of a member that waits for its answer.
enum ClassicWait: Sendable, Hashable {
    case none
    case join(GroupTicket)
    case sync(GroupTicket)

    var ticket: GroupTicket? {
        switch self {
        case .none: nil
        case .join(let ticket), .sync(let ticket): ticket
        }
    }
}

struct ClassicMember: Sendable {
    let id: String
    let instanceID: String?
    let clientID: String
    let clientHost: String
    /// Members are in the order in which they came; the earliest leads.
    let number: UInt64
    var sessionTimeout: Duration
    var rebalanceTimeout: Duration
    var protocols: [GroupProtocol]
    var assignment: [UInt8] = []
    var wait = ClassicWait.none
    /// Has never been told that it is a member. Its client cannot send heartbeats yet, so waiting does not keep it alive for ever.
    var isNew = true
    /// Without an answer to its join the client does not know who it is and cannot come back as the same member.
    let knowsItself: Bool
    /// When the member is taken for dead. `nil` only while a request of it waits.
    var sessionDeadline: Duration?

    var isJoining: Bool { if case .join = wait { true } else { false } }
    var isSyncing: Bool { if case .sync = wait { true } else { false } }

    /// Whether silence is no sign of death: the member waits for us.
    var isExcused: Bool { !isNew && wait != .none }

    var bytes: Int {
        id.utf8.count + (instanceID?.utf8.count ?? 0) + clientID.utf8.count + clientHost.utf8.count
            + assignment.count + protocols.bytes + 256
    }

    func metadata(in protocolName: String?) -> [UInt8] {
        protocols.first { $0.name == protocolName }?.metadata ?? []
    }
}

extension [GroupProtocol] {
    var bytes: Int { reduce(0) { $0 + $1.name.utf8.count + $1.metadata.count + 64 } }
}
