// SPDX-License-Identifier: Apache-2.0

// The catalogue of events as a table that changes make: what was declared, and what was seen. It decides nothing but what fits in it.

public import ApusModel

/// Types of events: declared, discovered, or both.
public struct EventCatalog: Sendable {
    /// What was declared, by type.
    public private(set) var declarations: [String: EventDeclaration] = [:]
    /// What was seen, by topic.
    public private(set) var sightings: [ResourceName: TopicSightings] = [:]
    private let limits: CatalogLimits
    private var typeCount = 0
    private var sourceCount = 0

    /// A catalogue without anything.
    public init(limits: CatalogLimits = CatalogLimits()) { self.limits = limits }

    /// Lets a change happen.
    public mutating func apply(_ change: CatalogChange) {
        switch change {
        case .declared(let declaration): declarations[declaration.type] = declaration
        case .withdrawn(let type): declarations[type] = nil
        case .seen(let look): add(look)
        case .topicGone(let name): forget(name)
        case .unknown: break
        }
    }

    /// Refuses a declaration that the catalogue has no room for.
    public func check(_ declaration: EventDeclaration) throws(CatalogError) {
        try declaration.check()
        guard declarations[declaration.type] != nil || declarations.count < limits.declarations else {
            throw CatalogError("there are \(limits.declarations) declarations already: that is the limit")
        }
    }

    // MARK: Sightings

    private mutating func add(_ look: TopicLook) {
        if let known = sightings[look.name], known.topic != look.topic { forget(look.name) }
        // In place: a copy of a topic's types for each look would cost more than the look.
        var topic = sightings.removeValue(forKey: look.name) ?? TopicSightings(topic: look.topic)
        for (partition, position) in look.positions { topic.positions[partition] = position }
        topic.passedOver += look.passedOver
        topic.others += look.others
        for (type, sighting) in look.types { add(sighting, type, to: &topic) }
        sightings[look.name] = topic
    }

    private mutating func add(_ new: EventSighting, _ type: String, to topic: inout TopicSightings) {
        guard var known = topic.types.removeValue(forKey: type) else {
            guard topic.types.count < limits.typesOfTopic, typeCount < limits.types,
                type.utf8.count <= EventDeclaration.typeBytesMax
            else {
                topic.others += new.seen.count
                return
            }
            typeCount += 1
            var first = EventSighting(seen: new.seen, otherSources: new.otherSources)
            addSources(new, to: &first)
            topic.types[type] = first
            return
        }
        known.seen.add(new.seen)
        known.otherSources += new.otherSources
        addSources(new, to: &known)
        topic.types[type] = known
    }

    private mutating func addSources(_ new: EventSighting, to known: inout EventSighting) {
        for (source, count) in new.sources.sorted(by: { $0.key < $1.key }) {
            if known.sources[source] != nil {
                known.sources[source]?.add(count)
            } else if known.sources.count < limits.sources, sourceCount < limits.sourcesInAll,
                source.name.utf8.count <= limits.sourceBytes
            {
                sourceCount += 1
                known.sources[source] = count
            } else {
                known.otherSources += count.count
            }
        }
    }

    private mutating func forget(_ name: ResourceName) {
        guard let gone = sightings.removeValue(forKey: name) else { return }
        typeCount -= gone.types.count
        sourceCount -= gone.types.values.reduce(0) { $0 + $1.sources.count }
    }

    // MARK: Looking things up

    /// All types, in order: those that were declared and those that were seen in a topic that `isThere`.
    public func types(where isThere: (ResourceName, TopicSightings) -> Bool) -> [String] {
        var types = Set(declarations.keys)
        for (name, topic) in sightings where isThere(name, topic) { types.formUnion(topic.types.keys) }
        return types.sorted()
    }

    /// Hands `body` the changes that make this catalogue out of nothing, until it returns false.
    public func forEachChange(_ body: (CatalogChange) -> Bool) {
        for (_, declaration) in declarations.sorted(by: { $0.key < $1.key })
        where !body(.declared(declaration)) { return }
        for (name, topic) in sightings.sorted(by: { $0.key < $1.key }) {
            var look = TopicLook(name: name, topic: topic.topic)
            look.positions = topic.positions
            look.passedOver = topic.passedOver
            look.others = topic.others
            look.types = topic.types
            guard body(.seen(look)) else { return }
        }
    }
}
