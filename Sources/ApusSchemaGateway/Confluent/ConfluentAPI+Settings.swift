// SPDX-License-Identifier: Apache-2.0

// What is decided about compatibility and modes, for a subject or for all.

internal import ApusEngine
internal import ApusSchemas
internal import JSONSchemaEvolution
internal import JSONText

extension ConfluentAPI {
    /// The subject of a path of one part or two; nil for all.
    private func settingsSubject(_ request: SchemaAPIRequest) throws(ConfluentError) -> SubjectName? {
        guard request.path.count <= 2 else { throw .notFound }
        guard request.path.count == 2 else { return nil }
        // The name of the default context stands for all of its subjects.
        return request.path[1] == ":.:" ? nil : try subject(request.path[1])
    }

    // MARK: Compatibility

    func configRoute(_ request: SchemaAPIRequest) async throws(ConfluentError) -> SchemaAPIResponse {
        let name = try settingsSubject(request)
        let registry = try registry()
        switch request.method {
        case .get:
            if let name, registry.settings(of: name).compatibility == nil, !request.flag("defaultToGlobal") {
                throw ConfluentError(
                    404, 40408, "Subject '\(name)' does not have subject-level compatibility configured")
            }
            return config(request, "compatibilityLevel", registry.compatibility(of: name))
        case .put:
            let body = try body(request)
            // What these ask for would not be done, which nobody would notice.
            for member in body.members where member.name != "compatibility" {
                guard member.value != .null, member.value != .bool(false) else { continue }
                throw ConfluentError(
                    422, 42203, "'\(member.name.prefix(80))' is not supported by this registry")
            }
            guard let text = body["compatibility"]?.string,
                let level = SchemaCompatibility.confluent(text)
            else {
                throw ConfluentError(
                    422, 42203,
                    "Invalid compatibility level. Valid values are "
                        + SchemaCompatibility.allCases.map(\.confluentName).joined(separator: ", "))
            }
            _ = try await ask { schemas throws(SchemaRequestError) in
                try await schemas.configureSchemas(name, SubjectSettingsChange(compatibility: .some(level)))
            }
            return config(request, "compatibility", level)
        case .delete:
            let before = registry.compatibility(of: name)
            if let name, registry.settings(of: name).compatibility == nil {
                throw ConfluentError(404, 40401, "Subject '\(name)' not found.")
            }
            _ = try await ask { schemas throws(SchemaRequestError) in
                try await schemas.configureSchemas(name, SubjectSettingsChange(compatibility: .some(nil)))
            }
            return config(request, "compatibilityLevel", before)
        case .post, .patch: throw .methodNotAllowed
        }
    }

    private func config(
        _ request: SchemaAPIRequest, _ name: StaticString, _ level: SchemaCompatibility
    ) -> SchemaAPIResponse {
        json(request) { writer in
            writer.beginObject()
            writer.member(name, level.confluentName)
            writer.endObject()
        }
    }

    // MARK: Modes

    func modeRoute(_ request: SchemaAPIRequest) async throws(ConfluentError) -> SchemaAPIResponse {
        let name = try settingsSubject(request)
        let registry = try registry()
        switch request.method {
        case .get:
            if let name, registry.settings(of: name).mode == nil, !request.flag("defaultToGlobal") {
                throw ConfluentError(
                    404, 40409, "Subject '\(name)' does not have subject-level mode configured")
            }
            return mode(request, registry.mode(of: name))
        case .put:
            guard let text = try body(request)["mode"]?.string, let wanted = SchemaMode.confluent(text) else {
                throw ConfluentError(
                    422, 42204,
                    "Invalid mode. Valid values are "
                        + SchemaMode.allCases.map(\.confluentName).joined(separator: ", "))
            }
            // Ids that come from elsewhere could be those of schemas that are here.
            if wanted == .import, !request.flag("force"), isInUse(name, registry) {
                throw .notPermitted(
                    "Cannot import since found existing subjects: set 'force' if that is meant")
            }
            _ = try await ask { schemas throws(SchemaRequestError) in
                try await schemas.configureSchemas(name, SubjectSettingsChange(mode: .some(wanted)))
            }
            return mode(request, wanted)
        case .delete:
            let before = registry.mode(of: name)
            if let name, registry.settings(of: name).mode == nil {
                throw ConfluentError(404, 40401, "Subject '\(name)' not found.")
            }
            _ = try await ask { schemas throws(SchemaRequestError) in
                try await schemas.configureSchemas(name, SubjectSettingsChange(mode: .some(nil)))
            }
            return mode(request, before)
        case .post, .patch: throw .methodNotAllowed
        }
    }

    private func isInUse(_ name: SubjectName?, _ registry: SchemaRegistry) -> Bool {
        guard let name else { return !registry.subjects(deleted: true).isEmpty }
        return (try? registry.versions(of: name, deleted: true)) != nil
    }

    private func mode(_ request: SchemaAPIRequest, _ mode: SchemaMode) -> SchemaAPIResponse {
        json(request) { writer in
            writer.beginObject()
            writer.member("mode", mode.confluentName)
            writer.endObject()
        }
    }
}
