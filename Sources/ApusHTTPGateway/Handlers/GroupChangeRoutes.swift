// SPDX-License-Identifier: Apache-2.0

// What operators do to consumer groups of Kafka's clients while nobody is in them: move their positions, after a look at what that changes, and forget them.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes that change consumer groups.
enum GroupChangeRoutes {
    static let all: [Route] = [reset, delete]

    private static let reset = Route(
        method: .post, path: PathTemplate("/v1/groups/{group}/reset"), operation: "resetGroup",
        summary:
            "Moves the committed positions of a group that has no members, or with 'dry_run' only tells what would change. A group that is "
            + "not known yet is made by it.",
        chapter: .groups, body: .json(.object(Schema.groupReset)),
        successes: [.json(.ok, "What changes in each partition.", .groupReset)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let name = call.pathValues.first ?? ""
            let reader = try call.members(Schema.groupReset)
            let topic = try reader.name("topic")
            let number = try reader.integer("partition", in: Bounds.partition).map { Int($0) }
            guard topic != nil || number == nil else {
                throw Problem(.malformed, "'partition' is one of a topic: name the 'topic' too")
            }
            let position = try reader.require("to") { name throws(Problem) in
                try reader.position(name, now: context.now)
            }
            let isDryRun = try reader.bool("dry_run") ?? false
            let moves = try moves(of: name, in: topic, number, to: position, context)
            // Whoever only looks may do so while the group is at work.
            if !isDryRun {
                try requireEmpty(name, context, to: "moved")
                try await commit(moves, of: name, context)
            }
            return .json { writer in
                writer.object { writer in
                    writer.member("applied", !isDryRun)
                    writer.member("positions", list: moves) { $0.groupMove($1) }
                }
            }
        })

    private static let delete = Route(
        method: .delete, path: PathTemplate("/v1/groups/{group}"), operation: "deleteGroup",
        summary: "Forgets a group that has no members, with its positions.", chapter: .groups,
        successes: [.done], problems: [.notFound, .conflict],
        handler: .answer { context, call async throws(Problem) in
            let name = call.pathValues.first ?? ""
            try requireEmpty(name, context, to: "deleted")
            let groups = context.configuration.groups
            let wasKnown = groups?.membership(of: name) != nil
            // Somebody may have come since it was looked at.
            if let groups, !groups.forget(name) { try requireEmpty(name, context, to: "deleted") }
            let failure = await withUnsafeContinuation { continuation in
                context.broker.deleteGroups([name]) { continuation.resume(returning: $0.first ?? nil) }
            }
            switch failure {
            case nil: return .done
            // One that had members and never committed is gone all the same.
            case .unknownGroup? where wasKnown: return .done
            case .some(let error): throw Problem(error, group: name)
            }
        })

    /// Kafka's own tools ask for the same: members would go on from where they are, and commit that.
    private static func requireEmpty(
        _ name: String, _ context: GatewayContext, to deed: String
    ) throws(Problem) {
        guard let membership = context.configuration.groups?.membership(of: name) else { return }
        guard membership.kind != "share" else {
            throw Problem(
                .conflict, "'\(name)' is a share group: its positions are those of subscriptions",
                hint: "apus subscription list --search \(name).share, and move or delete these")
        }
        guard !membership.members.isEmpty else { return }
        let clients = membership.members.prefix(3).map { "\($0.client) at \($0.host)" }
        throw Problem(
            .conflict,
            "group '\(name)' has \(membership.members.count) members (\(clients.joined(separator: ", "))); it can be \(deed) while nobody is in it",
            hint:
                "stop its consumers and wait until their session has ended; 'apus client list' shows who is connected"
        )
    }

    private static func moves(
        of group: String, in topic: ResourceName?, _ partition: Int?, to position: StartPosition,
        _ context: GatewayContext
    ) throws(Problem) -> [GroupMove] {
        let progress: [GroupProgress]
        do throws(CoordinatorError) { progress = try context.broker.progress(ofGroup: group) } catch {
            throw Problem(error, group: group)
        }
        var committed: [TopicPartition: Offset] = [:]
        for one in progress { committed[one.place] = one.committed?.offset }
        let topics = topic.map { [$0] } ?? Set(progress.map(\.place.topic)).sorted()
        guard !topics.isEmpty else {
            throw Problem(
                .notFound, "there is no group '\(group.prefix(80))'",
                hint: "name a 'topic' to give a group that is to come a position to begin at")
        }
        var moves: [GroupMove] = []
        for name in topics {
            let description = try context.look { broker throws(BrokerError) in try broker.topic(name) }
            let chosen = description.partitions.filter { partition == nil || $0.number == partition }
            guard !chosen.isEmpty else {
                throw Problem(.notFound, "topic '\(name)' has no partition \(partition ?? 0)")
            }
            for one in chosen {
                let place = TopicPartition(name, one.number)
                let target = try context.offset(of: position, in: one, of: name)
                let kept = min(max(target, one.start), one.end)
                moves.append(GroupMove(place: place, from: committed[place], to: kept))
            }
        }
        return moves
    }

    private static func commit(
        _ moves: [GroupMove], of group: String, _ context: GatewayContext
    ) async throws(Problem) {
        let commits = moves.filter { $0.from != $0.to }
            .map { OffsetCommit($0.place, CommittedOffset($0.to)) }
        guard !commits.isEmpty else { return }
        let failures = await withUnsafeContinuation { continuation in
            context.broker.commitOffsets(group: group, commits) { continuation.resume(returning: $0) }
        }
        if let failure = failures.compactMap(\.self).first { throw Problem(failure, group: group) }
    }
}

/// What becomes of a group's position in one partition.
struct GroupMove: Sendable {
    var place: TopicPartition
    /// Where it is; nil where nothing is committed.
    var from: Offset?
    /// Where it would be.
    var to: Offset
}

extension JSONWriter {
    fileprivate mutating func groupMove(_ move: GroupMove) {
        // Where nothing is committed, members begin where their own setting says: nothing is known to come again.
        let distance = move.from.map { $0.rawValue - move.to.rawValue } ?? 0
        object { writer in
            writer.member("topic", move.place.topic.description)
            writer.member("partition", move.place.partition)
            writer.key("committed")
            if let from = move.from { writer.integer(from.rawValue) } else { writer.null() }
            writer.member("to", move.to.rawValue)
            writer.member("again", max(0, distance))
            writer.member("skipped", max(0, -distance))
        }
    }
}

extension Problem {
    /// What a coordinator of groups says, in words.
    init(_ error: CoordinatorError, group: String) {
        switch error {
        case .broker(let error): self.init(error)
        case .unknownGroup: self.init(.notFound, "there is no group '\(group.prefix(80))'")
        case .invalidGroup:
            self.init(
                .invalid,
                "a group's name has 1 to \(Defaults.groupNameBytesMax) bytes, not \(group.utf8.count)")
        case .unknownPartition: self.init(.notFound, "a partition went away meanwhile")
        case .limitReached(let what), .invalidRequest(let what): self.init(.invalid, what)
        default: self.init(.invalid, "\(error)")
        }
    }
}
