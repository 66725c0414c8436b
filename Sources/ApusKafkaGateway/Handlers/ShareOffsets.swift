// SPDX-License-Identifier: Apache-2.0

// How far share groups have come: asked, changed and forgotten by administration tools. A share group's place in a topic is that of its
// subscription.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel
internal import NIOPosix

/// Why something was not done to a share group.
private struct ShareRefusal: Error {
    var code: KafkaErrorCode
    var message: String

    init(_ code: KafkaErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: BrokerError) {
        switch error {
        case .unknownSubscription: self.init(.unknownTopicOrPartition, "the group has not read the topic")
        default: self.init(KafkaErrorCode(error), "\(error)")
        }
    }
}

extension KafkaCall {
    /// Whether there is a share group of this name, with members or without.
    private func isShareGroup(_ id: String) -> Bool {
        context.groups.look { $0.describeShare(id) } != nil || !context.shares.subscriptions(of: id).isEmpty
    }

    /// Refuses to change what members of the group read by.
    private func requireEmptyShareGroup(_ id: String) throws(ShareRefusal) {
        guard isShareGroup(id) else {
            throw ShareRefusal(.groupIDNotFound, "there is no share group '\(id.prefix(80))'")
        }
        guard context.groups.look({ $0.describeShare(id)?.members.isEmpty ?? true }) else {
            throw ShareRefusal(.nonEmptyGroup, "share group '\(id.prefix(80))' has members")
        }
    }

    // MARK: DescribeShareGroupOffsets

    func describeShareGroupOffsets(_ request: DescribeShareGroupOffsetsRequest) {
        // Descriptions look into logs: not on an event loop.
        context.readers.submit { [self] state in
            guard case .active = state else { return responder.send(.close) }
            answer(
                .describeShareGroupOffsets(
                    DescribeShareGroupOffsetsResponse { $0.groups = request.groups.map(describe) }))
        }
    }

    private func describe(
        _ wanted: DescribeShareGroupOffsetsRequest.Group
    ) -> DescribeShareGroupOffsetsResponse.Group {
        DescribeShareGroupOffsetsResponse.Group { group in
            group.groupID = wanted.groupID
            guard isShareGroup(wanted.groupID) else {
                group.errorCode = .groupIDNotFound
                group.errorMessage = "there is no share group '\(wanted.groupID.prefix(80))'"
                return
            }
            guard let topics = wanted.topics else {
                let names = context.shares.subscriptions(of: wanted.groupID).map(\.settings.topic.description)
                group.topics = names.map { describe($0, nil, of: wanted.groupID) }
                return
            }
            group.topics = topics.map { describe($0.topicName, $0.partitions, of: wanted.groupID) }
        }
    }

    /// - Parameter partitions: nil for all.
    private func describe(
        _ name: String, _ partitions: [Int32]?, of group: String
    ) -> DescribeShareGroupOffsetsResponse.Group.Topic {
        typealias Partition = DescribeShareGroupOffsetsResponse.Group.Topic.Partition
        return DescribeShareGroupOffsetsResponse.Group.Topic { answer in
            answer.topicName = name
            guard let topic = context.topic(name) else {
                answer.partitions = (partitions ?? []).map { number in
                    Partition {
                        $0.partitionIndex = number
                        $0.errorCode = .unknownTopicOrPartition
                    }
                }
                return
            }
            answer.topicID = topic.uuid
            let positions = context.shares.subscription(group, topic)
                .flatMap { try? context.broker.subscription($0.name) }?.positions
            answer.partitions = (partitions ?? (0..<Int32(clamping: topic.partitions)).map { $0 }).map {
                number in
                Partition {
                    $0.partitionIndex = number
                    guard (0..<topic.partitions).contains(Int(number)) else {
                        $0.errorCode = .unknownTopicOrPartition
                        return
                    }
                    $0.leaderEpoch = KafkaContext.leaderEpoch
                    $0.startOffset =
                        positions?.first { $0.partition == Int(number) }?.cursor.rawValue ?? -1
                }
            }
        }
    }

    // MARK: AlterShareGroupOffsets

    func alterShareGroupOffsets(_ request: AlterShareGroupOffsetsRequest) {
        answerLater { call in
            var response = AlterShareGroupOffsetsResponse()
            do throws(ShareRefusal) {
                try call.requireEmptyShareGroup(request.groupID)
                for topic in request.topics {
                    response.responses.append(await call.alter(topic, of: request.groupID))
                }
            } catch {
                response.errorCode = error.code
                response.errorMessage = error.message
            }
            return .alterShareGroupOffsets(response)
        }
    }

    private func alter(
        _ wanted: AlterShareGroupOffsetsRequest.Topic, of group: String
    ) async -> AlterShareGroupOffsetsResponse.Topic {
        var refusal: ShareRefusal?
        let topic = context.topic(wanted.topicName)
        do throws(ShareRefusal) {
            guard let topic else {
                throw ShareRefusal(
                    .unknownTopicOrPartition, "there is no topic '\(wanted.topicName.prefix(80))'")
            }
            var offsets: [Int: Offset] = [:]
            for partition in wanted.partitions {
                guard (0..<topic.partitions).contains(Int(partition.partitionIndex)) else {
                    throw ShareRefusal(
                        .unknownTopicOrPartition,
                        "topic '\(topic.name)' has no partition \(partition.partitionIndex)")
                }
                offsets[Int(partition.partitionIndex)] = Offset(partition.startOffset)
            }
            do throws(BrokerError) {
                try await context.shares.subscribe(group, to: topic)
                guard let subscription = context.shares.subscription(group, topic) else {
                    throw BrokerError.unknownTopic(topic.name)
                }
                try await context.broker.reposition(subscription.name, to: offsets)
            } catch { throw ShareRefusal(error) }
        } catch { refusal = error }
        return AlterShareGroupOffsetsResponse.Topic { answer in
            answer.topicName = wanted.topicName
            if let topic { answer.topicID = topic.uuid }
            answer.partitions = wanted.partitions.map { partition in
                AlterShareGroupOffsetsResponse.Topic.Partition {
                    $0.partitionIndex = partition.partitionIndex
                    $0.errorCode = refusal?.code ?? .noError
                    $0.errorMessage = refusal?.message
                }
            }
        }
    }

    // MARK: DeleteShareGroupOffsets

    func deleteShareGroupOffsets(_ request: DeleteShareGroupOffsetsRequest) {
        answerLater { call in
            var response = DeleteShareGroupOffsetsResponse()
            do throws(ShareRefusal) {
                try call.requireEmptyShareGroup(request.groupID)
                for topic in request.topics {
                    response.responses.append(await call.delete(topic.topicName, of: request.groupID))
                }
            } catch {
                response.errorCode = error.code
                response.errorMessage = error.message
            }
            return .deleteShareGroupOffsets(response)
        }
    }

    private func delete(
        _ name: String, of group: String
    ) async -> DeleteShareGroupOffsetsResponse.Topic {
        var answer = DeleteShareGroupOffsetsResponse.Topic()
        answer.topicName = name
        do throws(ShareRefusal) {
            guard let topic = context.topic(name) else {
                throw ShareRefusal(.unknownTopicOrPartition, "there is no topic '\(name.prefix(80))'")
            }
            answer.topicID = topic.uuid
            guard let subscription = context.shares.subscription(group, topic) else {
                throw ShareRefusal(.unknownTopicOrPartition, "the group has not read topic '\(topic.name)'")
            }
            do throws(BrokerError) {
                try await context.broker.deleteSubscription(subscription.name)
            } catch { throw ShareRefusal(error) }
        } catch {
            answer.errorCode = error.code
            answer.errorMessage = error.message
        }
        return answer
    }
}
