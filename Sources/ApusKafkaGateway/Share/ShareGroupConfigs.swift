// SPDX-License-Identifier: Apache-2.0

// Configs of groups, described and changed. They are the broker's to keep, and hold for groups that do not exist yet; subscriptions that a group
// has already follow them.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel

extension ShareService {
    /// The configs of a group as DescribeConfigs tells them.
    func describeConfigs(
        _ group: String, documented: Bool, where isWanted: (String) -> Bool
    ) -> [DescribeConfigsResponse.Result.Config] {
        let configs = configs(group)
        return ShareGroupConfig.all.filter { isWanted($0.name) }.map { config in
            DescribeConfigsResponse.Result.Config {
                $0.name = config.name
                $0.value = configs[config.name] ?? config.standard
                $0.readOnly = config.check == nil
                // 8: set for this group; 5: what holds without.
                $0.configSource = configs[config.name] == nil ? 5 : 8
                $0.configType = config.kind.rawValue
                if documented { $0.documentation = config.documentation }
            }
        }
    }

    /// Changes configs of a group.
    ///
    /// - Parameter isWhole: whether configs that are not named get their defaults.
    func alterConfigs(
        _ group: String, _ changes: [(name: String, value: String?)], isWhole: Bool, validateOnly: Bool
    ) async throws(TopicRefusal) {
        let before = configs(group)
        var after = isWhole ? [:] : before
        do throws(TopicConfig.Refusal) {
            for (name, value) in changes {
                guard let config = ShareGroupConfig.named(name) else {
                    throw TopicConfig.Refusal(reason: "there is no group config '\(name.prefix(80))'")
                }
                if let value { try config.validate(value) }
                after[name] = config.check == nil ? nil : value
            }
        } catch { throw TopicRefusal(.invalidConfig, error.reason) }
        guard !group.isEmpty, let name = try? ResourceName(ShareGroupName.escaped(group)) else {
            throw TopicRefusal(.invalidRequest, "the group's name is empty or too long")
        }
        guard !validateOnly, after != before else { return }
        do throws(BrokerError) {
            try await store(after, name: name, of: group)
        } catch { throw TopicRefusal(error) }
    }

    private func store(
        _ configs: [String: String], name: ResourceName, of group: String
    ) async throws(BrokerError) {
        try await broker.configureGroup(name, configs)
        let settings = ShareGroupSettings(configs)
        for subscription in subscriptions(of: group) {
            let partitions = broker.topicSummary(subscription.settings.topic)?.partitions ?? 1
            _ = try await broker.alterSubscription(
                subscription.name, settings.changes(partitions: partitions))
        }
    }
}
