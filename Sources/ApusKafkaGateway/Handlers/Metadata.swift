// SPDX-License-Identifier: Apache-2.0

// Metadata, DescribeCluster, DescribeTopicPartitions, FindCoordinator: who is there. One broker leads everything and coordinates everything.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel
internal import ApusNetwork

extension KafkaCall {
    // MARK: Metadata

    func metadata(_ request: MetadataRequest) {
        // An empty list means all topics in the oldest version, and none later.
        guard let wanted = request.topics, version > 0 || !wanted.isEmpty else {
            return answer(.metadata(metadataResponse(context.broker.topicSummaries().map(describe))))
        }
        let mayCreate = context.configuration.createsTopics && request.allowAutoTopicCreation
        let isMissing = wanted.contains { $0.name.map { context.topic($0) == nil } ?? false }
        guard mayCreate, isMissing else {
            return answer(.metadata(metadataResponse(wanted.map(lookUp))))
        }
        answerLater { call in
            var topics: [MetadataResponse.Topic] = []
            for topic in wanted { topics.append(await call.lookUpOrCreate(topic)) }
            return .metadata(call.metadataResponse(topics))
        }
    }

    private func metadataResponse(_ topics: [MetadataResponse.Topic]) -> MetadataResponse {
        let address = context.advertised(to: session)
        return MetadataResponse { response in
            response.brokers = [
                MetadataResponse.Broker {
                    $0.nodeID = KafkaContext.nodeID
                    $0.host = address.host
                    $0.port = Int32(address.port)
                }
            ]
            response.clusterID = KafkaContext.clusterID
            response.controllerID = KafkaContext.nodeID
            response.topics = topics
        }
    }

    private func lookUpOrCreate(_ topic: MetadataRequest.Topic) async -> MetadataResponse.Topic {
        guard let text = topic.name, context.topic(text) == nil, let name = try? ResourceName(text) else {
            return lookUp(topic)
        }
        do throws(BrokerError) {
            return describe(
                try await context.broker.createTopic(name, context.configuration.topicDefaults).summary)
        } catch {
            // Somebody else may have been faster.
            if let summary = context.broker.topicSummary(name) { return describe(summary) }
            return MetadataResponse.Topic {
                $0.name = text
                $0.errorCode = KafkaErrorCode(error)
            }
        }
    }

    private func lookUp(_ topic: MetadataRequest.Topic) -> MetadataResponse.Topic {
        guard let text = topic.name else {
            guard let summary = context.topic(topic.topicID) else {
                return MetadataResponse.Topic {
                    $0.topicID = topic.topicID
                    $0.errorCode = .unknownTopicID
                }
            }
            return describe(summary)
        }
        guard let name = try? ResourceName(text) else {
            return MetadataResponse.Topic {
                $0.name = text
                $0.errorCode = .invalidTopicException
            }
        }
        guard let summary = context.broker.topicSummary(name) else {
            return MetadataResponse.Topic {
                $0.name = text
                $0.errorCode = .unknownTopicOrPartition
            }
        }
        return describe(summary)
    }

    private func describe(_ summary: TopicSummary) -> MetadataResponse.Topic {
        MetadataResponse.Topic { topic in
            topic.name = summary.name.description
            topic.topicID = summary.uuid
            topic.partitions = (0..<summary.partitions).map { number in
                MetadataResponse.Topic.Partition {
                    $0.partitionIndex = Int32(number)
                    $0.leaderID = KafkaContext.nodeID
                    $0.leaderEpoch = KafkaContext.leaderEpoch
                    $0.replicaNodes = [KafkaContext.nodeID]
                    $0.isrNodes = [KafkaContext.nodeID]
                }
            }
        }
    }

    // MARK: FindCoordinator

    func findCoordinator(_ request: FindCoordinatorRequest) {
        let address = context.advertised(to: session)
        let isKnown = (0...2).contains(request.keyType)
        answer(
            .findCoordinator(
                FindCoordinatorResponse { response in
                    guard version >= 4 else {
                        guard isKnown else {
                            response.errorCode = .invalidRequest
                            return
                        }
                        response.nodeID = KafkaContext.nodeID
                        response.host = address.host
                        response.port = Int32(address.port)
                        return
                    }
                    response.coordinators = request.coordinatorKeys.map { key in
                        FindCoordinatorResponse.Coordinator {
                            $0.key = key
                            guard isKnown else {
                                $0.errorCode = .invalidRequest
                                return
                            }
                            $0.nodeID = KafkaContext.nodeID
                            $0.host = address.host
                            $0.port = Int32(address.port)
                        }
                    }
                }))
    }
}
