// SPDX-License-Identifier: Apache-2.0

// The front door: a JSON Schema in, the text of a Swift file with an event out. The same schema gives the same text, always.

public import JSONSchema
public import JSONText

/// Writes event structs of the Swift library from JSON Schemas.
public enum SwiftEventCode {
    /// What the schema does not say.
    public struct Options: Sendable {
        /// The name of the struct.
        public var name: String
        /// The event's type on the wire.
        public var type: String
        /// The event's topic.
        public var topic: String
        /// The version of the data; 1 is not written.
        public var version = 1
        /// The member whose value is the event's key, by its name in the schema.
        public var key: String?
        /// Whether everything is public.
        public var isPublic = true
        /// What references to other documents may lead to.
        public var library = SchemaLibrary()

        /// Options with what cannot be guessed.
        public init(name: String, type: String, topic: String) {
            self.name = name
            self.type = type
            self.topic = topic
        }
    }

    /// The text of a Swift file that defines the event.
    ///
    /// Bounds, patterns and formats are not checked by the code; that is what the schema is for.
    ///
    /// - Throws: `SwiftCodeError` with the place in the schema that has no counterpart in Swift.
    public static func generate(_ schema: JSONValue, options: Options) throws(SwiftCodeError) -> String {
        guard SwiftNames.isIdentifier(options.name), options.name.first?.isUppercase ?? false else {
            throw SwiftCodeError("'\(options.name)' is not a name for a Swift type", at: "")
        }
        let graph: SchemaGraph
        do throws(SchemaError) {
            graph = try SchemaGraph(schema, library: options.library)
        } catch {
            throw SwiftCodeError(error.reason.description, at: error.location)
        }
        var builder = SwiftModelBuilder(graph, root: options.name)
        let model = try builder.build()
        return try SwiftPrinter(model: model, options: options).text()
    }
}

/// Why a schema cannot become Swift code.
public struct SwiftCodeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is in the way.
    public let reason: String
    /// Where in the schema; empty if it is not about a place.
    public let location: String

    init(_ reason: String, at location: String) {
        self.reason = reason
        self.location = location
    }

    /// A sentence for people.
    public var description: String { location.isEmpty ? reason : "\(reason) (at \(location))" }
}
