// SPDX-License-Identifier: Apache-2.0

// A registry of schemas in memory behind the broker's verbs, for what stands in front of it: no log, no threads, every change made at once.

package import ApusEngine
package import ApusSchemas
import Synchronization

/// A registry of schemas in memory.
package final class SchemaKeeper: SchemaKeeping {
    private let registry = Mutex(SchemaRegistry())
    private let noted = Mutex<[SchemaChange]>([])
    package let schemaFormats = SchemaFormats()
    private let limits = SchemaRegistryLimits()

    /// An empty registry.
    package init() {}

    /// Everything that happened to the registry, in order.
    package var changes: [SchemaChange] { noted.withLock { $0 } }

    package func schemaRegistry() throws(SchemaRequestError) -> SchemaRegistry { registry.withLock { $0 } }

    private func change<Value>(
        _ decide: (SchemaRegistry) throws(SchemaRegistryError) -> SchemaDecision<Value>
    ) throws(SchemaRequestError) -> Value {
        let now = registry.withLock { $0 }
        do throws(SchemaRegistryError) {
            let decision = try decide(now)
            registry.withLock { registry in
                for change in decision.changes { registry.apply(change) }
            }
            noted.withLock { $0 += decision.changes }
            return decision.value
        } catch {
            throw .refused(error)
        }
    }

    package func registerSchema(
        _ content: SchemaContent, under subject: SubjectName, at place: SchemaPlace?
    ) async throws(SchemaRequestError) -> SchemaVersion {
        try change { registry throws(SchemaRegistryError) in
            try registry.register(
                content, under: subject, at: place, now: 1_795_000_000_123, formats: schemaFormats,
                limits: limits)
        }
    }

    package func deleteSchemaVersion(
        _ version: VersionSelector, of subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> Int {
        try change { registry throws(SchemaRegistryError) in
            try registry.delete(version, of: subject, permanent: permanent)
        }
    }

    package func deleteSubject(
        _ subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> [Int] {
        try change { registry throws(SchemaRegistryError) in
            try registry.deleteSubject(subject, permanent: permanent)
        }
    }

    package func configureSchemas(
        _ subject: SubjectName?, _ change: SubjectSettingsChange
    ) async throws(SchemaRequestError) -> SubjectSettings {
        try self.change { registry throws(SchemaRegistryError) in
            try registry.configure(subject, change, limits: limits)
        }
    }

    package func checkSchema(
        _ content: SchemaContent, against subject: SubjectName, version: VersionSelector?
    ) async throws(SchemaRequestError) -> CompatibilityReport {
        let registry = try schemaRegistry()
        do throws(SchemaRegistryError) {
            guard content.text.utf8.count <= limits.schemaBytes else {
                throw .tooMany(what: "bytes of a schema", limit: limits.schemaBytes)
            }
            var resolved = try registry.resolve(content, limits: limits)
            resolved.assertsFormats = registry.assertsFormats(of: subject)
            _ = try schemaFormats.compile(resolved)
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
