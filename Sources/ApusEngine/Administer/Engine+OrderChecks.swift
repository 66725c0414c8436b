// SPDX-License-Identifier: Apache-2.0

// What can be asked for of order, fairness and priorities.

import ApusModel

extension Engine {
    /// Refuses settings of order, fairness and priority that cannot work.
    func checkOrder(_ settings: SubscriptionSettings) throws(BrokerError) {
        if settings.ordering == nil, settings.fairness == nil, settings.priority == nil { return }
        guard settings.kind == .shared else {
            throw .invalid(
                "ordering, fairness and priority are for shared subscriptions: a cursor reads in the order of the log"
            )
        }
        try check(settings.ordering?.by, "ordering.by")
        try check(settings.fairness?.by, "fairness.by")
        if let name = settings.priority, !EventKey.isAttributeName(name) {
            throw .invalid("priority is the name of an attribute (a-z and 0-9), not '\(name.prefix(80))'")
        }
        let weights = settings.fairness?.weights ?? [:]
        guard weights.count <= 1000 else {
            throw .invalid("fairness.weights has at most 1000 members, not \(weights.count)")
        }
        for (key, weight) in weights where !(1...1000).contains(weight) {
            throw .invalid("fairness.weights: the weight of '\(key.prefix(80))' is 1 to 1000, not \(weight)")
        }
        if let key = weights.keys.first(where: { $0.utf8.count > 1024 }) {
            throw .invalid("fairness.weights: '\(key.prefix(80))…' has more than 1024 bytes")
        }
    }

    private func check(_ key: EventKey?, _ member: String) throws(BrokerError) {
        guard case .attribute(let name)? = key, !EventKey.isAttributeName(name) else { return }
        throw .invalid("\(member): '\(name.prefix(80))' is not the name of an attribute (a-z and 0-9)")
    }
}
