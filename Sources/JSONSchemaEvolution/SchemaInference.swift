// SPDX-License-Identifier: Apache-2.0

// A schema from samples: documents go in one at a time, and what is kept of them is bounded, however many and however strange they are.

import JSONSchema
public import JSONText

/// Learns from documents what they have in common.
///
/// Every document that was looked at is accepted by the schema, as long as `requiredShare` is 1.
public struct SchemaInference: Sendable {
    /// What is made of samples, and how much of them is kept.
    public struct Options: Hashable, Sendable {
        /// The share of objects that have a member which is then required; above 0, at most 1.
        public var requiredShare = 1.0
        /// Strings become an `enum` if there are at most so many different ones; 0 for never.
        public var enumValues = 12
        /// and each was seen so often on average.
        public var enumRepetitions = 8
        /// Whether objects get `additionalProperties: false`.
        public var closesObjects = false
        /// Members of one object that are told apart. An object with more of them is a dictionary, whose members are all alike.
        public var propertiesMax = 200
        /// Places in documents that are told apart, in all.
        public var placesMax = 10_000
        /// Nesting that is looked at; at most 100.
        public var depthMax = 32

        /// The options that hold unless told otherwise.
        public init() {}
    }

    private let options: Options
    private var root = SampleShape()
    private var places = 1
    /// Documents that were looked at.
    public private(set) var count = 0
    /// Whether something was left out because of a bound: the schema then says nothing of it.
    public private(set) var isTruncated = false

    /// Creates an inference that has seen nothing.
    public init(options: Options = Options()) {
        self.options = options
    }

    /// Looks at a document.
    public mutating func add(_ document: JSONValue) {
        count += 1
        var budget = SampleShape.Budget(
            options: options, places: places, depth: min(options.depthMax, 100), isTruncated: false)
        root.add(document, &budget)
        places = budget.places
        isTruncated = isTruncated || budget.isTruncated
    }

    /// The schema of what was seen, in the draft 2020-12; the same for the same documents in the same order.
    public var schema: JSONValue {
        var object = JSONObject()
        object["$schema"] = .string(SchemaDraft.draft2020.rawValue)
        for member in root.schema(options).object?.members ?? [] { object[member.name] = member.value }
        return .object(object)
    }
}
