// SPDX-License-Identifier: Apache-2.0

// Share sessions (KIP-932): a member says once which partitions it fetches from, and later only what has changed. A session belongs to a
// connection, and what a member has ends with it. A value without I/O.

internal import ApusEngine
internal import ApusKafkaCodec
internal import OrderedCollections

/// A member of a share group.
struct ShareMemberKey: Hashable, Sendable {
    var group: String
    var member: String
}

/// A partition as share requests name it.
struct SharePartition: Hashable, Sendable {
    var topicID: KafkaUUID
    var partition: Int32
}

/// All share sessions.
struct ShareSessions: Sendable {
    /// One member's session.
    struct Session: Sendable {
        /// In whose name the member's records are out.
        let holder: LeaseHolder
        /// The connection that it came by.
        var connection: ObjectIdentifier
        /// The epoch of the next request.
        var epoch: Int32 = 1
        var partitions: OrderedSet<SharePartition> = []
        /// Every topic that it has had partitions of: it may have records of them.
        var topics: Set<KafkaUUID> = []
        /// Where the next answer begins, so that the first partitions do not starve the last.
        var start = 0
    }

    /// What a request asks of a session.
    struct Request: Sendable {
        var key: ShareMemberKey
        var epoch: Int32
        var connection: ObjectIdentifier
        /// Partitions that are to be in the session from now on.
        var added: [SharePartition] = []
        /// Partitions that are not.
        var forgotten: [SharePartition] = []
        var hasAcknowledgements = false
    }

    /// What a request means.
    struct Opening: Sendable {
        var holder: LeaseHolder
        /// The partitions to fetch from, in the order in which to try them.
        var partitions: [SharePartition]
        /// Whether the session begins: then every partition is in the answer.
        var isFull = false
        /// Whether the session ends.
        var isFinal = false
    }

    /// What was ended.
    struct Ended: Sendable, Hashable {
        var holder: LeaseHolder
        var topics: Set<KafkaUUID>
    }

    /// Kafka's own default.
    static let sessionsMax = 2_000
    /// Partitions of one session, and topics that it has had.
    static let partitionsMax = 10_000

    private(set) var sessions: [ShareMemberKey: Session] = [:]

    /// Finds or makes the session of a fetch.
    ///
    /// - Parameter nonce: a number of chance for a member that is new.
    /// - Throws: the code that the client is to get.
    mutating func openForFetch(_ request: Request, nonce: UInt64) throws(KafkaErrorCode) -> Opening {
        switch request.epoch {
        case -1:
            guard let session = sessions[request.key] else { throw .shareSessionNotFound }
            return Opening(holder: session.holder, partitions: [], isFinal: true)
        case 0:
            // Who begins knows of nothing that it could acknowledge.
            guard !request.hasAcknowledgements else { throw .invalidRequest }
            let old = sessions[request.key]
            guard old != nil || sessions.count < Self.sessionsMax else { throw .shareSessionLimitReached }
            // What the member has from before stays its own.
            var session = Session(
                holder: old?.holder ?? LeaseHolder(nonce: nonce), connection: request.connection)
            session.topics = old?.topics ?? []
            let partitions = try session.update(request)
            sessions[request.key] = session
            return Opening(holder: session.holder, partitions: partitions, isFull: true)
        default:
            var session = try current(request)
            let partitions = try session.update(request)
            sessions[request.key] = session
            return Opening(holder: session.holder, partitions: partitions)
        }
    }

    /// Finds the session of an acknowledgement.
    ///
    /// - Throws: the code that the client is to get.
    mutating func openForAcknowledgement(_ request: Request) throws(KafkaErrorCode) -> Opening {
        guard request.epoch != 0 else { throw .invalidShareSessionEpoch }
        guard request.epoch != -1 else { return try openForFetch(request, nonce: 0) }
        let session = try current(request)
        sessions[request.key] = session
        return Opening(holder: session.holder, partitions: [])
    }

    /// The session whose turn the request is, with the epoch of the next one.
    private func current(_ request: Request) throws(KafkaErrorCode) -> Session {
        guard var session = sessions[request.key] else { throw .shareSessionNotFound }
        guard session.epoch == request.epoch else { throw .invalidShareSessionEpoch }
        session.epoch = session.epoch == .max ? 1 : session.epoch + 1
        return session
    }

    /// Ends a member's session; with `connection` only if it came by that one.
    mutating func end(_ key: ShareMemberKey, connection: ObjectIdentifier? = nil) -> Ended? {
        guard let session = sessions[key], connection == nil || session.connection == connection else {
            return nil
        }
        sessions[key] = nil
        return Ended(holder: session.holder, topics: session.topics)
    }
}

extension ShareSessions.Session {
    /// Takes what a request says; the partitions in the order of this request's turn.
    fileprivate mutating func update(
        _ request: ShareSessions.Request
    ) throws(KafkaErrorCode) -> [SharePartition] {
        for partition in request.forgotten { partitions.remove(partition) }
        for partition in request.added {
            partitions.append(partition)
            topics.insert(partition.topicID)
        }
        guard partitions.count <= ShareSessions.partitionsMax, topics.count <= ShareSessions.partitionsMax
        else { throw .invalidRequest }
        guard !partitions.isEmpty else { return [] }
        start = (start + 1) % partitions.count
        return Array(partitions[start...]) + Array(partitions[..<start])
    }
}
