// SPDX-License-Identifier: Apache-2.0

// A registry in memory behind the broker's verbs, and requests to the APIs in front of it.

import ApusEngine
import ApusSchemaGateway
import ApusSchemas
import JSONText
import Synchronization

/// A registry in memory.
final class SchemaKeeper: SchemaKeeping {
    private let registry = Mutex(SchemaRegistry())
    let schemaFormats = SchemaFormats()
    private let limits = SchemaRegistryLimits()

    func schemaRegistry() throws(SchemaRequestError) -> SchemaRegistry { registry.withLock { $0 } }

    private func change<Value>(
        _ decide: (SchemaRegistry) throws(SchemaRegistryError) -> SchemaDecision<Value>
    ) throws(SchemaRequestError) -> Value {
        let now = registry.withLock { $0 }
        do throws(SchemaRegistryError) {
            let decision = try decide(now)
            registry.withLock { registry in
                for change in decision.changes { registry.apply(change) }
            }
            return decision.value
        } catch {
            throw .refused(error)
        }
    }

    func registerSchema(
        _ content: SchemaContent, under subject: SubjectName, at place: SchemaPlace?
    ) async throws(SchemaRequestError) -> SchemaVersion {
        try change { registry throws(SchemaRegistryError) in
            try registry.register(
                content, under: subject, at: place, now: 1_795_000_000_123, formats: schemaFormats,
                limits: limits)
        }
    }

    func deleteSchemaVersion(
        _ version: VersionSelector, of subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> Int {
        try change { registry throws(SchemaRegistryError) in
            try registry.delete(version, of: subject, permanent: permanent)
        }
    }

    func deleteSubject(_ subject: SubjectName, permanent: Bool) async throws(SchemaRequestError) -> [Int] {
        try change { registry throws(SchemaRegistryError) in
            try registry.deleteSubject(subject, permanent: permanent)
        }
    }

    func configureSchemas(
        _ subject: SubjectName?, _ change: SubjectSettingsChange
    ) async throws(SchemaRequestError) -> SubjectSettings {
        try self.change { registry throws(SchemaRegistryError) in
            try registry.configure(subject, change, limits: limits)
        }
    }

    func checkSchema(
        _ content: SchemaContent, against subject: SubjectName, version: VersionSelector?
    ) async throws(SchemaRequestError) -> CompatibilityReport {
        let registry = try schemaRegistry()
        do throws(SchemaRegistryError) {
            let resolved = try registry.resolve(content, limits: limits)
            guard let version else {
                return registry.compatibility(of: resolved, with: subject, formats: schemaFormats)
            }
            return try registry.compatibility(
                of: resolved, with: version, of: subject, formats: schemaFormats)
        } catch {
            throw .refused(error)
        }
    }
}

/// An answer, taken apart.
struct Answered {
    let status: UInt16
    let type: String
    let fields: [String: String]
    let text: String

    init(_ response: SchemaAPIResponse) {
        status = response.status
        type = response.contentType
        fields = Dictionary(response.fields.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
        text = String(decoding: response.body, as: UTF8.self)
    }

    subscript(_ name: String) -> JSONValue? { (try? JSONValue(parsing: Array(text.utf8)))?[name] }
}
