// SPDX-License-Identifier: Apache-2.0

// The catalogue put together with what else is known: topics, subscriptions, rules, groups and schemas. Each is asked for once for as many types
// as are wanted; nothing of it is kept.

internal import ApusCatalog
internal import ApusEngine
internal import ApusModel
internal import ApusRules
internal import ApusSchemas
internal import ApusTransport

/// Answers what is known of types of events.
struct CatalogSurvey {
    let catalog: EventCatalog
    private let broker: any Broker
    private let registry: SchemaRegistry?
    private let groups: (any GroupObserver)?
    private let topics: [ResourceName: TopicSummary]
    private var subscriptions: [ResourceName: [SubscriptionDescription]] = [:]
    private var rules: [ResourceName: [RuleDescription]] = [:]
    private var readers: [ResourceName: [String]]?

    init(_ context: GatewayContext) throws(Problem) {
        broker = context.broker
        groups = context.configuration.groups
        catalog = try context.look { broker throws(BrokerError) in try broker.eventCatalog() }
        registry = try? context.broker.schemaRegistry()
        topics = Dictionary(
            broker.topicSummaries().map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// All types, in order.
    var types: [String] { catalog.types { isThere($0, $1) } }

    /// What is decided about a topic; nil when there is none.
    func topic(_ name: ResourceName) -> TopicSummary? { topics[name] }

    /// Topics made again under the same name are others, of which nothing was seen.
    private func isThere(_ name: ResourceName, _ seen: TopicSightings) -> Bool {
        topics[name]?.id.description == seen.topic
    }

    // MARK: One type

    /// What is known of a type without its consumers, which costs less; nil when it was neither declared nor seen.
    func summary(of type: String) -> EventTypeView? {
        var view = EventTypeView(type: type, declaration: catalog.declarations[type])
        for topic in view.declaration?.topics ?? [] {
            view.places.append(
                EventTypeView.Place(topic: topic, isDeclared: true, exists: topics[topic] != nil))
        }
        for (topic, seen) in catalog.sightings.sorted(by: { $0.key < $1.key }) where isThere(topic, seen) {
            guard let sighting = seen.types[type] else { continue }
            if let index = view.places.firstIndex(where: { $0.topic == topic }) {
                view.places[index].sighting = sighting
            } else {
                view.places.append(EventTypeView.Place(topic: topic, sighting: sighting))
            }
        }
        guard view.declaration != nil || !view.places.isEmpty else { return nil }
        view.schemas = schemas(of: view)
        return view
    }

    /// Everything that is known of a type; nil when it was neither declared nor seen.
    mutating func view(of type: String) throws(Problem) -> EventTypeView? {
        guard var view = summary(of: type) else { return nil }
        var next = 0
        // Rules lead to further topics; each is looked at once.
        while next < view.places.count {
            let topic = view.places[next].topic
            next += 1
            guard topics[topic] != nil else { continue }
            try addSubscriptions(of: topic, to: &view)
            try addRules(of: topic, to: &view)
            try addGroups(of: topic, to: &view)
        }
        view.schemas = schemas(of: view)
        return view
    }

    private mutating func addSubscriptions(
        of topic: ResourceName, to view: inout EventTypeView
    ) throws(Problem) {
        for subscription in try subscriptions(of: topic) {
            let settings = subscription.settings
            guard let share = share(of: settings.pattern, view.type) else { continue }
            var consumer = EventTypeView.Consumer(
                kind: settings.push == nil ? .subscription : .target, name: subscription.name.description,
                topic: topic, share: share)
            consumer.targets = settings.push.map { [$0.place] } ?? []
            consumer.rule = subscription.rule
            consumer.isIdle = settings.isPaused
            view.consumers.append(consumer)
        }
    }

    private mutating func addRules(of topic: ResourceName, to view: inout EventTypeView) throws(Problem) {
        for rule in try rules(of: topic) {
            guard let share = share(of: rule.settings.pattern, view.type) else { continue }
            var consumer = EventTypeView.Consumer(
                kind: .rule, name: rule.name.description, topic: topic, share: share)
            consumer.targets = rule.settings.targets.map { target in
                target.topic?.description ?? target.push?.place ?? ""
            }
            consumer.isIdle = !rule.settings.isEnabled
            view.consumers.append(consumer)
            guard rule.settings.isEnabled else { continue }
            // What a transformation makes of an event may be of another type.
            for target in rule.settings.targets where target.transformation == nil {
                guard let name = target.topic else { continue }
                if let index = view.places.firstIndex(where: { $0.topic == name }) {
                    view.places[index].rules.append(rule.name)
                } else {
                    view.places.append(
                        EventTypeView.Place(topic: name, exists: topics[name] != nil, rules: [rule.name]))
                }
            }
        }
    }

    private mutating func addGroups(of topic: ResourceName, to view: inout EventTypeView) throws(Problem) {
        for group in try readers(of: topic) {
            view.consumers.append(
                EventTypeView.Consumer(kind: .group, name: group, topic: topic, share: .all))
        }
    }

    private func share(of pattern: Pattern?, _ type: String) -> EventTypeView.Consumer.Share? {
        guard let pattern else { return .all }
        guard pattern.canMatch(type: type) else { return nil }
        return pattern.matchesAll(ofType: type) ? .all : .some
    }

    // MARK: Schemas

    private func schemas(of view: EventTypeView) -> [EventTypeView.SchemaUse] {
        guard let registry else { return [] }
        var uses: [EventTypeView.SchemaUse] = []
        func add(
            _ subject: SubjectName?, _ reason: EventTypeView.SchemaUse.Reason, _ topic: ResourceName? = nil
        ) {
            guard let subject, !uses.contains(where: { $0.subject == subject }) else { return }
            let versions = (try? registry.versions(of: subject)) ?? []
            // A subject that is only a topic's custom name is none as long as nothing is registered.
            guard reason == .declared || !versions.isEmpty else { return }
            uses.append(
                EventTypeView.SchemaUse(
                    subject: subject, reason: reason, topic: topic,
                    latest: try? registry.version(.latest, of: subject), versions: versions.map(\.version)))
        }
        add(view.declaration?.subject.flatMap { try? SubjectName($0) }, .declared)
        add(registry.subject(ofType: view.type), .eventType)
        for place in view.places {
            let named = topics[place.topic]?.settings.schema.subject
            add(named ?? (try? SubjectName("\(place.topic)-value")), .topic, place.topic)
        }
        return uses
    }

    // MARK: What is asked of the broker

    private mutating func subscriptions(
        of topic: ResourceName
    ) throws(Problem) -> [SubscriptionDescription] {
        if let known = subscriptions[topic] { return known }
        let found = try all { page throws(BrokerError) in
            try broker.subscriptions(of: topic, page)
        } name: {
            $0.name
        }
        subscriptions[topic] = found
        return found
    }

    private mutating func rules(of topic: ResourceName) throws(Problem) -> [RuleDescription] {
        if let known = rules[topic] { return known }
        let found = try all { page throws(BrokerError) in
            try broker.rules(of: topic, page)
        } name: {
            $0.name
        }
        rules[topic] = found
        return found
    }

    private func all<Element>(
        _ ask: (Page) throws(BrokerError) -> [Element], name: (Element) -> ResourceName
    ) throws(Problem) -> [Element] {
        var found: [Element] = []
        var page = Page(limit: Int(Bounds.page.upperBound))
        while true {
            let elements: [Element]
            do throws(BrokerError) { elements = try ask(page) } catch { throw Problem(error) }
            found += elements
            guard elements.count == page.limit, let last = elements.last else { return found }
            page.after = name(last).description
        }
    }

    /// The groups that have a position in a topic, or a member that has one of its partitions.
    private mutating func readers(of topic: ResourceName) throws(Problem) -> [String] {
        if let readers { return readers[topic] ?? [] }
        var names = Set(groups?.groupNames() ?? [])
        names.formUnion((try? broker.groupsWithOffsets()) ?? [])
        var found: [ResourceName: [String]] = [:]
        for name in names.sorted() {
            var topics = Set(((try? broker.committedOffsets(group: name)) ?? []).map(\.place.topic))
            for member in groups?.membership(of: name)?.members ?? [] {
                topics.formUnion(member.partitions.map(\.topic))
            }
            for topic in topics { found[topic, default: []].append(name) }
        }
        readers = found
        return found[topic] ?? []
    }
}

extension PushSettings {
    /// Where it delivers to, in one word.
    var place: String {
        switch destination {
        case .web(let url): url
        case .bus(let connection, let topic): "\(connection)/\(topic)"
        }
    }
}
