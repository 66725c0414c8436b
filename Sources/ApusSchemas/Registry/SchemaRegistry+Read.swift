// SPDX-License-Identifier: Apache-2.0

// What a registry holds, as it is asked for.

public import JSONSchemaEvolution

extension SchemaRegistry {
    // MARK: By subject

    /// The subjects that have a version, in order.
    ///
    /// - Parameter deleted: whether those count of which all versions are deleted softly.
    public func subjects(deleted: Bool = false, prefix: String = "") -> [SubjectName] {
        all.filter { name, subject in
            name.description.hasPrefix(prefix)
                && (deleted ? !subject.versions.isEmpty : subject.live.contains { _ in true })
        }.keys.sorted()
    }

    /// The versions of a subject, in order.
    ///
    /// - Throws: ``SchemaRegistryError/unknownSubject(_:)``, also when all its versions are deleted and those do not count.
    public func versions(
        of name: SubjectName, deleted: Bool = false
    ) throws(SchemaRegistryError) -> [SchemaVersion] {
        let versions = (all[name]?.versions ?? []).filter { deleted || !$0.isDeleted }
        guard !versions.isEmpty else { throw .unknownSubject(name) }
        return versions
    }

    /// One version of a subject.
    ///
    /// - Parameter deleted: whether a softly deleted one counts.
    public func version(
        _ selector: VersionSelector, of name: SubjectName, deleted: Bool = false
    ) throws(SchemaRegistryError) -> RegisteredSchema {
        let versions = try versions(of: name, deleted: deleted)
        let found: SchemaVersion? =
            switch selector {
            case .latest: versions.last
            case .number(let number):
                versions.first { $0.version == number }
            }
        guard let found, let content = contents[found.id] else { throw .unknownVersion(name, selector) }
        return RegisteredSchema(version: found, content: content)
    }

    /// The latest version of a subject that is not deleted; nil when there is none. Costs a look into a table.
    public func latest(of name: SubjectName) -> SchemaVersion? {
        all[name]?.versions.last { !$0.isDeleted }
    }

    /// The version of a subject that has this content: the latest of them.
    ///
    /// - Throws: ``SchemaRegistryError/notRegistered(_:)``, ``SchemaRegistryError/unknownSubject(_:)``.
    public func find(
        _ content: SchemaContent, under name: SubjectName, deleted: Bool = false
    ) throws(SchemaRegistryError) -> SchemaVersion {
        let versions = try versions(of: name, deleted: deleted)
        guard let id = ids[content], let found = versions.last(where: { $0.id == id }) else {
            throw .notRegistered(name)
        }
        return found
    }

    // MARK: By id

    /// What has this id.
    public func content(_ id: SchemaID) throws(SchemaRegistryError) -> SchemaContent {
        guard let content = contents[id] else { throw .unknownID(id) }
        return content
    }

    /// The versions that have this id, by subject and number.
    public func versions(
        of id: SchemaID, deleted: Bool = false
    ) throws(SchemaRegistryError) -> [SchemaVersion] {
        guard contents[id] != nil else { throw .unknownID(id) }
        return (places[id] ?? []).compactMap { place -> SchemaVersion? in
            guard let versions = all[place.subject]?.versions else { return nil }
            let index = versions.lowerBound(of: place.version)
            guard index < versions.count, versions[index].version == place.version,
                deleted || !versions[index].isDeleted
            else { return nil }
            return versions[index]
        }.sorted { ($0.subject, $0.version) < ($1.subject, $1.version) }
    }

    /// Whether a version of this subject has this id, deleted softly or not.
    public func isRegistered(_ id: SchemaID, under name: SubjectName) -> Bool {
        places[id]?.contains { $0.subject == name } ?? false
    }

    /// The ids of schemas that refer to this version, in order.
    ///
    /// - Parameter deleted: whether those count of which all versions are deleted softly.
    public func referencing(_ name: SubjectName, _ number: Int, deleted: Bool = false) -> [SchemaID] {
        contents.compactMap { id, content in
            guard content.references.contains(where: { $0.subject == name && $0.version == number }),
                deleted || ((try? versions(of: id))?.isEmpty == false)
            else { return nil }
            return id
        }.sorted()
    }

    // MARK: What is decided

    /// What is decided about a subject itself; nothing for one that is not known.
    public func settings(of name: SubjectName) -> SubjectSettings { all[name]?.settings ?? SubjectSettings() }

    /// What a new version of this subject must have to do with earlier ones; ``SchemaCompatibility/backward`` where nobody decided.
    public func compatibility(of name: SubjectName?) -> SchemaCompatibility {
        name.flatMap { all[$0]?.settings.compatibility } ?? settings.compatibility ?? .backward
    }

    /// What can be done with this subject; ``SchemaMode/readwrite`` where nobody decided.
    public func mode(of name: SubjectName?) -> SchemaMode {
        name.flatMap { all[$0]?.settings.mode } ?? settings.mode ?? .readwrite
    }

    /// Whether `format` is checked where schemas of this subject judge and compare; not where nobody decided, as JSON Schema has it.
    public func assertsFormats(of name: SubjectName?) -> Bool {
        name.flatMap { all[$0]?.settings.assertsFormats } ?? settings.assertsFormats ?? false
    }

    /// The subject that events of this type are bound to.
    public func subject(ofType type: String) -> SubjectName? { subjectsByType[type] }

    /// How many schemas there are.
    public var count: Int { contents.count }
}
