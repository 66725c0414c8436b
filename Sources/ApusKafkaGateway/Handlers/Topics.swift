// SPDX-License-Identifier: Apache-2.0

// CreateTopics, DeleteTopics, CreatePartitions, DeleteRecords.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel

/// Why something about a topic was not done.
struct TopicRefusal: Error {
    var code: KafkaErrorCode
    var message: String?

    init(_ code: KafkaErrorCode, _ message: String?) {
        self.code = code
        self.message = message
    }

    init(_ error: BrokerError) { self.init(KafkaErrorCode(error), "\(error)") }
}

extension KafkaCall {
    // MARK: CreateTopics

    func createTopics(_ request: CreateTopicsRequest) {
        let names = request.topics.map(\.name)
        let repeated = Set(names.filter { name in names.count { $0 == name } > 1 })
        answerLater { call in
            var results: [CreateTopicsResponse.Topic] = []
            for topic in request.topics where !repeated.contains(topic.name) {
                results.append(await call.create(topic, validateOnly: request.validateOnly))
            }
            results += repeated.sorted().map { name in
                CreateTopicsResponse.Topic {
                    $0.name = name
                    $0.errorCode = .invalidRequest
                    $0.errorMessage = "the topic is named more than once in one request"
                }
            }
            return .createTopics(CreateTopicsResponse { $0.topics = results })
        }
    }

    private func create(
        _ topic: CreateTopicsRequest.Topic, validateOnly: Bool
    ) async -> CreateTopicsResponse.Topic {
        do throws(TopicRefusal) {
            let (name, settings) = try check(topic)
            let id = validateOnly ? KafkaUUID.zero : try await make(name, settings)
            return CreateTopicsResponse.Topic { result in
                result.name = topic.name
                result.topicID = id
                result.numPartitions = Int32(settings.partitions)
                result.replicationFactor = 1
                result.configs = TopicConfig.all.map { config in
                    CreateTopicsResponse.Topic.Config {
                        $0.name = config.name
                        $0.value = config.read(settings)
                        $0.readOnly = config.write == nil
                        $0.configSource = config.source(settings, context.configuration.topicDefaults)
                    }
                }
            }
        } catch {
            return CreateTopicsResponse.Topic {
                $0.name = topic.name
                $0.errorCode = error.code
                $0.errorMessage = error.message
            }
        }
    }

    private func make(_ name: ResourceName, _ settings: TopicSettings) async throws(TopicRefusal) -> KafkaUUID
    {
        do throws(BrokerError) {
            return try await context.broker.createTopic(name, settings).summary.uuid
        } catch {
            if case .conflict = error { throw TopicRefusal(.topicAlreadyExists, "\(error)") }
            if case .invalid(let reason) = error { throw TopicRefusal(.invalidConfig, reason) }
            throw TopicRefusal(error)
        }
    }

    /// What a topic is to be.
    private func check(
        _ topic: CreateTopicsRequest.Topic
    ) throws(TopicRefusal) -> (ResourceName, TopicSettings) {
        let name: ResourceName
        do throws(NameError) { name = try ResourceName(topic.name) } catch {
            throw TopicRefusal(.invalidTopicException, error.description)
        }
        guard context.broker.topicSummary(name) == nil else {
            throw TopicRefusal(.topicAlreadyExists, "topic '\(name)' exists already")
        }
        let defaults = context.configuration.topicDefaults
        var settings = defaults
        if topic.assignments.isEmpty {
            guard topic.replicationFactor == -1 || topic.replicationFactor == 1 else {
                throw TopicRefusal(
                    .invalidReplicationFactor,
                    "there is one broker, so that the replication factor is 1, not \(topic.replicationFactor)"
                )
            }
            if topic.numPartitions != -1 { settings.partitions = Int(topic.numPartitions) }
        } else {
            let numbers = topic.assignments.map(\.partitionIndex).sorted()
            guard numbers == Array(0..<Int32(numbers.count)),
                topic.assignments.allSatisfy({ $0.brokerIDs == [KafkaContext.nodeID] })
            else {
                throw TopicRefusal(
                    .invalidReplicaAssignment,
                    "partitions are numbered from 0, each on broker \(KafkaContext.nodeID) alone")
            }
            settings.partitions = numbers.count
        }
        guard (1...10_000).contains(settings.partitions) else {
            throw TopicRefusal(
                .invalidPartitions, "a topic has 1 to 10,000 partitions, not \(settings.partitions)")
        }
        do throws(TopicConfig.Refusal) {
            try TopicConfig.apply(
                topic.configs.map { ($0.name, $0.value) }, to: &settings, defaults: defaults)
        } catch {
            throw TopicRefusal(.invalidConfig, error.reason)
        }
        return (name, settings)
    }

    // MARK: DeleteTopics

    func deleteTopics(_ request: DeleteTopicsRequest) {
        let wanted =
            version >= 6
            ? request.topics.map { (name: $0.name, id: $0.topicID) }
            : request.topicNames.map { (name: Optional($0), id: KafkaUUID.zero) }
        answerLater { call in
            var results: [DeleteTopicsResponse.Result] = []
            for (name, id) in wanted { results.append(await call.delete(name, id)) }
            return .deleteTopics(DeleteTopicsResponse { $0.responses = results })
        }
    }

    private func delete(_ text: String?, _ id: KafkaUUID) async -> DeleteTopicsResponse.Result {
        let summary = text.map { context.topic($0) } ?? context.topic(id)
        var result = DeleteTopicsResponse.Result {
            $0.name = text ?? summary?.name.description
            $0.topicID = summary?.uuid ?? id
        }
        guard let summary else {
            result.errorCode = text == nil ? .unknownTopicID : .unknownTopicOrPartition
            return result
        }
        do throws(BrokerError) {
            try await context.broker.deleteTopic(summary.name, cascade: false)
        } catch {
            result.errorCode = KafkaErrorCode(error)
            // Somebody depends on it, which Kafka's topics do not know: a policy, to its clients.
            if case .conflict = error { result.errorCode = .policyViolation }
            result.errorMessage = "\(error)"
        }
        return result
    }

    // MARK: CreatePartitions

    func createPartitions(_ request: CreatePartitionsRequest) {
        answerLater { call in
            var results: [CreatePartitionsResponse.Result] = []
            for topic in request.topics {
                var result = CreatePartitionsResponse.Result { $0.name = topic.name }
                do throws(TopicRefusal) {
                    try await call.grow(topic, validateOnly: request.validateOnly)
                } catch {
                    result.errorCode = error.code
                    result.errorMessage = error.message
                }
                results.append(result)
            }
            return .createPartitions(CreatePartitionsResponse { $0.results = results })
        }
    }

    private func grow(
        _ topic: CreatePartitionsRequest.Topic, validateOnly: Bool
    ) async throws(TopicRefusal) {
        guard let summary = context.topic(topic.name) else {
            throw TopicRefusal(.unknownTopicOrPartition, "there is no topic '\(topic.name.prefix(80))'")
        }
        guard Int(topic.count) > summary.partitions, topic.count <= 10_000 else {
            throw TopicRefusal(
                .invalidPartitions,
                "topic '\(summary.name)' has \(summary.partitions) partitions; it can get more, 10,000 at most, and not \(topic.count)"
            )
        }
        if let assignments = topic.assignments {
            guard assignments.count == Int(topic.count) - summary.partitions,
                assignments.allSatisfy({ $0.brokerIDs == [KafkaContext.nodeID] })
            else {
                throw TopicRefusal(
                    .invalidReplicaAssignment, "each new partition is on broker \(KafkaContext.nodeID) alone")
            }
        }
        guard !validateOnly else { return }
        do throws(BrokerError) {
            var changes = TopicChanges()
            changes.partitions = Int(topic.count)
            _ = try await context.broker.alterTopic(summary.name, changes)
        } catch {
            if case .invalid(let reason) = error { throw TopicRefusal(.invalidPartitions, reason) }
            throw TopicRefusal(error)
        }
    }

    // MARK: DeleteRecords

    func deleteRecords(_ request: DeleteRecordsRequest) {
        answerLater { call in
            var response = DeleteRecordsResponse()
            for topic in request.topics {
                var partitions: [DeleteRecordsResponse.Topic.Partition] = []
                for partition in topic.partitions {
                    partitions.append(await call.deleteRecords(partition, of: topic.name))
                }
                response.topics.append(
                    DeleteRecordsResponse.Topic {
                        $0.name = topic.name
                        $0.partitions = partitions
                    })
            }
            return .deleteRecords(response)
        }
    }

    private func deleteRecords(
        _ partition: DeleteRecordsRequest.Topic.Partition, of text: String
    ) async -> DeleteRecordsResponse.Topic.Partition {
        var result = DeleteRecordsResponse.Topic.Partition {
            $0.partitionIndex = partition.partitionIndex
            $0.lowWatermark = -1
        }
        guard let name = try? ResourceName(text) else {
            result.errorCode = .invalidTopicException
            return result
        }
        do throws(BrokerError) {
            let number = Int(partition.partitionIndex)
            let bounds = try context.broker.bounds(name, partition: number)
            let offset = partition.offset == -1 ? bounds.end : Offset(partition.offset)
            guard partition.offset >= -1, offset <= bounds.end else {
                result.errorCode = .offsetOutOfRange
                return result
            }
            result.lowWatermark = try await context.broker.deleteRecords(
                name, partition: number, before: offset
            ).rawValue
        } catch {
            result.errorCode = KafkaErrorCode(error)
        }
        return result
    }
}

extension TopicConfig {
    /// Where a value comes from, as DescribeConfigs says it: 1 the topic itself, 5 the default.
    func source(_ settings: TopicSettings, _ defaults: TopicSettings) -> Int8 {
        read(settings) == read(defaults) ? 5 : 1
    }
}
