// SPDX-License-Identifier: Apache-2.0

// The members of groups, for whoever looks at them from outside of Kafka's protocol.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel
internal import NIOCore

/// The members of groups, as the gateway's coordinator has them.
struct GroupDirectory: GroupObserver {
    let context: KafkaContext

    func groupNames() -> [String] { context.groups.look { $0.list().map(\.id) } }

    func membership(of group: String) -> GroupMembership? {
        if let classic = context.groups.look({ $0.describeClassic(group) }) {
            return GroupMembership(
                kind: GroupKind.classic.rawValue, state: classic.state.rawValue,
                members: classic.members.map { member in
                    GroupMembership.Member(
                        id: member.memberID, instance: member.instanceID, client: member.clientID,
                        host: member.clientHost, partitions: partitions(ofClassic: member.assignment))
                })
        }
        let assigned = context.groups.look { $0.describeConsumer(group) ?? $0.describeShare(group) }
        return assigned.map { assigned in
            GroupMembership(
                kind: assigned.kind.rawValue, state: assigned.state,
                members: assigned.members.map { member in
                    GroupMembership.Member(
                        id: member.memberID, instance: member.instanceID, client: member.clientID,
                        host: member.clientHost, partitions: partitions(member.assignment))
                })
        }
    }

    func forget(_ group: String) -> Bool {
        context.groups.ask { coordinator, _ in (coordinator.delete(group), []) } != .nonEmptyGroup
    }

    /// What a leader of the classic protocol gave to a member: only consumers' own protocol can be read.
    private func partitions(ofClassic bytes: [UInt8]) -> [TopicPartition] {
        guard !bytes.isEmpty, let assignment = try? ConsumerAssignment(reading: ByteBuffer(bytes: bytes))
        else {
            return []
        }
        return assignment.assignedPartitions.flatMap { topic in
            guard let name = try? ResourceName(topic.topic) else { return [TopicPartition]() }
            return topic.partitions.map { TopicPartition(name, Int($0)) }
        }
    }

    private func partitions(_ topics: [TopicPartitions]) -> [TopicPartition] {
        topics.flatMap { topic in
            guard let name = context.topic(KafkaUUID(topic.topic))?.name else { return [TopicPartition]() }
            return topic.partitions.map { TopicPartition(name, Int($0)) }
        }
    }
}
