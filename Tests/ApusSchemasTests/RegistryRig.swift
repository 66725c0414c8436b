// SPDX-License-Identifier: Apache-2.0

// What the tests of the registry share: a registry whose decisions are applied at once, and a way of comparing that tests can read.

import ApusSchemas

/// A registry whose decisions are applied at once.
struct RegistryRig {
    var registry = SchemaRegistry()
    var formats = SchemaFormats(comparers: [.json: FieldComparer()])
    var limits = SchemaRegistryLimits()
    var changes: [SchemaChange] = []

    mutating func make<Value>(
        _ decide: (SchemaRegistry) throws(SchemaRegistryError) -> SchemaDecision<Value>
    ) throws(SchemaRegistryError) -> Value {
        let decision = try decide(registry)
        for change in decision.changes { registry.apply(change) }
        changes += decision.changes
        return decision.value
    }

    @discardableResult
    mutating func register(
        _ text: String, _ subject: String, _ format: SchemaFormat = .json,
        references: [SchemaReference] = [], at place: SchemaPlace? = nil
    ) throws(SchemaRegistryError) -> SchemaVersion {
        let (formats, limits, name) = (formats, limits, try SubjectName(subject))
        let content = SchemaContent(format, text, references: references)
        return try make { registry throws(SchemaRegistryError) in
            try registry.register(content, under: name, at: place, now: 7, formats: formats, limits: limits)
        }
    }

    @discardableResult
    mutating func delete(
        _ subject: String, _ version: VersionSelector, permanent: Bool = false
    ) throws(SchemaRegistryError) -> Int {
        let name = try SubjectName(subject)
        return try make { registry throws(SchemaRegistryError) in
            try registry.delete(version, of: name, permanent: permanent)
        }
    }

    @discardableResult
    mutating func deleteSubject(
        _ subject: String, permanent: Bool = false
    ) throws(SchemaRegistryError) -> [Int] {
        let name = try SubjectName(subject)
        return try make { registry throws(SchemaRegistryError) in
            try registry.deleteSubject(name, permanent: permanent)
        }
    }

    @discardableResult
    mutating func configure(
        _ subject: String?, _ change: SubjectSettingsChange
    ) throws(SchemaRegistryError) -> SubjectSettings {
        let name: SubjectName? = if let subject { try SubjectName(subject) } else { nil }
        let limits = limits
        return try make { registry throws(SchemaRegistryError) in
            try registry.configure(name, change, limits: limits)
        }
    }

    func versions(_ subject: String, deleted: Bool = false) throws -> [Int] {
        try registry.versions(of: SubjectName(subject), deleted: deleted).map(\.version)
    }
}

/// Compares by what is required: whoever requires less accepts more.
struct FieldComparer: SchemaComparing {
    func obstacles(
        to reader: ResolvedSchema, from writer: ResolvedSchema, writerIsOlder: Bool
    ) -> [SchemaObstacle] {
        let written = required(writer)
        return required(reader).subtracting(written).sorted().map {
            SchemaObstacle(path: "/\($0)", rule: "required", message: "'\($0)' is required")
        }
    }

    private func required(_ schema: ResolvedSchema) -> Set<String> {
        guard let range = schema.content.text.range("\"required\":[", "]") else { return [] }
        return Set(range.split(separator: ",").map { $0.filter { $0 != "\"" } }.map { String($0) })
    }
}

extension String {
    fileprivate func range(_ begin: String, _ end: String) -> Substring? {
        guard let start = firstRange(of: begin)?.upperBound, let close = self[start...].firstRange(of: end)
        else {
            return nil
        }
        return self[start..<close.lowerBound]
    }
}

/// A schema that requires these members.
func requiring(_ names: String...) -> String {
    "{\"type\":\"object\",\"required\":[\(names.map { "\"\($0)\"" }.joined(separator: ","))]}"
}
