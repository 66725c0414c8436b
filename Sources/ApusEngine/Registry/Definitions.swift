// SPDX-License-Identifier: Apache-2.0

// What the registry knows: the definitions that people made. Values; what runs because of them is elsewhere.

import ApusModel
import ApusTransform
import ApusTransport
import HashTreeCollections

/// A topic by definition.
struct TopicDefinition: Sendable, Hashable {
    var name: ResourceName
    /// The family of its logs: one member per partition, and three for its own state.
    var id: LogID
    var created: Timestamp
    var settings: TopicSettings
    /// Whether dead letters were ever put here, so that a ledger of what became of them exists.
    var holdsDeadLetters = false

    func partitionLog(_ number: Int) -> LogID { id.member(number) }
    /// Where rules have come to in this topic.
    var routesLog: LogID { id.member(0xFF_FFFF) }
    /// Which dead letters are done with.
    var ledgerLog: LogID { id.member(0xFF_FFFE) }
    /// Which producers have appended what, once one of them numbers its batches.
    var producersLog: LogID { id.member(0xFF_FFFD) }
}

/// A subscription by definition.
struct SubscriptionDefinition: Sendable, Hashable {
    var name: ResourceName
    var id: LogID
    var created: Timestamp
    var settings: SubscriptionSettings
    /// The topic's identity: a topic made again under the same name is another one.
    var topicID: LogID
    /// Where it began, per partition: resolved when it was made, because `latest` means then.
    var startOffsets: [Offset]
    /// The rule whose target it serves.
    var rule: ResourceName?
    /// Where it ends, per partition; nil for nowhere. A partition that came later has nothing of it.
    var endOffsets: [Offset]?

    /// Where it ends in a partition; nil for nowhere.
    func end(ofPartition number: Int) -> Offset? {
        endOffsets.map { number < $0.count ? $0[number] : .zero }
    }
    /// What becomes of an event before that target gets it.
    var transformation: Transformation?
    /// When it was last used, where that decides how long it lasts; written down now and then.
    var used: Timestamp?

    var log: LogID { id.member(0) }

    /// Per partition, the offset before which there were events when it was made: a start that was asked for as an offset may be one that
    /// is still to come, and says nothing.
    var seenAtStart: [Offset] { if case .offset = settings.start { [] } else { startOffsets } }

    /// The same of its end: what comes after events that were lost is not what it was to end with.
    var seenAtEnd: [Offset] { if case .offset = settings.end { [] } else { endOffsets ?? [] } }

    /// The dead-letter topic in force.
    var deadLetter: ResourceName {
        // A topic name leaves room for the suffix because registration checks it.
        settings.deadLetter ?? settings.topic.deadLetter ?? settings.topic
    }
}

/// A rule by definition.
struct RuleDefinition: Sendable, Hashable {
    var name: ResourceName
    var id: LogID
    var created: Timestamp
    var settings: RuleSettings
    /// The first offset, per partition, that the rule looks at.
    var startOffsets: [Offset]
    /// When it was last changed; nil when it is as it was made, or was changed before that was written down.
    var changed: Timestamp?

    /// The topics it copies to.
    var targetTopics: [ResourceName] {
        settings.targets.compactMap(\.topic)
    }

    /// The topics that events get into because of it: its dead letters' too.
    var fedTopics: [ResourceName] {
        targetTopics + (canFail ? [settings.topic.deadLetter].compactMap(\.self) : [])
    }

    /// Whether an event can fail on its way to a target, and so become a dead letter of the rule.
    var canFail: Bool { settings.targets.contains { $0.topic != nil && $0.transformation != nil } }

    /// The name of the subscription behind its nth target.
    func subscriptionName(target index: Int) -> ResourceName? {
        let isBus = settings.targets[index].push?.connection != nil
        return try? ResourceName("\(name).\(isBus ? "bus" : "webhook")-\(index + 1)")
    }

    /// The names that the subscriptions behind its first targets have or have had.
    func subscriptionNames(targets count: Int) -> [ResourceName] {
        (1...count).flatMap { number in
            ["webhook", "bus"].compactMap { try? ResourceName("\(name).\($0)-\(number)") }
        }
    }
}

/// What clients configured a group of theirs with, by names of their protocol.
struct GroupDefinition: Sendable, Hashable {
    var name: ResourceName
    var configs: [String: String]
}

extension ResourceName {
    /// The dead-letter topic of a topic, unless somebody names another one; nil when the name would be too long.
    var deadLetter: ResourceName? { try? ResourceName("\(self)\(Defaults.deadLetterSuffix)") }
}

/// One change of the registry; each holds the whole definition, so that the last one wins.
enum RegistryChange: Sendable, Hashable {
    case topic(TopicDefinition)
    case topicDeleted(ResourceName)
    case subscription(SubscriptionDefinition)
    case subscriptionDeleted(ResourceName)
    case rule(RuleDefinition)
    case ruleDeleted(ResourceName)
    case schedule(ScheduleDefinition)
    case scheduleDeleted(ResourceName)
    case group(GroupDefinition)
    case groupDeleted(ResourceName)
    case connection(StoredConnection)
    case connectionDeleted(ResourceName)
    case feed(StoredFeed)
    case feedDeleted(ResourceName)
}

/// Everything that is defined: the fold of all changes.
struct Definitions: Sendable {
    private(set) var topics = NamedDefinitions<TopicDefinition>()
    /// The names of topics by identity, which is how logs name them.
    private var topicNames: TreeDictionary<LogID, ResourceName> = [:]
    var subscriptions = NamedDefinitions<SubscriptionDefinition>()
    private(set) var rules = NamedDefinitions<RuleDefinition>()
    /// From each topic to those that rules copy its events to, with how many rules do.
    private var edges: [ResourceName: [ResourceName: Int]] = [:]
    var schedules = NamedDefinitions<ScheduleDefinition>()
    /// Groups of clients that somebody configured.
    var groups = NamedDefinitions<GroupDefinition>()

    /// Connections to outside brokers.
    var connections = NamedDefinitions<StoredConnection>()
    /// What brings events in from them.
    var feeds = NamedDefinitions<StoredFeed>()
    /// From each topic to the outside topics that its events are delivered to, with how many subscriptions do.
    private var outward: [ResourceName: [OutsidePlace: Int]] = [:]

    /// The name of the topic of this identity; nil when there is none any more.
    func topicName(_ id: LogID) -> ResourceName? { topicNames[id] }

    mutating func apply(_ change: RegistryChange) {
        switch change {
        case .topic(let topic):
            if let old = topics.updateValue(topic, forKey: topic.name), old.id != topic.id {
                topicNames[old.id] = nil
            }
            topicNames[topic.id] = topic.name
        case .topicDeleted(let name):
            if let old = topics.removeValue(forKey: name) { topicNames[old.id] = nil }
        case .subscription(let subscription):
            if let old = subscriptions.updateValue(subscription, forKey: subscription.name) {
                count(old.settings, by: -1)
            }
            count(subscription.settings, by: 1)
        case .subscriptionDeleted(let name):
            if let old = subscriptions.removeValue(forKey: name) { count(old.settings, by: -1) }
        case .rule(let rule):
            if let old = rules.updateValue(rule, forKey: rule.name) { count(old, by: -1) }
            count(rule, by: 1)
        case .ruleDeleted(let name):
            if let old = rules.removeValue(forKey: name) { count(old, by: -1) }
        case .schedule(let schedule): schedules[schedule.name] = schedule
        case .scheduleDeleted(let name): schedules[name] = nil
        case .group(let group): groups[group.name] = group
        case .groupDeleted(let name): groups[name] = nil
        case .connection(let connection): connections[connection.name] = connection
        case .connectionDeleted(let name): connections[name] = nil
        case .feed(let feed): feeds[feed.name] = feed
        case .feedDeleted(let name): feeds[name] = nil
        }
    }

    private mutating func count(_ subscription: SubscriptionSettings, by change: Int) {
        guard let place = subscription.push?.outsidePlace else { return }
        let count = (outward[subscription.topic]?[place] ?? 0) + change
        outward[subscription.topic, default: [:]][place] = count == 0 ? nil : count
        if outward[subscription.topic]?.isEmpty == true { outward[subscription.topic] = nil }
    }

    private mutating func count(_ rule: RuleDefinition, by change: Int) {
        for target in rule.fedTopics {
            let count = edges[rule.settings.topic]?[target] ?? 0
            edges[rule.settings.topic, default: [:]][target] = count + change == 0 ? nil : count + change
        }
        if edges[rule.settings.topic]?.isEmpty == true { edges[rule.settings.topic] = nil }
    }

    /// The way along which `rule` would feed its own topic, over however many rules; nil when there is none.
    func cycle(adding rule: RuleDefinition) -> [ResourceName]? {
        let places = rule.settings.targets.compactMap { $0.push?.outsidePlace }
        return way(from: rule.settings.topic, over: rule.fedTopics + topicsFed(from: places)) {
            $0 == rule.settings.topic
        }
    }

    /// The way along which a subscription would feed its own topic by way of an outside broker; nil when there is none.
    func cycle(adding subscription: SubscriptionSettings) -> [ResourceName]? {
        guard let place = subscription.push?.outsidePlace else { return nil }
        return way(from: subscription.topic, over: topicsFed(from: [place])) { $0 == subscription.topic }
    }

    /// The way along which events that a feed brings in would go out to where it takes them from; nil when there is none.
    func cycle(adding feed: FeedSettings) -> [ResourceName]? {
        guard let place = feed.outsidePlace else { return nil }
        return way(from: nil, over: [feed.into]) { outward[$0]?[place] != nil }
    }

    /// The topics that feeds bring events into from these places.
    private func topicsFed(from places: some Collection<OutsidePlace>) -> [ResourceName] {
        guard !places.isEmpty, feeds.count > 0 else { return [] }
        return feeds.values.filter { feed in feed.settings.outsidePlace.map(places.contains) ?? false }
            .map(\.settings.into)
    }

    private func way(
        from start: ResourceName?, over next: [ResourceName], to isGoal: (ResourceName) -> Bool
    ) -> [ResourceName]? {
        // The edges of what is being changed, as it is so far, may be among them; but they begin where the way ends.
        var trail = next.sorted().map { [start].compactMap(\.self) + [$0] }
        var seen: Set<ResourceName> = []
        while let path = trail.popLast() {
            guard let last = path.last else { continue }
            if isGoal(last) { return path }
            guard seen.insert(last).inserted else { continue }
            let nexts = Set((edges[last] ?? [:]).keys).union(topicsFed(from: (outward[last] ?? [:]).keys))
            for next in nexts.sorted() { trail.append(path + [next]) }
        }
        return nil
    }
}
