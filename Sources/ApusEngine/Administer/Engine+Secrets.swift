// SPDX-License-Identifier: Apache-2.0

// What webhooks are signed with, changed one secret at a time: receivers accept the old one until they know the new one. Decided where all
// definitions are, so that two operators cannot lose each other's secret.

public import ApusModel
public import ApusTransport

extension Engine {
    public func changeSecrets(
        _ name: ResourceName, _ change: SecretChange
    ) async throws(BrokerError) -> [WebhookSecret] {
        try await self.change { [self] () throws(BrokerError) -> Decision<[WebhookSecret]> in
            guard let definition = definitions.subscriptions[name] else { throw .unknownSubscription(name) }
            guard var push = definition.settings.push, push.connection == nil else {
                throw .conflict("subscription '\(name)' does not push to a webhook: there is nothing to sign")
            }
            push.secrets = push.secrets.applying(change)
            if let rule = definition.rule {
                return try decideRule(rule, subscription: name, push).telling(push.secrets)
            }
            var changes = SubscriptionChanges()
            changes.push = push
            return try decideAlteration(of: name, changes).telling(push.secrets)
        }
    }

    /// The rule with other settings for one of its webhooks.
    private func decideRule(
        _ name: ResourceName, subscription: ResourceName, _ push: PushSettings
    ) throws(BrokerError) -> Decision<Bool> {
        guard let definition = definitions.rules[name] else { throw .unknownRule(name) }
        var settings = definition.settings
        for index in settings.targets.indices
        where definition.subscriptionName(target: index) == subscription {
            settings.targets[index].destination = .webhook(push)
        }
        return try decideRule(name, settings)
    }
}

extension [WebhookSecret] {
    fileprivate func applying(_ change: SecretChange) -> [WebhookSecret] {
        switch change {
        case .add(let secret): Array(([secret] + filter { $0 != secret }).prefix(PushSettings.secretsMax))
        case .keepNewest: Array(prefix(1))
        }
    }
}
