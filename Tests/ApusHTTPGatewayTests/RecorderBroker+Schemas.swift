// SPDX-License-Identifier: Apache-2.0

// The recorder's schemas: a registry without a log.

import ApusModel
import ApusSchemas

@testable import ApusEngine

extension RecorderBroker {
    private func decide<Value>(
        _ body: (SchemaRegistry) throws(SchemaRegistryError) -> SchemaDecision<Value>
    ) throws(SchemaRequestError) -> Value {
        let result = change { state -> Result<Value, SchemaRequestError> in
            if let error = state.error { return .failure(.broker(error)) }
            do throws(SchemaRegistryError) {
                let decision = try body(state.schemas)
                for change in decision.changes { state.schemas.apply(change) }
                return .success(decision.value)
            } catch { return .failure(.refused(error)) }
        }
        return try result.get()
    }

    func schemaRegistry() throws(SchemaRequestError) -> SchemaRegistry { change { $0.schemas } }

    func registerSchema(
        _ content: SchemaContent, under subject: SubjectName, at place: SchemaPlace?
    ) async throws(SchemaRequestError) -> SchemaVersion {
        try decide { registry throws(SchemaRegistryError) in
            try registry.register(
                content, under: subject, at: place, now: RecorderBroker.created.rawValue,
                formats: SchemaFormats(), limits: SchemaRegistryLimits())
        }
    }

    func deleteSchemaVersion(
        _ version: VersionSelector, of subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> Int {
        try decide { registry throws(SchemaRegistryError) in
            try registry.delete(version, of: subject, permanent: permanent)
        }
    }

    func deleteSubject(
        _ subject: SubjectName, permanent: Bool
    ) async throws(SchemaRequestError) -> [Int] {
        try decide { registry throws(SchemaRegistryError) in
            try registry.deleteSubject(subject, permanent: permanent)
        }
    }

    func configureSchemas(
        _ subject: SubjectName?, _ change: SubjectSettingsChange
    ) async throws(SchemaRequestError) -> SubjectSettings {
        try decide { registry throws(SchemaRegistryError) in
            try registry.configure(subject, change, limits: SchemaRegistryLimits())
        }
    }
}
