// SPDX-License-Identifier: Apache-2.0

// What somebody has said about a type of events. It is checked when it is made, so that what is in the catalogue is within its bounds.

public import ApusModel

/// Why something is not taken into the catalogue.
public struct CatalogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, with what, and what would be right.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// What somebody has said about a type of events.
public struct EventDeclaration: Hashable, Sendable {
    /// The most bytes of a type.
    public static let typeBytesMax = 1024
    /// The most bytes of a title, an owner, a subject, and of each name of a producer or consumer.
    public static let nameBytesMax = 255
    /// The most bytes of a description.
    public static let descriptionBytesMax = 16 << 10
    /// The most bytes of an example.
    public static let exampleBytesMax = 64 << 10
    /// The most topics, producers and consumers, of each.
    public static let namesMax = 100

    /// The value of the attribute `type`.
    public var type: String
    /// What people call it.
    public var title: String?
    /// Whom to ask about it.
    public var owner: String?
    /// When it happens and what it means.
    public var text: String?
    /// Data of such an event, as JSON text.
    public var example: String?
    /// The subject of its schema, where that is not told by the topic or by the registry.
    public var subject: String?
    /// The topics that it is published to.
    public var topics: [ResourceName]
    /// Who publishes it, in the words of whoever declared it.
    public var producers: [String]
    /// Who consumes it, in the same words.
    public var consumers: [String]
    /// When this was said, in milliseconds since 1970.
    public var declared: Int64

    /// What somebody has said about a type of events.
    public init(
        type: String, title: String? = nil, owner: String? = nil, text: String? = nil,
        example: String? = nil, subject: String? = nil, topics: [ResourceName] = [],
        producers: [String] = [], consumers: [String] = [], declared: Int64 = 0
    ) {
        self.type = type
        self.title = title
        self.owner = owner
        self.text = text
        self.example = example
        self.subject = subject
        self.topics = topics
        self.producers = producers
        self.consumers = consumers
        self.declared = declared
    }

    /// Refuses what is beyond the bounds.
    public func check() throws(CatalogError) {
        guard !type.isEmpty else { throw CatalogError("the type of an event cannot be empty") }
        guard type.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        else { throw CatalogError("the type of an event has no control characters") }
        try Self.check("type", type, Self.typeBytesMax)
        for (what, name) in [("title", title), ("owner", owner), ("subject", subject)] {
            guard let name else { continue }
            guard !name.isEmpty else { throw CatalogError("'\(what)' cannot be empty: leave it out") }
            try Self.check(what, name, Self.nameBytesMax)
        }
        try Self.check("description", text ?? "", Self.descriptionBytesMax)
        try Self.check("example", example ?? "", Self.exampleBytesMax)
        for (what, names) in [
            ("topics", topics.map(\.description)), ("producers", producers), ("consumers", consumers),
        ] {
            guard names.count <= Self.namesMax else {
                throw CatalogError("'\(what)' has at most \(Self.namesMax) names, not \(names.count)")
            }
            guard Set(names).count == names.count else {
                throw CatalogError("'\(what)' names something more than once")
            }
            for name in names {
                guard !name.isEmpty else { throw CatalogError("'\(what)' has an empty name") }
                try Self.check(what, name, Self.nameBytesMax)
            }
        }
    }

    private static func check(_ what: String, _ text: String, _ limit: Int) throws(CatalogError) {
        guard text.utf8.count <= limit else {
            throw CatalogError("'\(what)' has at most \(limit) bytes, not \(text.utf8.count)")
        }
    }
}
