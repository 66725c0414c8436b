// SPDX-License-Identifier: Apache-2.0

// Subjects and their versions: what producers register and ask for, and what is deleted; whether a schema would be compatible.

internal import ApusEngine
internal import ApusSchemas
internal import JSONText

extension ConfluentAPI {
    func subjectRoute(_ request: SchemaAPIRequest) async throws(ConfluentError) -> SchemaAPIResponse {
        let path = request.path
        guard path.count > 1 else {
            guard request.method == .get else { throw .methodNotAllowed }
            return try subjects(request)
        }
        let name = try subject(path[1])
        if path.count == 2 {
            switch request.method {
            case .post: return try find(name, request)
            case .delete:
                let permanent = request.flag("permanent")
                let versions = try await ask { schemas throws(SchemaRequestError) in
                    try await schemas.deleteSubject(name, permanent: permanent)
                }
                return json(request) { $0.list(versions) }
            default: throw .methodNotAllowed
            }
        }
        guard path[2] == "versions" else { throw .notFound }
        switch (path.count, request.method) {
        case (3, .get): return try versions(of: name, request)
        case (3, .post): return try await register(name, request)
        case (4, .get): return try version(path[3], of: name, request)
        case (4, .delete):
            let selector = try version(path[3])
            let permanent = request.flag("permanent")
            let number = try await ask { schemas throws(SchemaRequestError) in
                try await schemas.deleteSchemaVersion(selector, of: name, permanent: permanent)
            }
            return json(request) { $0.integer(number) }
        case (5, .get) where path[4] == "schema":
            return text(try registered(path[3], of: name, request).content, request)
        case (5, .get) where path[4] == "referencedby":
            let registry = try registry()
            let number = try registered(path[3], of: name, request).version.version
            let ids = registry.referencing(name, number, deleted: request.flag("deleted"))
            return json(request) { $0.list(page(ids, request).map { Int($0.rawValue) }) }
        case (3, _), (4, _): throw .methodNotAllowed
        default: throw .notFound
        }
    }

    // MARK: Look

    private func subjects(_ request: SchemaAPIRequest) throws(ConfluentError) -> SchemaAPIResponse {
        let registry = try registry()
        let onlyDeleted = request.flag("deletedOnly")
        var names = registry.subjects(
            deleted: onlyDeleted || request.flag("deleted"), prefix: prefix(request))
        if onlyDeleted { names = names.filter { registry.latest(of: $0) == nil } }
        return json(request) { $0.list(page(names, request).map(\.description)) }
    }

    private func versions(
        of name: SubjectName, _ request: SchemaAPIRequest
    ) throws(ConfluentError) -> SchemaAPIResponse {
        let registry = try registry()
        let onlyDeleted = request.flag("deletedOnly")
        let versions = try look { () throws(SchemaRegistryError) in
            try registry.versions(of: name, deleted: onlyDeleted || request.flag("deleted"))
        }
        let wanted = onlyDeleted ? versions.filter(\.isDeleted) : versions
        return json(request) { $0.list(page(wanted, request).map(\.version)) }
    }

    private func registered(
        _ text: String, of name: SubjectName, _ request: SchemaAPIRequest
    ) throws(ConfluentError) -> RegisteredSchema {
        let selector = try version(text)
        let registry = try registry()
        return try look { () throws(SchemaRegistryError) in
            try registry.version(selector, of: name, deleted: request.flag("deleted"))
        }
    }

    private func version(
        _ text: String, of name: SubjectName, _ request: SchemaAPIRequest
    ) throws(ConfluentError) -> SchemaAPIResponse {
        let found = try registered(text, of: name, request)
        return json(request) { $0.registered(found) }
    }

    private func find(
        _ name: SubjectName, _ request: SchemaAPIRequest
    ) throws(ConfluentError) -> SchemaAPIResponse {
        let content = try content(request).content
        let registry = try registry()
        let version = try look { () throws(SchemaRegistryError) in
            try registry.find(content, under: name, deleted: request.flag("deleted"))
        }
        return json(request) { $0.registered(RegisteredSchema(version: version, content: content)) }
    }

    // MARK: Register

    private func register(
        _ name: SubjectName, _ request: SchemaAPIRequest
    ) async throws(ConfluentError) -> SchemaAPIResponse {
        let sent = try content(request)
        let version = try await ask { schemas throws(SchemaRequestError) in
            try await schemas.registerSchema(sent.content, under: name, at: sent.place)
        }
        // The subject is left out: Confluent's does, and its clients take what is there for more than an id.
        return json(request) { writer in
            writer.beginObject()
            writer.member("id", Int(version.id.rawValue))
            writer.member("version", version.version)
            writer.content(sent.content)
            writer.endObject()
        }
    }

    // MARK: Compatibility

    func compatibilityRoute(_ request: SchemaAPIRequest) async throws(ConfluentError) -> SchemaAPIResponse {
        let path = request.path
        let name: SubjectName
        let selector: VersionSelector?
        if let parts = PathPattern.match(path, "compatibility", "subjects", "*", "versions") {
            (name, selector) = (try subject(parts[0]), nil)
        } else if let parts = PathPattern.match(path, "compatibility", "subjects", "*", "versions", "*") {
            (name, selector) = (try subject(parts[0]), try version(parts[1]))
        } else {
            throw .notFound
        }
        guard request.method == .post else { throw .methodNotAllowed }
        let content = try content(request).content
        let report = try await ask { schemas throws(SchemaRequestError) in
            try await schemas.checkSchema(content, against: name, version: selector)
        }
        return json(request) { writer in
            writer.beginObject()
            writer.member("is_compatible", report.isCompatible)
            if request.flag("verbose") {
                writer.key("messages")
                writer.list(report.differences.map(\.description))
            }
            writer.endObject()
        }
    }
}
