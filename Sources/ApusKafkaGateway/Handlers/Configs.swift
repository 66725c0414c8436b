// SPDX-License-Identifier: Apache-2.0

// DescribeConfigs, AlterConfigs, IncrementalAlterConfigs. Configs of the broker can be seen and not changed: they are flags of the server.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel

/// What can have configs.
private enum ConfigResource {
    static let topic: Int8 = 2
    static let broker: Int8 = 4
    static let group: Int8 = 32
}

extension KafkaCall {
    // MARK: DescribeConfigs

    func describeConfigs(_ request: DescribeConfigsRequest) {
        answer(
            .describeConfigs(
                DescribeConfigsResponse { response in
                    response.results = request.resources.map { describe($0, request) }
                }))
    }

    private func describe(
        _ resource: DescribeConfigsRequest.Resource, _ request: DescribeConfigsRequest
    ) -> DescribeConfigsResponse.Result {
        DescribeConfigsResponse.Result { result in
            result.resourceType = resource.resourceType
            result.resourceName = resource.resourceName
            let isWanted = { (name: String) in resource.configurationKeys?.contains(name) ?? true }
            switch resource.resourceType {
            case ConfigResource.topic:
                guard let summary = context.topic(resource.resourceName) else {
                    result.errorCode = .unknownTopicOrPartition
                    result.errorMessage = "there is no topic '\(resource.resourceName.prefix(80))'"
                    return
                }
                let defaults = context.configuration.topicDefaults
                result.configs = TopicConfig.all.filter { isWanted($0.name) }.map { config in
                    DescribeConfigsResponse.Result.Config {
                        $0.name = config.name
                        $0.value = config.read(summary.settings)
                        $0.readOnly = config.write == nil
                        $0.configSource = config.source(summary.settings, defaults)
                        $0.configType = config.kind.rawValue
                        if request.includeDocumentation { $0.documentation = config.documentation }
                    }
                }
            case ConfigResource.broker:
                guard resource.resourceName.isEmpty || resource.resourceName == "\(KafkaContext.nodeID)"
                else {
                    result.errorCode = .invalidRequest
                    result.errorMessage = "there is one broker, \(KafkaContext.nodeID)"
                    return
                }
                result.configs = brokerConfigs.filter { isWanted($0.name) }.map { name, value in
                    DescribeConfigsResponse.Result.Config {
                        $0.name = name
                        $0.value = value
                        $0.readOnly = true
                        $0.configSource = 4
                        $0.configType = TopicConfig.Kind.text.rawValue
                    }
                }
            case ConfigResource.group:
                result.configs = context.shares.describeConfigs(
                    resource.resourceName, documented: request.includeDocumentation, where: isWanted)
            default:
                result.errorCode = .invalidRequest
                result.errorMessage = "only topics, groups and the broker have configs here"
            }
        }
    }

    /// What tools ask brokers for.
    private var brokerConfigs: [(name: String, value: String)] {
        let configuration = context.configuration
        let defaults = configuration.topicDefaults
        return [
            ("auto.create.topics.enable", "\(configuration.createsTopics)"),
            ("compression.type", "producer"),
            ("default.replication.factor", "1"),
            ("log.retention.bytes", defaults.retentionBytes.map(String.init) ?? "-1"),
            ("log.retention.ms", defaults.retentionAge.map { "\($0.milliseconds)" } ?? "-1"),
            ("log.roll.ms", "\(defaults.segmentAge.milliseconds)"),
            ("log.segment.bytes", "\(defaults.segmentBytes)"),
            ("message.max.bytes", "\(defaults.batchBytesMax)"),
            ("min.insync.replicas", "1"),
            ("num.partitions", "\(defaults.partitions)"),
            ("offsets.retention.minutes", "\(Defaults.offsetsRetention.milliseconds / 60_000)"),
            ("socket.request.max.bytes", "\(configuration.requestBytesMax)"),
        ]
    }

    // MARK: AlterConfigs

    func alterConfigs(_ request: AlterConfigsRequest) {
        answerLater { call in
            var response = AlterConfigsResponse()
            for resource in request.resources {
                var result = AlterConfigsResponse.Result {
                    $0.resourceType = resource.resourceType
                    $0.resourceName = resource.resourceName
                }
                do throws(TopicRefusal) {
                    if resource.resourceType == ConfigResource.group {
                        try await call.context.shares.alterConfigs(
                            resource.resourceName, resource.configs.map { ($0.name, $0.value) },
                            isWhole: true, validateOnly: request.validateOnly)
                        response.responses.append(result)
                        continue
                    }
                    try await call.alter(
                        resource.resourceType, resource.resourceName, validateOnly: request.validateOnly
                    ) { settings, defaults throws(TopicConfig.Refusal) in
                        // Whatever is not named gets its default.
                        let partitions = settings.partitions
                        var new = defaults
                        new.partitions = partitions
                        new.ttl = settings.ttl
                        new.deduplication = settings.deduplication
                        // Events go on being judged unless somebody speaks of it: who sets how long they are kept with an old tool does not mean that.
                        if !TopicConfig.concernSchemas(resource.configs.map(\.name)) {
                            new.schema = settings.schema
                        }
                        settings = new
                        try TopicConfig.apply(
                            resource.configs.map { ($0.name, $0.value) }, to: &settings, defaults: defaults)
                    }
                } catch {
                    result.errorCode = error.code
                    result.errorMessage = error.message
                }
                response.responses.append(result)
            }
            return .alterConfigs(response)
        }
    }

    func incrementalAlterConfigs(_ request: IncrementalAlterConfigsRequest) {
        answerLater { call in
            var response = IncrementalAlterConfigsResponse()
            for resource in request.resources {
                var result = IncrementalAlterConfigsResponse.Result {
                    $0.resourceType = resource.resourceType
                    $0.resourceName = resource.resourceName
                }
                do throws(TopicRefusal) {
                    if resource.resourceType == ConfigResource.group {
                        try await call.alter(resource, validateOnly: request.validateOnly)
                        response.responses.append(result)
                        continue
                    }
                    try await call.alter(
                        resource.resourceType, resource.resourceName, validateOnly: request.validateOnly
                    ) { settings, defaults throws(TopicConfig.Refusal) in
                        for change in resource.configs { try Self.apply(change, to: &settings, defaults) }
                    }
                } catch {
                    result.errorCode = error.code
                    result.errorMessage = error.message
                }
                response.responses.append(result)
            }
            return .incrementalAlterConfigs(response)
        }
    }

    /// Changes configs of a group, none of which is a list.
    private func alter(
        _ resource: IncrementalAlterConfigsRequest.Resource, validateOnly: Bool
    ) async throws(TopicRefusal) {
        for change in resource.configs where !(0...1).contains(change.configOperation) {
            throw TopicRefusal(
                .invalidConfig, "\(change.name.prefix(80)) is no list that could be added to or taken from")
        }
        try await context.shares.alterConfigs(
            resource.resourceName,
            resource.configs.map { ($0.name, $0.configOperation == 0 ? $0.value : nil) }, isWhole: false,
            validateOnly: validateOnly)
    }

    private static func apply(
        _ change: IncrementalAlterConfigsRequest.Resource.Config, to settings: inout TopicSettings,
        _ defaults: TopicSettings
    ) throws(TopicConfig.Refusal) {
        guard let config = TopicConfig.named(change.name) else {
            throw TopicConfig.Refusal(reason: "there is no topic config '\(change.name.prefix(80))'")
        }
        switch change.configOperation {
        case 0: try config.set(change.value, in: &settings, defaults: defaults)
        case 1: try config.set(nil, in: &settings, defaults: defaults)
        case 2, 3:
            guard config.kind == .list else {
                throw TopicConfig.Refusal(
                    reason: "\(config.name) is no list that could be added to or taken from")
            }
            var elements = config.read(settings).split(separator: ",").map(String.init)
            let change = (change.value ?? "", isAdded: change.configOperation == 2)
            for element in change.0.split(separator: ",").map(String.init) {
                elements.removeAll { $0 == element }
                if change.isAdded { elements.append(element) }
            }
            try config.set(elements.joined(separator: ","), in: &settings, defaults: defaults)
        default: throw TopicConfig.Refusal(reason: "\(change.configOperation) is no operation on configs")
        }
    }

    private func alter(
        _ type: Int8, _ name: String, validateOnly: Bool,
        _ change: (inout TopicSettings, TopicSettings) throws(TopicConfig.Refusal) -> Void
    ) async throws(TopicRefusal) {
        guard type == ConfigResource.topic else {
            throw TopicRefusal(
                .invalidRequest,
                "configs of the broker are flags of 'apus serve'; only those of topics can be changed")
        }
        guard let summary = context.topic(name) else {
            throw TopicRefusal(.unknownTopicOrPartition, "there is no topic '\(name.prefix(80))'")
        }
        var settings = summary.settings
        do throws(TopicConfig.Refusal) {
            try change(&settings, context.configuration.topicDefaults)
        } catch {
            throw TopicRefusal(.invalidConfig, error.reason)
        }
        guard !validateOnly, settings != summary.settings else { return }
        do throws(BrokerError) {
            _ = try await context.broker.alterTopic(
                summary.name, TopicChanges(from: summary.settings, to: settings))
        } catch {
            if case .invalid(let reason) = error { throw TopicRefusal(.invalidConfig, reason) }
            throw TopicRefusal(error)
        }
    }
}
