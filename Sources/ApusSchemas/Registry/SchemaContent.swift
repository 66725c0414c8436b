// SPDX-License-Identifier: Apache-2.0

// A schema as it was handed over, and where it is registered.

/// What language a schema is written in.
public enum SchemaFormat: String, Hashable, Sendable, CaseIterable {
    /// JSON Schema.
    case json
    /// XML Schema 1.0.
    case xsd
    /// Apache Avro.
    case avro
    /// Protocol Buffers.
    case protobuf
}

/// Another registered schema that a schema refers to.
public struct SchemaReference: Hashable, Sendable {
    /// What the schema calls it: a URI reference in JSON Schema, a location in XML Schema.
    public var name: String
    /// Whose version it is.
    public var subject: SubjectName
    /// Which version, from 1 on.
    public var version: Int

    /// Another registered schema that a schema refers to.
    public init(name: String, subject: SubjectName, version: Int) {
        self.name = name
        self.subject = subject
        self.version = version
    }
}

/// What has one id: a text, its format, and what it refers to.
public struct SchemaContent: Hashable, Sendable {
    /// The language of the text.
    public var format: SchemaFormat
    /// The schema, as it was handed over.
    public var text: String
    /// What the text refers to.
    public var references: [SchemaReference]

    /// A schema as it was handed over.
    public init(_ format: SchemaFormat, _ text: String, references: [SchemaReference] = []) {
        self.format = format
        self.text = text
        self.references = references
    }
}

/// One version of a subject.
public struct SchemaVersion: Hashable, Sendable {
    /// Whose version it is.
    public var subject: SubjectName
    /// Its number, from 1 on; never used again in its subject.
    public var version: Int
    /// The id of its content.
    public var id: SchemaID
    /// When it was registered, in milliseconds since 1970.
    public var registered: Int64
    /// Whether it is deleted softly: it still resolves by id and for those that refer to it, and is otherwise gone.
    public var isDeleted: Bool

    /// One version of a subject.
    public init(
        subject: SubjectName, version: Int, id: SchemaID, registered: Int64, isDeleted: Bool = false
    ) {
        self.subject = subject
        self.version = version
        self.id = id
        self.registered = registered
        self.isDeleted = isDeleted
    }
}

/// A version with what it says.
public struct RegisteredSchema: Hashable, Sendable {
    /// Where it is registered.
    public var version: SchemaVersion
    /// What it says.
    public var content: SchemaContent

    /// A version with what it says.
    public init(version: SchemaVersion, content: SchemaContent) {
        self.version = version
        self.content = content
    }
}

/// The id and the version that a schema has in another registry and is to have here, in a subject whose mode is ``SchemaMode/import``.
public struct SchemaPlace: Hashable, Sendable {
    /// The id it is to have.
    public var id: SchemaID
    /// The version it is to have; nil for the next one.
    public var version: Int?

    /// Where a schema is to be.
    public init(id: SchemaID, version: Int? = nil) {
        self.id = id
        self.version = version
    }
}
