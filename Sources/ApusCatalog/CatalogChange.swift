// SPDX-License-Identifier: Apache-2.0

// What happens to the catalogue, and how its log says so: one JSON object for each change, readable with any tool. Unknown members and unknown
// changes are passed over, so that an older server can read what a newer one wrote.

public import ApusModel
internal import JSONText

/// What one look at a topic has seen.
public struct TopicLook: Hashable, Sendable {
    /// The topic's name.
    public var name: ResourceName
    /// Its identity.
    public var topic: String
    /// What was seen, by type.
    public var types: [String: EventSighting] = [:]
    /// Events whose type is not kept.
    public var others: Int64 = 0
    /// Events that were not looked at.
    public var passedOver: Int64 = 0
    /// Per partition, up to where it was looked at.
    public var positions: [Int: Int64] = [:]

    /// A look that has seen nothing.
    public init(name: ResourceName, topic: String) {
        self.name = name
        self.topic = topic
    }
}

/// One thing that happened to the catalogue.
public enum CatalogChange: Hashable, Sendable {
    /// Somebody has said something about a type, which replaces what was said before.
    case declared(EventDeclaration)
    /// What was said about a type does not hold any more.
    case withdrawn(String)
    /// Somebody has looked at a topic.
    case seen(TopicLook)
    /// A topic is gone, and what was seen in it.
    case topicGone(ResourceName)
    /// Something that a newer server knows of.
    case unknown
}

extension CatalogChange {
    /// The change as JSON text without line ends.
    public var encoded: [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        switch self {
        case .declared(let declaration):
            writer.member("change", "declared")
            writer.declaration(declaration)
        case .withdrawn(let type):
            writer.member("change", "withdrawn")
            writer.member("type", type)
        case .seen(let look):
            writer.member("change", "seen")
            writer.look(look)
        case .topicGone(let name):
            writer.member("change", "topic-gone")
            writer.member("topic", name.description)
        case .unknown: writer.member("change", "unknown")
        }
        writer.endObject()
        return writer.bytes
    }

    /// The change that a text says; nil when it is none.
    public init?(decoding bytes: some Sequence<UInt8>) {
        guard let value = try? JSONValue(parsing: Array(bytes)), let change = value["change"]?.string else {
            return nil
        }
        switch change {
        case "declared":
            guard let declaration = EventDeclaration(decoding: value) else { return nil }
            self = .declared(declaration)
        case "withdrawn":
            guard let type = value["type"]?.string else { return nil }
            self = .withdrawn(type)
        case "seen":
            guard let look = TopicLook(decoding: value) else { return nil }
            self = .seen(look)
        case "topic-gone":
            guard let name = value["topic"]?.string.flatMap({ try? ResourceName($0) }) else { return nil }
            self = .topicGone(name)
        default: self = .unknown
        }
    }
}

extension JSONWriter {
    fileprivate mutating func declaration(_ declaration: EventDeclaration) {
        member("type", declaration.type)
        member("declared", declaration.declared)
        if let title = declaration.title { member("title", title) }
        if let owner = declaration.owner { member("owner", owner) }
        if let text = declaration.text { member("description", text) }
        if let example = declaration.example { member("example", example) }
        if let subject = declaration.subject { member("subject", subject) }
        if !declaration.topics.isEmpty { names("topics", declaration.topics.map(\.description)) }
        if !declaration.producers.isEmpty { names("producers", declaration.producers) }
        if !declaration.consumers.isEmpty { names("consumers", declaration.consumers) }
    }

    fileprivate mutating func look(_ look: TopicLook) {
        member("topic", look.name.description)
        member("id", look.topic)
        if look.others > 0 { member("others", look.others) }
        if look.passedOver > 0 { member("passed", look.passedOver) }
        key("positions")
        beginObject()
        for (partition, position) in look.positions.sorted(by: { $0.key < $1.key }) {
            key(String(partition))
            integer(position)
        }
        endObject()
        key("types")
        beginArray()
        for (type, sighting) in look.types.sorted(by: { $0.key < $1.key }) {
            beginObject()
            member("type", type)
            count(sighting.seen)
            if sighting.otherSources > 0 { member("others", sighting.otherSources) }
            key("sources")
            beginArray()
            for (source, seen) in sighting.sources.sorted(by: { $0.key < $1.key }) {
                beginObject()
                member("source", source.name)
                if let way = source.way { member("way", way.rawValue) }
                count(seen)
                endObject()
            }
            endArray()
            endObject()
        }
        endArray()
    }

    private mutating func count(_ seen: SightingCount) {
        member("count", seen.count)
        member("first", seen.first)
        member("last", seen.last)
    }

    private mutating func names(_ name: StaticString, _ names: [String]) {
        key(name)
        beginArray()
        for name in names { string(name) }
        endArray()
    }
}

extension EventDeclaration {
    fileprivate init?(decoding value: JSONValue) {
        guard let type = value["type"]?.string else { return nil }
        func names(_ name: String) -> [String] { (value[name]?.array ?? []).compactMap(\.string) }
        self.init(
            type: type, title: value["title"]?.string, owner: value["owner"]?.string,
            text: value["description"]?.string, example: value["example"]?.string,
            subject: value["subject"]?.string,
            topics: names("topics").compactMap { try? ResourceName($0) },
            producers: names("producers"), consumers: names("consumers"),
            declared: value["declared"]?.int64 ?? 0)
    }
}

extension TopicLook {
    fileprivate init?(decoding value: JSONValue) {
        guard let name = value["topic"]?.string.flatMap({ try? ResourceName($0) }),
            let topic = value["id"]?.string
        else { return nil }
        self.init(name: name, topic: topic)
        others = value["others"]?.int64 ?? 0
        passedOver = value["passed"]?.int64 ?? 0
        for member in value["positions"]?.object?.members ?? [] {
            guard let partition = Int(member.name), let position = member.value.int64 else { return nil }
            positions[partition] = position
        }
        for element in value["types"]?.array ?? [] {
            guard let type = element["type"]?.string, let seen = SightingCount(decoding: element) else {
                return nil
            }
            var sighting = EventSighting(seen: seen, otherSources: element["others"]?.int64 ?? 0)
            for source in element["sources"]?.array ?? [] {
                guard let name = source["source"]?.string, let seen = SightingCount(decoding: source) else {
                    return nil
                }
                let way = source["way"]?.string.flatMap { EventWay(rawValue: $0) }
                // A way that only a newer server knows is none that is known.
                let known = EventSource(name, way)
                if sighting.sources[known] == nil {
                    sighting.sources[known] = seen
                } else {
                    sighting.sources[known]?.add(seen)
                }
            }
            types[type] = sighting
        }
    }
}

extension SightingCount {
    fileprivate init?(decoding value: JSONValue) {
        guard let count = value["count"]?.int64, let first = value["first"]?.int64,
            let last = value["last"]?.int64
        else { return nil }
        self.init(count: count, first: first, last: last)
    }
}
