// SPDX-License-Identifier: Apache-2.0

// The registry as a table that changes make. It decides nothing by itself: what may happen is decided in the files beside this one, and happens
// when the change is applied.

/// Subjects, versions and schemas, as a fold over ``SchemaChange``s.
public struct SchemaRegistry: Sendable {
    /// One subject: its versions by number, in order, and the number of the next.
    struct Subject: Sendable {
        var versions: [SchemaVersion] = []
        var next = 1
        var settings = SubjectSettings()

        /// Versions that are not deleted.
        var live: some Sequence<SchemaVersion> { versions.lazy.filter { !$0.isDeleted } }
    }

    /// A version of a subject.
    struct Place: Hashable, Sendable {
        var subject: SubjectName
        var version: Int
    }

    private(set) var contents: [SchemaID: SchemaContent] = [:]
    private(set) var ids: [SchemaContent: SchemaID] = [:]
    private(set) var places: [SchemaID: Set<Place>] = [:]
    private(set) var all: [SubjectName: Subject] = [:]
    private(set) var subjectsByType: [String: SubjectName] = [:]
    private(set) var nextID: Int32 = 1
    /// Bytes of all texts.
    public private(set) var bytes = 0
    /// What holds for subjects that say nothing themselves, as far as it is decided.
    public private(set) var settings = SubjectSettings()
    /// How many changes were applied, for who remembers what it made of a registry.
    public private(set) var revision = 0

    /// A registry without anything.
    public init() {}

    /// Lets a change happen. Changes that make no sense (a damaged log) change nothing.
    public mutating func apply(_ change: SchemaChange) {
        revision += 1
        switch change {
        case .schema(let id, let content):
            guard contents[id] == nil, id.rawValue > 0 else { return }
            contents[id] = content
            ids[content] = id
            bytes += content.text.utf8.count
            if nextID <= id.rawValue, id.rawValue < .max { nextID = id.rawValue + 1 }
        case .version(let version): set(version)
        case .versionRemoved(let subject, let version): remove(subject, version)
        case .settings(nil, let settings): self.settings = settings
        case .settings(let subject?, let settings):
            for type in all[subject]?.settings.eventTypes ?? [] where subjectsByType[type] == subject {
                subjectsByType[type] = nil
            }
            all[subject, default: Subject()].settings = settings
            for type in settings.eventTypes { subjectsByType[type] = subject }
            forgetIfEmpty(subject)
        case .nextID(let next): nextID = max(nextID, next)
        case .nextVersion(let subject, let next):
            all[subject, default: Subject()].next = max(all[subject]?.next ?? 1, next)
        }
    }

    private mutating func set(_ version: SchemaVersion) {
        guard contents[version.id] != nil, version.version > 0 else { return }
        let name = version.subject
        // In place: a copy of the versions for each change would make a start quadratic.
        var subject = all.removeValue(forKey: name) ?? Subject()
        defer { all[name] = subject }
        let index = subject.versions.lowerBound(of: version.version)
        if index < subject.versions.count, subject.versions[index].version == version.version {
            guard subject.versions[index].id == version.id else { return }
            subject.versions[index] = version
        } else {
            subject.versions.insert(version, at: index)
            places[version.id, default: []].insert(Place(subject: name, version: version.version))
        }
        if version.version < .max { subject.next = max(subject.next, version.version + 1) }
    }

    private mutating func remove(_ name: SubjectName, _ number: Int) {
        guard var subject = all[name] else { return }
        let index = subject.versions.lowerBound(of: number)
        guard index < subject.versions.count, subject.versions[index].version == number else { return }
        let id = subject.versions.remove(at: index).id
        all[name] = subject
        places[id]?.remove(Place(subject: name, version: number))
        guard places[id]?.isEmpty ?? true else { return }
        places[id] = nil
        guard let content = contents.removeValue(forKey: id) else { return }
        if ids[content] == id { ids[content] = nil }
        bytes -= content.text.utf8.count
    }

    /// A subject of which nothing was ever registered and nothing is decided is none.
    private mutating func forgetIfEmpty(_ name: SubjectName) {
        guard let subject = all[name], subject.versions.isEmpty, subject.next == 1, subject.settings.isEmpty
        else { return }
        all[name] = nil
    }

    /// Hands `body` the changes that make this registry out of nothing, until it returns false.
    public func forEachChange(_ body: (SchemaChange) -> Bool) {
        guard body(.nextID(nextID)) else { return }
        if !settings.isEmpty, !body(.settings(nil, settings)) { return }
        for (id, content) in contents.sorted(by: { $0.key < $1.key }) {
            guard body(.schema(id, content)) else { return }
        }
        for (name, subject) in all.sorted(by: { $0.key < $1.key }) {
            for version in subject.versions where !body(.version(version)) { return }
            if !subject.settings.isEmpty, !body(.settings(name, subject.settings)) { return }
            if subject.next > (subject.versions.last?.version ?? 0) + 1,
                !body(.nextVersion(name, subject.next))
            {
                return
            }
        }
    }
}

extension [SchemaVersion] {
    /// Where a version with this number is, or would be.
    func lowerBound(of number: Int) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].version < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
