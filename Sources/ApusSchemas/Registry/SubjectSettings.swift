// SPDX-License-Identifier: Apache-2.0

// What is decided about a subject, or about all that say nothing themselves.

public import JSONSchemaEvolution

/// What can be done with a subject.
public enum SchemaMode: String, Hashable, Sendable, CaseIterable {
    /// Everything but choosing ids.
    case readwrite
    /// Nothing is registered or deleted.
    case readonly
    /// Schemas come with the ids and versions that they have elsewhere, and are not compared.
    case `import`
}

/// What is decided about a subject, or, as the registry's own, about all subjects that say nothing themselves.
public struct SubjectSettings: Hashable, Sendable {
    /// What a new version must have to do with earlier ones; nil for what holds for all.
    public var compatibility: SchemaCompatibility?
    /// What can be done; nil for what holds for all.
    public var mode: SchemaMode?
    /// Whether `format` is checked where its schemas judge and compare; nil for what holds for all.
    public var assertsFormats: Bool?
    /// Event types whose data is of this subject, in order. Each is bound to one subject at most.
    public var eventTypes: [String]

    /// What is decided about a subject.
    public init(
        compatibility: SchemaCompatibility? = nil, mode: SchemaMode? = nil, assertsFormats: Bool? = nil,
        eventTypes: [String] = []
    ) {
        self.compatibility = compatibility
        self.mode = mode
        self.assertsFormats = assertsFormats
        self.eventTypes = eventTypes
    }

    /// Whether nothing is decided.
    public var isEmpty: Bool { self == SubjectSettings() }
}

/// The settings to change; nil leaves one as it is, `.some(nil)` makes it what holds for all.
public struct SubjectSettingsChange: Hashable, Sendable {
    /// What a new version must have to do with earlier ones.
    public var compatibility: SchemaCompatibility??
    /// What can be done.
    public var mode: SchemaMode??
    /// Whether `format` is checked.
    public var assertsFormats: Bool??
    /// Event types whose data is of the subject.
    public var eventTypes: [String]?

    /// Changes what is given.
    public init(
        compatibility: SchemaCompatibility?? = nil, mode: SchemaMode?? = nil,
        assertsFormats: Bool?? = nil, eventTypes: [String]? = nil
    ) {
        self.compatibility = compatibility
        self.mode = mode
        self.assertsFormats = assertsFormats
        self.eventTypes = eventTypes
    }
}

/// Bounds on what a registry holds. Every one of them ends in an error that names it.
public struct SchemaRegistryLimits: Hashable, Sendable {
    /// Bytes of one schema's text.
    public var schemaBytes = 1 << 20
    /// Bytes of all texts together: the registry is in memory, and a snapshot of it is one batch of its log.
    public var totalBytes = 32 << 20
    /// Subjects, those included of which only the numbers of their versions are remembered.
    public var subjects = 50_000
    /// Versions of one subject, the softly deleted ones included.
    public var versions = 1_000
    /// References of one schema.
    public var references = 100
    /// Schemas that one schema refers to, directly and by way of others.
    public var resolvedReferences = 500
    /// Event types that are bound to one subject.
    public var eventTypes = 100

    /// The limits that hold unless told otherwise.
    public init() {}
}
