// SPDX-License-Identifier: Apache-2.0

// Where it is tight, on the server as a whole: what the broker's looks have found, put in order.

internal import ApusEngine
internal import ApusModel
internal import ApusStorage
internal import JSONText

/// What subscriptions are put in order by; the worst first.
enum SubscriptionOrder: String, Sendable, Hashable, CaseIterable {
    case backlog, age, arrival, service, failed, utilisation, name

    /// Whether the first comes before the second.
    func puts(_ first: SubscriptionDescription, before second: SubscriptionDescription) -> Bool {
        switch self {
        case .backlog: (second.backlog, first.name) < (first.backlog, second.name)
        case .age:
            (first.oldestUnsettled ?? .never, first.name) < (second.oldestUnsettled ?? .never, second.name)
        case .arrival: greater(first, second) { $0.arrival.minute }
        case .service: greater(first, second) { $0.service.minute }
        case .failed: greater(first, second) { $0.failed.minute }
        case .utilisation: greater(first, second) { $0.utilisation ?? -1 }
        case .name: first.name < second.name
        }
    }

    private func greater(
        _ first: SubscriptionDescription, _ second: SubscriptionDescription,
        _ figure: (SubscriptionLoad) -> Double
    ) -> Bool {
        let (left, right) = (first.load.map(figure) ?? -1, second.load.map(figure) ?? -1)
        return (right, first.name) < (left, second.name)
    }
}

extension Timestamp {
    fileprivate static let never = Timestamp(milliseconds: .max)
}

/// Where it is tight.
struct Bottlenecks: Sendable {
    var load: BrokerLoad
    var store: StoreStatistics
    var subscriptions: [SubscriptionDescription]
    var targets: [SubscriptionDescription]

    /// Gathers it.
    ///
    /// - Parameters:
    ///   - search: a part of the names of the subscriptions that are wanted.
    ///   - limit: how many of them are.
    init(
        _ context: GatewayContext, by order: SubscriptionOrder, search: String?, limit: Int
    ) throws(Problem) {
        load = context.broker.load()
        store = context.broker.status().store
        var all: [SubscriptionDescription] = []
        var page = Page(limit: 1000, after: nil, search: search)
        while true {
            let some = try context.look { broker throws(BrokerError) in
                try broker.subscriptions(of: nil, page)
            }
            all += some
            guard some.count == page.limit, let last = some.last else { break }
            page.after = last.name.description
        }
        subscriptions = Array(all.sorted(by: order.puts).prefix(limit))
        targets = Array(
            all.filter { $0.push != nil && $0.load?.timeInFlight != nil }
                .sorted { $1.load?.timeInFlight ?? .zero < $0.load?.timeInFlight ?? .zero }.prefix(limit))
    }
}

extension JSONWriter {
    mutating func bottlenecks(_ found: Bottlenecks) {
        object { writer in
            writer.member("time", found.load.time.map(TimeText.text))
            writer.rate("published", found.load.published)
            writer.rate("delivered", found.load.delivered)
            writer.rate("acknowledged", found.load.acknowledged)
            writer.rate("failed", found.load.failed)
            writer.disk(found.load.disk, found.store)
            writer.member("subscriptions", list: found.subscriptions) { $0.loaded($1) }
            writer.member("targets", list: found.targets) { $0.target($1) }
            writer.member("partitions", list: found.load.partitions) { writer, one in
                writer.object { writer in
                    writer.member("topic", one.topic.description)
                    writer.member("partition", one.partition)
                    writer.rate("arrival", one.arrival)
                    writer.figure("share", one.share)
                }
            }
            writer.member("idle_rules", list: found.load.idleRules) { writer, rule in
                writer.object { writer in
                    writer.member("name", rule.name.description)
                    writer.member("topic", rule.topic.description)
                    writer.member("events", rule.events)
                }
            }
            writer.member("invalid_publishers", list: found.load.invalidPublishers) { writer, one in
                writer.object { writer in
                    writer.member("source", one.source)
                    writer.member("topic", one.topic.description)
                    writer.member("events", one.events)
                    writer.member("reason", one.reason)
                    writer.member("last", one.last)
                }
            }
        }
    }

    private mutating func disk(_ load: DiskLoad, _ store: StoreStatistics) {
        key("disk")
        object { writer in
            writer.member("level", store.space.rawValue)
            writer.key("free_bytes")
            if let free = store.freeBytes { writer.integer(free) } else { writer.null() }
            writer.key("total_bytes")
            if let total = store.totalBytes { writer.integer(total) } else { writer.null() }
            writer.member("alarm_below", store.alarmsBelow)
            writer.member("refuse_below", store.refusesBelow)
            writer.figure("growth", load.growth?.fiveMinutes)
            writer.member("full_in", load.fullIn.map(DurationText.format))
        }
    }

    private mutating func loaded(_ one: SubscriptionDescription) {
        object { writer in
            writer.member("name", one.name.description)
            writer.member("topic", one.settings.topic.description)
            writer.member("rule", one.rule?.description)
            writer.member("kind", one.settings.kind.rawValue)
            writer.member("push", one.push != nil)
            writer.member("state", SubscriptionState(one).rawValue)
            writer.member("backlog", one.backlog)
            writer.member("in_flight", one.inFlight)
            writer.member("waiting", one.waiting)
            writer.member("delivered", one.delivered)
            writer.member("oldest_unsettled", one.oldestUnsettled.map(TimeText.text))
            writer.load(one)
        }
    }

    private mutating func target(_ one: SubscriptionDescription) {
        let load = one.load ?? SubscriptionLoad()
        let attempts = load.failed.minute + load.acknowledged.minute
        object { writer in
            writer.member("subscription", one.name.description)
            writer.member("time_in_flight", load.timeInFlight ?? .zero)
            writer.figure("failing", attempts > 0.01 ? load.failed.minute / attempts : 0)
            writer.figure("utilisation", load.utilisation)
        }
    }
}
