// SPDX-License-Identifier: Apache-2.0

// Consumer groups as JSON.

internal import ApusEngine
internal import ApusModel
internal import JSONText

/// A group with its members and its progress.
struct GroupView: Sendable {
    var name: String
    var membership: GroupMembership
    var progress: [GroupProgress]

    init(name: String, _ membership: GroupMembership, _ progress: [GroupProgress]) {
        self.name = name
        self.membership = membership
        self.progress = progress
    }

    /// How far it is behind, all partitions together.
    var lag: Int64 { progress.reduce(0) { $0 + ($1.lag ?? 0) } }
}

extension JSONWriter {
    /// A group in a list.
    mutating func groupSummary(_ group: GroupView) {
        object { writer in
            writer.groupHead(group)
            writer.member("members", group.membership.members.count)
            writer.member("topics", list: Set(group.progress.map(\.place.topic)).sorted()) {
                $0.string($1.description)
            }
            writer.member("lag", group.lag)
        }
    }

    /// A group by itself.
    mutating func group(_ group: GroupView) {
        // Of share groups several members have one partition; positions are of no member then.
        var owners: [TopicPartition: String] = [:]
        for member in group.membership.members where group.membership.kind != "share" {
            for place in member.partitions { owners[place] = member.id }
        }
        object { writer in
            writer.groupHead(group)
            writer.member("members", list: group.membership.members) { $0.groupMember($1) }
            writer.member("positions", list: group.progress) { $0.groupPosition($1, owners[$1.place]) }
            writer.member("lag", group.lag)
        }
    }

    private mutating func groupHead(_ group: GroupView) {
        member("name", group.name)
        member("kind", group.membership.kind)
        member("state", group.membership.state)
    }

    private mutating func groupMember(_ member: GroupMembership.Member) {
        object { writer in
            writer.member("id", member.id)
            writer.member("instance", member.instance)
            writer.member("client", member.client)
            writer.member("host", member.host)
            writer.member("partitions", list: member.partitions) { writer, place in
                writer.object {
                    $0.member("topic", place.topic.description)
                    $0.member("partition", place.partition)
                }
            }
        }
    }

    private mutating func groupPosition(_ progress: GroupProgress, _ owner: String?) {
        object { writer in
            writer.member("topic", progress.place.topic.description)
            writer.member("partition", progress.place.partition)
            writer.optional("committed", progress.committed?.offset.rawValue)
            writer.member("pending", progress.isPending)
            writer.optional("end", progress.end?.rawValue)
            writer.optional("lag", progress.lag)
            writer.member("metadata", progress.committed.map(\.metadata))
            writer.member("member", owner)
        }
    }

    private mutating func optional(_ name: StaticString, _ value: Int64?) {
        key(name)
        if let value { integer(value) } else { null() }
    }
}
