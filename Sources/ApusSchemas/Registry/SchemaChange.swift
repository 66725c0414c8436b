// SPDX-License-Identifier: Apache-2.0

// What happens to a registry, and how its log says so: one JSON object for each change, readable with any tool. Unknown members are passed over,
// so that an older server can read what a newer one wrote.

internal import JSONSchemaEvolution
import JSONText

/// One thing that happened to a registry.
public enum SchemaChange: Hashable, Sendable {
    /// A content has an id from now on.
    case schema(SchemaID, SchemaContent)
    /// A version is there, or is deleted softly, or is not any more.
    case version(SchemaVersion)
    /// A version is gone for good; with the last version of a content its id goes too.
    case versionRemoved(SubjectName, Int)
    /// What is decided about a subject, or, with nil, about all.
    case settings(SubjectName?, SubjectSettings)
    /// Which ids have been given: the next is this or greater.
    case nextID(Int32)
    /// Which numbers of versions a subject has used: the next is this or greater.
    case nextVersion(SubjectName, Int)
}

extension SchemaChange {
    /// The change as JSON text without line ends.
    public var encoded: [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        switch self {
        case .schema(let id, let content):
            writer.member("change", "schema")
            writer.member("id", Int64(id.rawValue))
            writer.member("format", content.format.rawValue)
            writer.member("schema", content.text)
            if !content.references.isEmpty {
                writer.key("references")
                writer.beginArray()
                for reference in content.references {
                    writer.beginObject()
                    writer.member("name", reference.name)
                    writer.member("subject", reference.subject.description)
                    writer.member("version", Int64(reference.version))
                    writer.endObject()
                }
                writer.endArray()
            }
        case .version(let version):
            writer.member("change", "version")
            writer.member("subject", version.subject.description)
            writer.member("version", Int64(version.version))
            writer.member("id", Int64(version.id.rawValue))
            writer.member("registered", version.registered)
            if version.isDeleted {
                writer.key("deleted")
                writer.bool(true)
            }
        case .versionRemoved(let subject, let version):
            writer.member("change", "version-removed")
            writer.member("subject", subject.description)
            writer.member("version", Int64(version))
        case .settings(let subject, let settings):
            writer.member("change", "settings")
            if let subject { writer.member("subject", subject.description) }
            if let compatibility = settings.compatibility {
                writer.member("compatibility", compatibility.rawValue)
            }
            if let mode = settings.mode { writer.member("mode", mode.rawValue) }
            if let asserts = settings.assertsFormats {
                writer.key("assertsFormats")
                writer.bool(asserts)
            }
            if !settings.eventTypes.isEmpty {
                writer.key("eventTypes")
                writer.beginArray()
                for type in settings.eventTypes { writer.string(type) }
                writer.endArray()
            }
        case .nextID(let next):
            writer.member("change", "next-id")
            writer.member("id", Int64(next))
        case .nextVersion(let subject, let next):
            writer.member("change", "next-version")
            writer.member("subject", subject.description)
            writer.member("version", Int64(next))
        }
        writer.endObject()
        return writer.bytes
    }

    /// The change that a text says; nil when it is none.
    public init?(decoding bytes: some Sequence<UInt8>) {
        guard let object = try? JSONValue(parsing: Array(bytes)).object,
            let change = object["change"]?.string
        else { return nil }
        let subject = object["subject"]?.string.flatMap { try? SubjectName($0) }
        let version = object["version"]?.int64.flatMap { Int(exactly: $0) }
        let id = object["id"]?.int64.flatMap { Int32(exactly: $0) }
        switch change {
        case "schema":
            guard let id, let format = object["format"]?.string.flatMap({ SchemaFormat(rawValue: $0) }),
                let text = object["schema"]?.string
            else { return nil }
            var references: [SchemaReference] = []
            for reference in object["references"]?.array ?? [] {
                guard let reference = SchemaReference(decoding: reference) else { return nil }
                references.append(reference)
            }
            self = .schema(SchemaID(rawValue: id), SchemaContent(format, text, references: references))
        case "version":
            guard let subject, let version, let id, let registered = object["registered"]?.int64 else {
                return nil
            }
            self = .version(
                SchemaVersion(
                    subject: subject, version: version, id: SchemaID(rawValue: id), registered: registered,
                    isDeleted: object["deleted"]?.bool ?? false))
        case "version-removed":
            guard let subject, let version else { return nil }
            self = .versionRemoved(subject, version)
        case "settings":
            guard object["subject"] == nil || subject != nil else { return nil }
            let settings = SubjectSettings(
                compatibility: object["compatibility"]?.string.flatMap { SchemaCompatibility(rawValue: $0) },
                mode: object["mode"]?.string.flatMap { SchemaMode(rawValue: $0) },
                assertsFormats: object["assertsFormats"]?.bool,
                eventTypes: (object["eventTypes"]?.array ?? []).compactMap(\.string))
            self = .settings(subject, settings)
        case "next-id":
            guard let id else { return nil }
            self = .nextID(id)
        case "next-version":
            guard let subject, let version else { return nil }
            self = .nextVersion(subject, version)
        default: return nil
        }
    }
}

extension SchemaReference {
    fileprivate init?(decoding value: JSONValue) {
        guard let name = value["name"]?.string,
            let subject = value["subject"]?.string.flatMap({ try? SubjectName($0) }),
            let version = value["version"]?.int64.flatMap({ Int(exactly: $0) })
        else { return nil }
        self.init(name: name, subject: subject, version: version)
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    fileprivate mutating func member(_ name: String, _ value: Int64) {
        key(name)
        integer(value)
    }
}
