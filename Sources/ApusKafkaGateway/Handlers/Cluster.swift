// SPDX-License-Identifier: Apache-2.0

// DescribeCluster, DescribeTopicPartitions, DescribeLogDirs: what administration tools ask.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel
internal import ApusNetwork
internal import ApusStorage

extension KafkaCall {
    func describeCluster(_ request: DescribeClusterRequest) {
        let address = context.advertised(to: session)
        answer(
            .describeCluster(
                DescribeClusterResponse { response in
                    response.endpointType = request.endpointType
                    response.clusterID = KafkaContext.clusterID
                    guard request.endpointType == 1 else {
                        response.errorCode =
                            request.endpointType == 2 ? .mismatchedEndpointType : .unsupportedEndpointType
                        response.errorMessage = "brokers are described here"
                        return
                    }
                    response.controllerID = KafkaContext.nodeID
                    response.brokers = [
                        DescribeClusterResponse.Broker {
                            $0.brokerID = KafkaContext.nodeID
                            $0.host = address.host
                            $0.port = Int32(address.port)
                        }
                    ]
                }))
    }

    func describeTopicPartitions(_ request: DescribeTopicPartitionsRequest) {
        var left = min(max(Int(request.responsePartitionLimit), 1), 2000)
        let names = request.topics.map(\.name).sorted()
        let first = request.cursor?.topicName ?? ""
        var response = DescribeTopicPartitionsResponse()
        for name in names where name >= first {
            guard let summary = context.topic(name) else {
                response.topics.append(
                    DescribeTopicPartitionsResponse.Topic {
                        $0.name = name
                        $0.errorCode = .unknownTopicOrPartition
                    })
                continue
            }
            let start =
                name == first ? min(max(Int(request.cursor?.partitionIndex ?? 0), 0), summary.partitions) : 0
            guard left > 0 else {
                response.nextCursor = Self.cursor(name, start)
                break
            }
            let end = min(summary.partitions, start + left)
            left -= end - start
            response.topics.append(Self.describe(summary, start..<end))
            if end < summary.partitions {
                response.nextCursor = Self.cursor(name, end)
                break
            }
        }
        answer(.describeTopicPartitions(response))
    }

    private static func cursor(_ name: String, _ partition: Int) -> DescribeTopicPartitionsResponse.Cursor {
        DescribeTopicPartitionsResponse.Cursor {
            $0.topicName = name
            $0.partitionIndex = Int32(partition)
        }
    }

    private static func describe(
        _ summary: TopicSummary, _ numbers: Range<Int>
    ) -> DescribeTopicPartitionsResponse.Topic {
        DescribeTopicPartitionsResponse.Topic { topic in
            topic.name = summary.name.description
            topic.topicID = summary.uuid
            topic.partitions = numbers.map { number in
                DescribeTopicPartitionsResponse.Topic.Partition {
                    $0.partitionIndex = Int32(number)
                    $0.leaderID = KafkaContext.nodeID
                    $0.leaderEpoch = KafkaContext.leaderEpoch
                    $0.replicaNodes = [KafkaContext.nodeID]
                    $0.isrNodes = [KafkaContext.nodeID]
                    // Nullable, and yet Kafka's Java client fails on null.
                    $0.eligibleLeaderReplicas = []
                    $0.lastKnownElr = []
                }
            }
        }
    }

    func describeLogDirs(_ request: DescribeLogDirsRequest) {
        let wanted = request.topics.map {
            Dictionary($0.map { ($0.topic, Set($0.partitions)) }) { $0.union($1) }
        }
        let names =
            wanted.map { $0.keys.compactMap { try? ResourceName($0) } }
            ?? context.broker.topicSummaries().map(\.name)
        let free = context.broker.status().store.freeBytes
        answerLater { call in
            .describeLogDirs(
                DescribeLogDirsResponse { response in
                    response.results = [
                        DescribeLogDirsResponse.Directory { directory in
                            directory.logDir = "data"
                            directory.usableBytes = free ?? -1
                            directory.topics = names.sorted().compactMap { name in
                                guard let topic = try? call.context.broker.topic(name) else { return nil }
                                return DescribeLogDirsResponse.Directory.Topic { answer in
                                    answer.name = name.description
                                    answer.partitions = topic.partitions.filter {
                                        wanted?[name.description]?.contains(Int32($0.number)) ?? true
                                    }.map { partition in
                                        DescribeLogDirsResponse.Directory.Topic.Partition {
                                            $0.partitionIndex = Int32(partition.number)
                                            $0.partitionSize = partition.bytes
                                        }
                                    }
                                }
                            }
                        }
                    ]
                })
        }
    }
}
