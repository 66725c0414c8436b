// SPDX-License-Identifier: Apache-2.0

// The group protocol of KIP-848: one heartbeat by which a member joins, learns its partitions, gives some back, and leaves.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel

extension KafkaCall {
    func consumerGroupHeartbeat(_ request: ConsumerGroupHeartbeatRequest) {
        let heartbeat = ConsumerHeartbeat(
            group: request.groupID, memberID: request.memberID, memberEpoch: request.memberEpoch,
            instanceID: request.instanceID, rackID: request.rackID,
            rebalanceTimeout: request.rebalanceTimeoutMs < 0
                ? nil : .milliseconds(Int64(request.rebalanceTimeoutMs)),
            subscribedNames: request.subscribedTopicNames, subscribedRegex: request.subscribedTopicRegex,
            serverAssignor: request.serverAssignor,
            owned: request.topicPartitions?.map {
                TopicPartitions(
                    topic: TopicID($0.topicID), partitions: $0.partitions)
            }, clientID: header.clientID ?? "", clientHost: "/\(session.peer)")
        let catalog = context.catalog.current(with: request.subscribedTopicNames)
        let entropy = UInt128.random(in: .min ... .max)
        let outcome: Result<HeartbeatAnswer, GroupRefusal> = context.groups.ask { coordinator, now in
            let outcome = Result { () throws(GroupRefusal) in
                try coordinator.consumerHeartbeat(heartbeat, catalog: catalog, entropy: entropy, now: now)
            }
            return (outcome, [])
        }
        answer(.consumerGroupHeartbeat(Self.response(outcome)))
    }

    private static func response(
        _ outcome: Result<HeartbeatAnswer, GroupRefusal>
    ) -> ConsumerGroupHeartbeatResponse {
        ConsumerGroupHeartbeatResponse { response in
            switch outcome {
            case .failure(let refusal):
                response.errorCode = KafkaErrorCode(refusal.error)
                response.errorMessage = refusal.message
            case .success(let answer):
                response.memberID = answer.memberID
                response.memberEpoch = answer.memberEpoch
                response.heartbeatIntervalMs = Int32(clamping: answer.heartbeatInterval.milliseconds)
                response.assignment = answer.assignment.map { topics in
                    ConsumerGroupHeartbeatResponse.Assignment { assignment in
                        assignment.topicPartitions = topics.map { topic in
                            ConsumerGroupHeartbeatResponse.Assignment.TopicPartitions {
                                $0.topicID = KafkaUUID(topic.topic)
                                $0.partitions = topic.partitions
                            }
                        }
                    }
                }
            }
        }
    }

    func consumerGroupDescribe(_ request: ConsumerGroupDescribeRequest) {
        answer(
            .consumerGroupDescribe(
                ConsumerGroupDescribeResponse { response in
                    response.groups = request.groupIDs.map(describeConsumerGroup)
                }))
    }

    private func describeConsumerGroup(_ id: String) -> ConsumerGroupDescribeResponse.Group {
        ConsumerGroupDescribeResponse.Group { group in
            group.groupID = id
            guard let found = context.groups.look({ $0.describeConsumer(id) }) else {
                group.errorCode = .groupIDNotFound
                group.errorMessage = "there is no consumer group '\(id.prefix(80))'"
                return
            }
            group.groupState = found.state
            group.groupEpoch = found.groupEpoch
            group.assignmentEpoch = found.assignmentEpoch
            group.assignorName = found.assignorName
            group.members = found.members.map { member in
                ConsumerGroupDescribeResponse.Group.Member {
                    $0.memberID = member.memberID
                    $0.instanceID = member.instanceID
                    $0.rackID = member.rackID
                    $0.memberEpoch = member.memberEpoch
                    $0.clientID = member.clientID
                    $0.clientHost = member.clientHost
                    $0.subscribedTopicNames = member.subscribedNames
                    $0.subscribedTopicRegex = member.subscribedRegex
                    $0.assignment = assignment(member.assignment)
                    $0.targetAssignment = assignment(member.target)
                    // 1: a member of this protocol.
                    $0.memberType = 1
                }
            }
        }
    }

    private func assignment(
        _ topics: [TopicPartitions]
    ) -> ConsumerGroupDescribeResponse.Group.Member.Assignment {
        ConsumerGroupDescribeResponse.Group.Member.Assignment { assignment in
            assignment.topicPartitions = topics.map { topic in
                let id = KafkaUUID(topic.topic)
                return ConsumerGroupDescribeResponse.Group.Member.Assignment.TopicPartitions {
                    $0.topicID = id
                    $0.topicName = context.topic(id)?.name.description ?? ""
                    $0.partitions = topic.partitions
                }
            }
        }
    }
}
