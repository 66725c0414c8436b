// SPDX-License-Identifier: Apache-2.0

// Membership of share groups (KIP-932): the heartbeat by which a member joins, learns its partitions and leaves, and the description of groups.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel

extension KafkaCall {
    func shareGroupHeartbeat(_ request: ShareGroupHeartbeatRequest) {
        let heartbeat = ShareHeartbeat(
            group: request.groupID, memberID: request.memberID, memberEpoch: request.memberEpoch,
            rackID: request.rackID, subscribedNames: request.subscribedTopicNames,
            clientID: header.clientID ?? "", clientHost: "/\(session.peer)")
        let catalog = context.catalog.current(with: request.subscribedTopicNames)
        let entropy = UInt128.random(in: .min ... .max)
        let outcome: Result<HeartbeatAnswer, GroupRefusal> = context.groups.ask { coordinator, now in
            let outcome = Result { () throws(GroupRefusal) in
                try coordinator.shareHeartbeat(heartbeat, catalog: catalog, entropy: entropy, now: now)
            }
            return (outcome, [])
        }
        let response = ShareGroupHeartbeatResponse(outcome)
        guard case .success(let answer) = outcome else { return self.answer(.shareGroupHeartbeat(response)) }
        // The session of a member that leaves does not end here: what it acknowledges with its end may be on its way by another connection.
        // Where a group begins to read is decided when its first member hears of it.
        let new = (answer.assignment ?? []).compactMap { each in
            context.topic(KafkaUUID(each.topic)).flatMap { topic in
                context.shares.subscription(request.groupID, topic) == nil ? topic : nil
            }
        }
        guard !new.isEmpty else { return self.answer(.shareGroupHeartbeat(response)) }
        answerLater { call in
            await call.context.shares.subscribe(request.groupID, toAll: new)
            return .shareGroupHeartbeat(response)
        }
    }

    func shareGroupDescribe(_ request: ShareGroupDescribeRequest) {
        answer(
            .shareGroupDescribe(
                ShareGroupDescribeResponse { response in
                    response.groups = request.groupIDs.map(describeShareGroup)
                }))
    }

    private func describeShareGroup(_ id: String) -> ShareGroupDescribeResponse.Group {
        ShareGroupDescribeResponse.Group { group in
            group.groupID = id
            guard let found = context.groups.look({ $0.describeShare(id) }) else {
                // What it has read without members is a group that is empty.
                guard !context.shares.subscriptions(of: id).isEmpty else {
                    group.errorCode = .groupIDNotFound
                    group.errorMessage = "there is no share group '\(id.prefix(80))'"
                    group.groupState = ShareState.dead.rawValue
                    return
                }
                group.groupState = ShareState.empty.rawValue
                group.assignorName = "simple"
                return
            }
            group.groupState = found.state
            group.groupEpoch = found.groupEpoch
            group.assignmentEpoch = found.assignmentEpoch
            group.assignorName = found.assignorName
            group.members = found.members.map { member in
                ShareGroupDescribeResponse.Group.Member {
                    $0.memberID = member.memberID
                    $0.rackID = member.rackID
                    $0.memberEpoch = member.memberEpoch
                    $0.clientID = member.clientID
                    $0.clientHost = member.clientHost
                    $0.subscribedTopicNames = member.subscribedNames
                    $0.assignment.topicPartitions = member.assignment.map(named)
                }
            }
        }
    }

    private func named(
        _ partitions: TopicPartitions
    ) -> ShareGroupDescribeResponse.Group.Member.Assignment.TopicPartitions {
        let id = KafkaUUID(partitions.topic)
        return ShareGroupDescribeResponse.Group.Member.Assignment.TopicPartitions {
            $0.topicID = id
            $0.topicName = context.topic(id)?.name.description ?? ""
            $0.partitions = partitions.partitions
        }
    }
}

extension ShareGroupHeartbeatResponse {
    fileprivate init(_ outcome: Result<HeartbeatAnswer, GroupRefusal>) {
        self.init()
        switch outcome {
        case .failure(let refusal):
            errorCode = KafkaErrorCode(refusal.error)
            errorMessage = refusal.message
        case .success(let answer):
            memberID = answer.memberID
            memberEpoch = answer.memberEpoch
            heartbeatIntervalMs = Int32(clamping: answer.heartbeatInterval.milliseconds)
            assignment = answer.assignment.map { topics in
                Assignment { assignment in
                    assignment.topicPartitions = topics.map { topic in
                        Assignment.TopicPartitions {
                            $0.topicID = KafkaUUID(topic.topic)
                            $0.partitions = topic.partitions
                        }
                    }
                }
            }
        }
    }
}
