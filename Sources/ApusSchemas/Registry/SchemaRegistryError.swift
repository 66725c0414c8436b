// SPDX-License-Identifier: Apache-2.0

// Why a registry did not do as asked. Closed, so that each API in front of it gives its own code to every case.

/// Why a registry did not do as asked.
public enum SchemaRegistryError: Error, Hashable, Sendable {
    /// The name of a subject is not one; says why.
    case invalidSubject(String)
    /// There is no such subject.
    case unknownSubject(SubjectName)
    /// The subject is deleted softly: it can be deleted permanently, or registered under again.
    case subjectDeleted(SubjectName)
    /// The subject is there, and would have to be deleted softly before it is deleted permanently.
    case subjectNotDeleted(SubjectName)
    /// The subject has no such version.
    case unknownVersion(SubjectName, VersionSelector)
    /// The version is deleted softly.
    case versionDeleted(SubjectName, Int)
    /// The version is there, and would have to be deleted softly before it is deleted permanently.
    case versionNotDeleted(SubjectName, Int)
    /// There is no schema of this id.
    case unknownID(SchemaID)
    /// The schema is not registered under the subject.
    case notRegistered(SubjectName)
    /// The text is not a schema of its format, or one that is not supported.
    case invalidSchema(SchemaFlaw)
    /// A reference leads to nothing that is registered.
    case unresolvedReference(SchemaReference)
    /// The new version breaks what its subject promises.
    case incompatible(CompatibilityReport)
    /// The mode does not allow it; says what would.
    case notPermitted(SubjectName?, SchemaMode, String)
    /// Others refer to it, and would lose it.
    case referenced(SubjectName, Int, by: [SchemaID])
    /// The request contradicts what exists; says how.
    case conflict(String)
    /// The request makes no sense; says why.
    case invalid(String)
    /// More than the registry holds; says of what, and how many there may be.
    case tooMany(what: String, limit: Int)
}

/// What is wrong with a schema, and where in its text.
public struct SchemaFlaw: Error, Hashable, Sendable {
    /// What is wrong, for a person.
    public var reason: String
    /// Where, in the way of the format: a URI with a JSON pointer, or a line; nil for the whole.
    public var location: String?

    /// What is wrong with a schema.
    public init(_ reason: String, at location: String? = nil) {
        self.reason = reason
        self.location = location
    }
}

extension SchemaFlaw: CustomStringConvertible {
    public var description: String { location.map { "\(reason) (at \($0))" } ?? reason }
}

extension SchemaRegistryError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidSubject(let reason), .conflict(let reason), .invalid(let reason): reason
        case .unknownSubject(let subject): "there is no subject '\(subject)'"
        case .subjectDeleted(let subject): "subject '\(subject)' is deleted"
        case .subjectNotDeleted(let subject):
            "subject '\(subject)' is not deleted: it has to be before it can be deleted permanently"
        case .unknownVersion(let subject, let version): "subject '\(subject)' has no version \(version)"
        case .versionDeleted(let subject, let version):
            "version \(version) of subject '\(subject)' is deleted"
        case .versionNotDeleted(let subject, let version):
            "version \(version) of subject '\(subject)' is not deleted: it has to be before it can be deleted permanently"
        case .unknownID(let id): "there is no schema with id \(id)"
        case .notRegistered(let subject): "the schema is not registered under subject '\(subject)'"
        case .invalidSchema(let flaw): "the schema is not valid: \(flaw)"
        case .unresolvedReference(let reference):
            "the reference '\(reference.name.prefix(200))' leads to version \(reference.version) of subject '\(reference.subject)', which is not there"
        case .incompatible(let report): report.description
        case .notPermitted(let subject, let mode, let reason):
            "\(subject.map { "subject '\($0)'" } ?? "the registry") has the mode '\(mode.rawValue)': \(reason)"
        case .referenced(let subject, let version, let ids):
            "version \(version) of subject '\(subject)' is referred to by the schemas with ids \(ids.map(\.description).joined(separator: ", "))"
        case .tooMany(let what, let limit): "\(what): the limit is \(limit)"
        }
    }
}
