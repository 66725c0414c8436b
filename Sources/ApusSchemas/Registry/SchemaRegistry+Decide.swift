// SPDX-License-Identifier: Apache-2.0

// What is to happen when somebody asks for it: the changes, or why not. Whoever asks applies the changes when they are durable.

/// What is to happen, and what is to be answered then.
public struct SchemaDecision<Value: Sendable>: Sendable {
    /// What is to happen; nothing when everything is as asked already.
    public var changes: [SchemaChange]
    /// The answer.
    public var value: Value

    /// What is to happen, and the answer.
    public init(_ changes: [SchemaChange], _ value: Value) {
        self.changes = changes
        self.value = value
    }
}

extension SchemaRegistry {
    // MARK: Register

    /// Registers a schema under a subject, unless a version of it that is not deleted has the same content.
    ///
    /// - Parameters:
    ///   - place: the id and version that it is to have, where the mode is ``SchemaMode/import``.
    ///   - now: the time, in milliseconds since 1970.
    public func register(
        _ content: SchemaContent, under name: SubjectName, at place: SchemaPlace? = nil, now: Int64,
        formats: SchemaFormats, limits: SchemaRegistryLimits
    ) throws(SchemaRegistryError) -> SchemaDecision<SchemaVersion> {
        if place == nil, let known = try? find(content, under: name) { return SchemaDecision([], known) }
        let mode = mode(of: name)
        switch (mode, place) {
        case (.readwrite, nil), (.import, _?): break
        case (.readonly, _): throw .notPermitted(name, mode, "nothing can be registered")
        case (.readwrite, _?): throw .notPermitted(name, mode, "ids can be chosen in the mode 'import' only")
        case (.import, nil): throw .notPermitted(name, mode, "schemas have to come with their id")
        }
        try check(content, under: name, limits: limits)
        var resolved = try resolve(content, limits: limits)
        resolved.assertsFormats = assertsFormats(of: name)
        _ = try formats.compile(resolved)
        if place == nil {
            let report = compatibility(of: resolved, with: name, formats: formats)
            guard report.isCompatible else { throw .incompatible(report) }
        }
        let id = try id(for: content, at: place)
        let number = try number(for: id, under: name, at: place)
        var changes: [SchemaChange] = []
        if contents[id] == nil { changes.append(.schema(id, content)) }
        let version = SchemaVersion(subject: name, version: number, id: id, registered: now)
        return SchemaDecision(changes + [.version(version)], version)
    }

    private func check(
        _ content: SchemaContent, under name: SubjectName, limits: SchemaRegistryLimits
    ) throws(SchemaRegistryError) {
        let bytes = content.text.utf8.count
        guard bytes <= limits.schemaBytes else {
            throw .tooMany(what: "bytes of a schema, and this one has \(bytes)", limit: limits.schemaBytes)
        }
        guard ids[content] != nil || self.bytes + bytes <= limits.totalBytes else {
            throw .tooMany(what: "bytes of all schemas", limit: limits.totalBytes)
        }
        guard all[name] != nil || all.count < limits.subjects else {
            throw .tooMany(what: "subjects", limit: limits.subjects)
        }
        guard (all[name]?.versions.count ?? 0) < limits.versions else {
            throw .tooMany(what: "versions of subject '\(name)'", limit: limits.versions)
        }
        guard content.references.count <= limits.references else {
            throw .tooMany(what: "references of a schema", limit: limits.references)
        }
        var names: Set<String> = []
        for reference in content.references {
            guard !reference.name.isEmpty, reference.name.utf8.count <= 2048 else {
                throw .invalid("the name of a reference has 1 to 2048 bytes")
            }
            guard names.insert(reference.name).inserted else {
                throw .invalid("two references are called '\(reference.name.prefix(200))'")
            }
        }
    }

    private func id(
        for content: SchemaContent, at place: SchemaPlace?
    ) throws(SchemaRegistryError) -> SchemaID {
        guard let place else {
            if let known = ids[content] { return known }
            guard nextID < .max else { throw .tooMany(what: "ids", limit: Int(Int32.max)) }
            return SchemaID(rawValue: nextID)
        }
        guard place.id.rawValue > 0, place.id.rawValue < .max else {
            throw .invalid("ids are from 1 to \(Int32.max - 1)")
        }
        if let other = contents[place.id], other != content {
            throw .conflict("id \(place.id) is that of another schema")
        }
        if let known = ids[content], known != place.id {
            throw .conflict("the schema is there with id \(known), and cannot have id \(place.id) too")
        }
        return place.id
    }

    private func number(
        for id: SchemaID, under name: SubjectName, at place: SchemaPlace?
    ) throws(SchemaRegistryError) -> Int {
        let next = all[name]?.next ?? 1
        guard let version = place?.version else {
            guard next < Int(Int32.max) else { throw .tooMany(what: "versions", limit: Int(Int32.max) - 1) }
            return next
        }
        guard version > 0, version < Int(Int32.max) else {
            throw .invalid("versions are from 1 to \(Int32.max - 1)")
        }
        if let other = all[name]?.versions.first(where: { $0.version == version }), other.id != id {
            throw .conflict("version \(version) of subject '\(name)' is another schema")
        }
        return version
    }

    // MARK: Delete

    /// Deletes a version: softly, or, when it is so already, permanently.
    public func delete(
        _ selector: VersionSelector, of name: SubjectName, permanent: Bool
    ) throws(SchemaRegistryError) -> SchemaDecision<Int> {
        let versions = try versions(of: name, deleted: true)
        let version: SchemaVersion? =
            switch selector {
            case .latest: permanent ? versions.last : versions.last { !$0.isDeleted }
            case .number(let number): versions.first { $0.version == number }
            }
        guard var version else { throw .unknownVersion(name, selector) }
        try checkDeletable(name)
        if permanent {
            guard version.isDeleted else { throw .versionNotDeleted(name, version.version) }
            try checkUnreferenced([version], deleted: true)
            return SchemaDecision([.versionRemoved(name, version.version)], version.version)
        }
        guard !version.isDeleted else { throw .versionDeleted(name, version.version) }
        try checkUnreferenced([version], deleted: false)
        version.isDeleted = true
        return SchemaDecision([.version(version)], version.version)
    }

    /// Deletes a subject with all its versions and what is decided about it: softly, or, when it is so already, permanently.
    ///
    /// - Returns: the numbers of the versions that went, in order.
    public func deleteSubject(
        _ name: SubjectName, permanent: Bool
    ) throws(SchemaRegistryError) -> SchemaDecision<[Int]> {
        let versions = try versions(of: name, deleted: true)
        let live = versions.filter { !$0.isDeleted }
        try checkDeletable(name)
        if permanent {
            guard live.isEmpty else { throw .subjectNotDeleted(name) }
            try checkUnreferenced(versions, deleted: true)
            let changes = versions.map { SchemaChange.versionRemoved(name, $0.version) }
            let settings: [SchemaChange] =
                settings(of: name).isEmpty ? [] : [.settings(name, SubjectSettings())]
            return SchemaDecision(changes + settings, versions.map(\.version))
        }
        guard !live.isEmpty else { throw .subjectDeleted(name) }
        try checkUnreferenced(live, deleted: false)
        let changes = live.map { version in
            var version = version
            version.isDeleted = true
            return SchemaChange.version(version)
        }
        return SchemaDecision(changes, live.map(\.version))
    }

    private func checkDeletable(_ name: SubjectName) throws(SchemaRegistryError) {
        let mode = mode(of: name)
        guard mode != .readonly else { throw .notPermitted(name, mode, "nothing can be deleted") }
    }

    private func checkUnreferenced(
        _ versions: [SchemaVersion], deleted: Bool
    ) throws(SchemaRegistryError) {
        let going = Set(versions.map(\.id))
        for version in versions {
            let ids = referencing(version.subject, version.version, deleted: deleted)
            // What goes at the same time and is nowhere else does not miss it.
            let staying = ids.filter { id in
                guard going.contains(id) else { return true }
                return (places[id] ?? []).contains { $0.subject != version.subject }
            }
            guard staying.isEmpty else { throw .referenced(version.subject, version.version, by: staying) }
        }
    }

    // MARK: Configure

    /// Changes what is decided about a subject, or, with nil, about all; the subject need not have versions yet.
    public func configure(
        _ name: SubjectName?, _ change: SubjectSettingsChange, limits: SchemaRegistryLimits
    ) throws(SchemaRegistryError) -> SchemaDecision<SubjectSettings> {
        var settings = name.map { self.settings(of: $0) } ?? self.settings
        let before = settings
        if let compatibility = change.compatibility { settings.compatibility = compatibility }
        if let mode = change.mode { settings.mode = mode }
        if let asserts = change.assertsFormats { settings.assertsFormats = asserts }
        if let types = change.eventTypes { settings.eventTypes = Set(types).sorted() }
        guard settings != before else { return SchemaDecision([], settings) }
        if !settings.eventTypes.isEmpty {
            guard let name else { throw .invalid("event types are bound to subjects") }
            try check(settings.eventTypes, of: name, limits: limits)
        }
        if let name, all[name] == nil, all.count >= limits.subjects {
            throw .tooMany(what: "subjects", limit: limits.subjects)
        }
        return SchemaDecision([.settings(name, settings)], settings)
    }

    private func check(
        _ types: [String], of name: SubjectName, limits: SchemaRegistryLimits
    ) throws(SchemaRegistryError) {
        guard types.count <= limits.eventTypes else {
            throw .tooMany(what: "event types of a subject", limit: limits.eventTypes)
        }
        for type in types {
            guard !type.isEmpty, type.utf8.count <= 1024 else {
                throw .invalid("an event type has 1 to 1024 bytes")
            }
            if let other = subjectsByType[type], other != name {
                throw .conflict("the event type '\(type)' is bound to subject '\(other)'")
            }
        }
    }
}
