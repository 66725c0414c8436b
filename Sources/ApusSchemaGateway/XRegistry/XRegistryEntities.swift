// SPDX-License-Identifier: Apache-2.0

// The registry's contents as entities of xRegistry: one group with all subjects as its schemas, and their versions. Each entity is a list
// of attributes, which become members of JSON or header fields.

internal import ApusSchemas
internal import JSONSchemaEvolution
internal import JSONText

/// What xRegistry's entities are made of, for one request.
struct XRegistryEntities {
    /// An attribute.
    typealias Attribute = (name: String, value: JSONValue)

    /// The one group.
    static let group = "default"
    static let specification = "1.0-rc4"

    let registry: SchemaRegistry
    let formats: SchemaFormats
    /// Where the registry is, without a slash at its end.
    let base: String

    static let groupXID = "/schemagroups/\(group)"
    static let schemasXID = groupXID + "/schemas"
    static func xid(_ subject: SubjectName) -> String { "\(schemasXID)/\(subject)" }
    static func xid(_ version: SchemaVersion) -> String {
        xid(version.subject) + "/versions/\(version.version)"
    }

    /// The subjects that have names which can be ids, in order.
    var subjects: [SubjectName] {
        registry.subjects().filter { XRegistryText.objection(to: $0.description) == nil }
    }

    // MARK: Above schemas

    func root() -> [Attribute] {
        common("registryid", "apus", "/", suffix: "/") + [
            ("schemagroupsurl", .string(base + "/schemagroups")), ("schemagroupscount", 1),
        ]
    }

    func groupEntity() -> [Attribute] {
        common("schemagroupid", Self.group, Self.groupXID, suffix: Self.groupXID) + [
            ("schemasurl", .string(base + Self.schemasXID)),
            ("schemascount", .number(JSONNumber(Int64(subjects.count)))),
        ]
    }

    /// The epoch is the greatest id, which grows with each schema that is new; changes of settings and deletions do not show in it.
    private func common(_ idName: String, _ id: String, _ xid: String, suffix: String) -> [Attribute] {
        var first: Int64?
        var last: Int64 = 0
        for subject in registry.subjects(deleted: true) {
            for version in (try? registry.versions(of: subject, deleted: true)) ?? [] {
                first = min(first ?? version.registered, version.registered)
                last = max(last, version.registered)
            }
        }
        var attributes: [Attribute] = xid == "/" ? [("specversion", .string(Self.specification))] : []
        attributes += [
            (idName, .string(id)), ("self", .string(base + suffix)), ("xid", .string(xid)),
            ("epoch", .number(JSONNumber(Int64(registry.maxID)))),
            ("createdat", .string(XRegistryText.time(first ?? 0))),
            ("modifiedat", .string(XRegistryText.time(last))),
        ]
        return attributes
    }

    // MARK: Schemas

    /// A schema with what its default version says, which is the latest.
    func schema(_ subject: SubjectName) throws(SchemaRegistryError) -> [Attribute] {
        let latest = try registry.version(.latest, of: subject)
        let count = try registry.versions(of: subject).count
        let xid = Self.xid(subject)
        var attributes = version(latest, isDefault: true)
        for index in attributes.indices {
            if attributes[index].name == "self" { attributes[index].value = .string(base + xid + "$details") }
            if attributes[index].name == "xid" { attributes[index].value = .string(xid) }
        }
        return attributes + [
            ("metaurl", .string(base + xid + "/meta")), ("versionsurl", .string(base + xid + "/versions")),
            ("versionscount", .number(JSONNumber(Int64(count)))),
        ]
    }

    func meta(_ subject: SubjectName) throws(SchemaRegistryError) -> [Attribute] {
        let versions = try registry.versions(of: subject)
        let all = try registry.versions(of: subject, deleted: true)
        guard let latest = versions.last, let first = all.first, let last = all.last else {
            throw .unknownSubject(subject)
        }
        let xid = Self.xid(subject) + "/meta"
        var attributes: [Attribute] = [
            ("schemaid", .string(subject.description)), ("self", .string(base + xid)), ("xid", .string(xid)),
            ("epoch", .number(JSONNumber(Int64(last.version)))),
            ("createdat", .string(XRegistryText.time(first.registered))),
            ("modifiedat", .string(XRegistryText.time(last.registered))),
            ("readonly", .bool(registry.mode(of: subject) == .readonly)),
        ]
        if let rule = registry.compatibility(of: subject).xRegistryName {
            attributes.append(("compatibility", .string(rule)))
        }
        return attributes + [
            ("defaultversionid", .string(String(latest.version))),
            ("defaultversionurl", .string(base + Self.xid(latest) + "$details")),
            ("defaultversionsticky", false),
        ]
    }

    // MARK: Versions

    func version(_ schema: RegisteredSchema) -> [Attribute] {
        version(schema, isDefault: registry.latest(of: schema.version.subject) == schema.version)
    }

    private func version(_ schema: RegisteredSchema, isDefault: Bool) -> [Attribute] {
        let (version, content) = (schema.version, schema.content)
        let earlier = ((try? registry.versions(of: version.subject)) ?? []).last {
            $0.version < version.version
        }
        let time = JSONValue.string(XRegistryText.time(version.registered))
        var attributes: [Attribute] = [
            ("schemaid", .string(version.subject.description)),
            ("versionid", .string(String(version.version))),
            ("self", .string(base + Self.xid(version) + "$details")), ("xid", .string(Self.xid(version))),
            // Versions do not change.
            ("epoch", 1), ("isdefault", .bool(isDefault)), ("createdat", time), ("modifiedat", time),
            ("ancestorid", .string(String((earlier ?? version).version))),
            ("contenttype", .string(content.mediaType)),
            ("format", .string(content.xRegistryFormat)),
        ]
        attributes += validation(version, content)
        attributes.append(("globalid", .number(JSONNumber(Int64(version.id.rawValue)))))
        if !content.references.isEmpty {
            attributes.append(("references", .array(content.references.map(Self.reference))))
        }
        return attributes
    }

    private func validation(_ version: SchemaVersion, _ content: SchemaContent) -> [Attribute] {
        guard formats.judges(content.format) else {
            let reason = JSONValue.string("schemas of this format are kept as they came")
            var attributes: [Attribute] = [("formatvalidated", false), ("formatvalidatedreason", reason)]
            if registry.compatibility(of: version.subject) != .none {
                attributes += [("compatibilityvalidated", false), ("compatibilityvalidatedreason", reason)]
            }
            return attributes
        }
        var attributes: [Attribute] = [("formatvalidated", true)]
        guard registry.compatibility(of: version.subject) != .none else { return attributes }
        let isCompared = formats.compares(content.format)
        attributes.append(("compatibilityvalidated", .bool(isCompared)))
        if !isCompared {
            attributes.append(
                (
                    "compatibilityvalidatedreason",
                    "schemas of this format are not compared: only the same text is taken"
                ))
        }
        return attributes
    }

    private static func reference(_ reference: SchemaReference) -> JSONValue {
        [
            "name": .string(reference.name), "subject": .string(reference.subject.description),
            "version": .number(JSONNumber(Int64(reference.version))),
        ]
    }
}
