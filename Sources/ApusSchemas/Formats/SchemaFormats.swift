// SPDX-License-Identifier: Apache-2.0

// What is known of the formats of schemas. A format is added here and nowhere else: how a text becomes something that judges data, and how two
// texts compare. What no support is given for is kept and served, and its data passes unjudged.

internal import JSONText

/// A schema with everything that it refers to.
public struct ResolvedSchema: Hashable, Sendable {
    /// The schema.
    public var content: SchemaContent
    /// What it refers to, directly and by way of others, in no particular order.
    public var references: [ResolvedReference] = []
    /// Whether `format` is checked: of JSON Schema only, where it is an annotation otherwise.
    public var assertsFormats = false

    /// A schema that refers to nothing.
    public init(_ content: SchemaContent) { self.content = content }
}

/// A reference and what is there.
public struct ResolvedReference: Hashable, Sendable {
    /// How it is referred to.
    public var reference: SchemaReference
    /// What is there.
    public var content: SchemaContent

    /// A reference and what is there.
    public init(reference: SchemaReference, content: SchemaContent) {
        self.reference = reference
        self.content = content
    }
}

/// Something that data breaks.
public struct SchemaViolation: Hashable, Sendable {
    /// Where in the data, in the way of the format: a JSON pointer, or a path; empty for the whole.
    public var path: String
    /// The rule: the keyword of the schema, or what else was asked.
    public var rule: String
    /// What stands there, shortened.
    public var got: String
    /// What is wrong, in words.
    public var message: String

    /// Something that data breaks.
    public init(path: String = "", rule: String, got: String, message: String) {
        self.path = path
        self.rule = rule
        self.got = got
        self.message = message
    }
}

/// A compiled schema: shared by any number of threads. An object, because it is handed on for every event, which copying what an existential holds made
/// dearer.
public protocol DataJudge: AnyObject, Sendable {
    /// Whether the data is accepted. On the way of every event, so that it takes no lock; that of JSON allocates nothing either, that of XML copies the
    /// data for libxml2.
    func accepts(_ data: UnsafeRawBufferPointer) -> Bool
    /// What is wrong with data that is not accepted: one at least, in the order of the data.
    func violations(_ data: UnsafeRawBufferPointer, limit: Int) -> [SchemaViolation]
    /// What is wrong with data, or nil when it is accepted: for judges that find both out at once. `limit` may be 0 when nobody asks what is wrong.
    func refusal(of data: UnsafeRawBufferPointer, limit: Int) -> [SchemaViolation]?
    /// Whether data of this media type is what the schema is about; nil when the event says none.
    func isMeant(forMediaType mediaType: String?) -> Bool
}

extension DataJudge {
    public func refusal(of data: UnsafeRawBufferPointer, limit: Int) -> [SchemaViolation]? {
        if accepts(data) { return nil }
        return limit > 0 ? violations(data, limit: limit) : []
    }
}

/// What is known of one format.
public protocol SchemaFormatSupport: Sendable {
    /// Makes something that judges data out of a schema.
    ///
    /// - Throws: ``SchemaFlaw`` when the text is not a schema, or one that is not supported.
    func compile(_ schema: ResolvedSchema) throws(SchemaFlaw) -> any DataJudge
}

/// How two schemas of one format compare.
public protocol SchemaComparing: Sendable {
    /// What `reader` refuses of what `writer` accepts: nothing when it accepts all of it. When that cannot be decided, that is an obstacle.
    ///
    /// - Parameter writerIsOlder: whether `writer` is the earlier version; decides how obstacles are worded.
    func obstacles(
        to reader: ResolvedSchema, from writer: ResolvedSchema, writerIsOlder: Bool
    ) -> [SchemaObstacle]
}

/// The formats that a registry understands.
public struct SchemaFormats: Sendable {
    private var supports: [SchemaFormat: any SchemaFormatSupport]
    private var comparers: [SchemaFormat: any SchemaComparing]

    /// The formats that are compiled, and those that are compared; JSON Schema always is.
    public init(
        supports: [SchemaFormat: any SchemaFormatSupport] = [:],
        comparers: [SchemaFormat: any SchemaComparing] = [:]
    ) {
        self.supports = supports.merging([.json: JSONSchemaSupport()]) { given, _ in given }
        self.comparers = comparers.merging([.json: JSONSchemaComparer()]) { given, _ in given }
    }

    /// Has a format compiled by `support`.
    public mutating func set(_ support: any SchemaFormatSupport, for format: SchemaFormat) {
        supports[format] = support
    }

    /// Has schemas of a format compared by `comparer`.
    public mutating func set(_ comparer: any SchemaComparing, for format: SchemaFormat) {
        comparers[format] = comparer
    }

    /// Whether data is judged by schemas of this format.
    public func judges(_ format: SchemaFormat) -> Bool { supports[format] != nil }

    /// Whether schemas of this format can be compared.
    public func compares(_ format: SchemaFormat) -> Bool { comparers[format] != nil }

    /// Makes something that judges data out of a schema; nil when its format is only kept.
    ///
    /// - Throws: ``SchemaRegistryError/invalidSchema(_:)``.
    public func compile(_ schema: ResolvedSchema) throws(SchemaRegistryError) -> (any DataJudge)? {
        guard let support = supports[schema.content.format] else {
            guard !schema.content.text.isEmpty else { throw .invalidSchema(SchemaFlaw("it is empty")) }
            // It is served as JSON, whatever it says.
            if schema.content.format == .avro {
                do throws(JSONError) { _ = try JSONValue(parsing: Array(schema.content.text.utf8)) } catch {
                    throw .invalidSchema(SchemaFlaw("an Avro schema is JSON, and this is not: \(error)"))
                }
            }
            return nil
        }
        do { return try support.compile(schema) } catch { throw .invalidSchema(error) }
    }

    /// What `reader` refuses of what `writer` accepts. Where nobody can compare, only the same text is known to be compatible.
    public func obstacles(
        to reader: ResolvedSchema, from writer: ResolvedSchema, writerIsOlder: Bool
    ) -> [SchemaObstacle] {
        guard reader != writer else { return [] }
        let format = reader.content.format
        guard format == writer.content.format else {
            return [
                SchemaObstacle(
                    path: "", rule: "",
                    message: "one is \(format.rawValue) and the other \(writer.content.format.rawValue)")
            ]
        }
        guard let comparer = comparers[format] else {
            return [
                SchemaObstacle(
                    path: "", rule: "",
                    message:
                        "this server cannot compare schemas of format '\(format.rawValue)': it takes the same text, or any with compatibility 'none'"
                )
            ]
        }
        return comparer.obstacles(to: reader, from: writer, writerIsOlder: writerIsOlder)
    }
}
