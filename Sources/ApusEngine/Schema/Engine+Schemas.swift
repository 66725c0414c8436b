// SPDX-License-Identifier: Apache-2.0

// The registry of schemas as the broker's verbs.

import ApusModel
public import ApusSchemas
import ApusStorage
import Synchronization

extension Engine {
    /// Opens the registry of schemas, unless it is open.
    func openSchemas() throws(LogError) {
        guard context.schemas.withLock({ $0 == nil }) else { return }
        let office = try SchemaOffice(context: context)
        context.schemas.withLock { $0 = office }
    }

    func requireSchemas() throws(SchemaRequestError) -> SchemaOffice {
        guard !isStopped else { throw .broker(.unavailable(.stopping)) }
        guard let office = context.schemas.withLock({ $0 }) else {
            throw .broker(.unavailable(.notOpen("schemas could not be opened; that is tried again")))
        }
        return office
    }

    public func schemaRegistry() throws(SchemaRequestError) -> SchemaRegistry {
        try requireSchemas().registry
    }

    public var schemaFormats: SchemaFormats { context.options.schemaFormats }

    public func registerSchema(
        _ content: SchemaContent, under subject: SubjectName, at place: SchemaPlace?
    ) async throws(SchemaRequestError) -> SchemaVersion {
        let (office, now) = (try requireSchemas(), context.clock.wall.rawValue)
        let (formats, limits) = (office.formats, office.limits)
        let version = try await office.change { registry throws(SchemaRegistryError) in
            try registry.register(
                content, under: subject, at: place, now: now, formats: formats, limits: limits)
        }
        // So that the first event that it judges does not wait for it to be compiled.
        try await office.beside { () throws(SchemaRegistryError) in
            _ = office.inForce(version.id, of: subject)
        }
        return version
    }

    public func deleteSchemaVersion(
        _ version: VersionSelector, of subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> Int {
        try await requireSchemas().change { registry throws(SchemaRegistryError) in
            try registry.delete(version, of: subject, permanent: permanent)
        }
    }

    public func deleteSubject(
        _ subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> [Int] {
        try await requireSchemas().change { registry throws(SchemaRegistryError) in
            try registry.deleteSubject(subject, permanent: permanent)
        }
    }

    public func configureSchemas(
        _ subject: SubjectName?, _ change: SubjectSettingsChange
    ) async throws(SchemaRequestError) -> SubjectSettings {
        let office = try requireSchemas()
        let limits = office.limits
        return try await office.change { registry throws(SchemaRegistryError) in
            try registry.configure(subject, change, limits: limits)
        }
    }

    public func checkSchema(
        _ content: SchemaContent, against subject: SubjectName, version: VersionSelector?
    ) async throws(SchemaRequestError) -> CompatibilityReport {
        let office = try requireSchemas()
        let (registry, formats, limits) = (office.registry, office.formats, office.limits)
        return try await office.beside { () throws(SchemaRegistryError) in
            guard content.text.utf8.count <= limits.schemaBytes else {
                throw .tooMany(what: "bytes of a schema", limit: limits.schemaBytes)
            }
            var resolved = try registry.resolve(content, limits: limits)
            resolved.assertsFormats = registry.assertsFormats(of: subject)
            _ = try formats.compile(resolved)
            guard let version else {
                return registry.compatibility(of: resolved, with: subject, formats: formats)
            }
            return try registry.compatibility(of: resolved, with: version, of: subject, formats: formats)
        }
    }

    public func judge(
        _ data: [UInt8], by id: SchemaID, of subject: SubjectName?, limit: Int
    ) async throws(SchemaRequestError) -> [SchemaViolation] {
        let office = try requireSchemas()
        return try await office.beside { () throws(SchemaRegistryError) in
            guard let schema = office.inForce(id, of: subject) else { throw .unknownID(id) }
            if let flaw = schema.flaw { throw .invalidSchema(SchemaFlaw(flaw)) }
            guard let judge = schema.judge else { return [] }
            return data.withUnsafeBytes { judge.refusal(of: $0, limit: limit) ?? [] }
        }
    }
}
