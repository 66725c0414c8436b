// SPDX-License-Identifier: Apache-2.0

// Schemas by id, which is how consumers ask: the id stands in each record.

internal import ApusSchemas
internal import JSONText

extension ConfluentAPI {
    func schemaRoute(_ request: SchemaAPIRequest) throws(ConfluentError) -> SchemaAPIResponse {
        let path = request.path
        let isKnown = path.count == 1 || path == ["schemas", "types"] || (3...4).contains(path.count)
        guard isKnown else { throw .notFound }
        guard request.method == .get else { throw .methodNotAllowed }
        if path == ["schemas", "types"] {
            return json(request) { $0.list(SchemaFormat.allCases.map(\.confluentName)) }
        }
        if path.count == 1 { return try all(request) }
        if PathPattern.match(path, "schemas", "guids", "*") != nil {
            throw ConfluentError(404, 40403, "schemas have no guids here: ask by id")
        }
        let registry = try registry()
        if let parts = PathPattern.match(path, "schemas", "ids", "*") {
            let id = try schema(parts[0], request, registry)
            let content = try look { () throws(SchemaRegistryError) in try registry.content(id) }
            return json(request) { writer in
                writer.beginObject()
                writer.content(content)
                if request.flag("fetchMaxId") {
                    writer.member("maxId", Int(registry.maxID))
                }
                writer.endObject()
            }
        }
        guard let parts = PathPattern.match(path, "schemas", "ids", "*", "*") else { throw .notFound }
        let id = try schema(parts[0], request, registry)
        switch parts[1] {
        case "schema":
            return text(try look { () throws(SchemaRegistryError) in try registry.content(id) }, request)
        case "subjects", "versions":
            let versions = try look { () throws(SchemaRegistryError) in
                try registry.versions(of: id, deleted: request.flag("deleted"))
            }
            guard parts[1] == "versions" else {
                let names = Set(versions.map(\.subject)).sorted().map(\.description)
                return json(request) { $0.list(page(names, request)) }
            }
            return json(request) { writer in
                writer.beginArray()
                for version in page(versions, request) {
                    writer.beginObject()
                    writer.member("subject", version.subject.description)
                    writer.member("version", version.version)
                    writer.endObject()
                }
                writer.endArray()
            }
        default: throw .notFound
        }
    }

    /// The text alone: JSON for what is JSON.
    func text(_ content: SchemaContent, _ request: SchemaAPIRequest) -> SchemaAPIResponse {
        let type =
            switch content.format {
            case .json, .avro: ConfluentAPI.form(request.accept)
            case .xsd: "application/xml"
            case .protobuf: "text/plain; charset=utf-8"
            }
        return SchemaAPIResponse(200, contentType: type, body: Array(content.text.utf8))
    }

    /// An id that is there, within the subject that is asked about.
    private func schema(
        _ text: String, _ request: SchemaAPIRequest, _ registry: SchemaRegistry
    ) throws(ConfluentError) -> SchemaID {
        let id = try id(text)
        if let format = request.value("format"), !format.isEmpty {
            throw ConfluentError(
                422, 42201,
                "the format '\(format.prefix(40))' is not offered: schemas are served as they came")
        }
        _ = try look { () throws(SchemaRegistryError) in try registry.content(id) }
        if let name = request.value("subject"), !name.isEmpty, name != ":.:" {
            guard registry.isRegistered(id, under: try subject(name)) else {
                throw ConfluentError(404, 40403, "Schema \(id) not found")
            }
        }
        return id
    }

    private func all(_ request: SchemaAPIRequest) throws(ConfluentError) -> SchemaAPIResponse {
        let registry = try registry()
        let deleted = request.flag("deleted")
        var found: [RegisteredSchema] = []
        for name in registry.subjects(deleted: deleted, prefix: prefix(request)) {
            let versions = (try? registry.versions(of: name, deleted: deleted)) ?? []
            for version in request.flag("latestOnly") ? versions.suffix(1) : versions[...] {
                guard let content = try? registry.content(version.id) else { continue }
                found.append(RegisteredSchema(version: version, content: content))
            }
        }
        return json(request) { writer in
            writer.beginArray()
            // One text can be registered under any number of subjects.
            for schema in page(found, request) where writer.bytes.count < ConfluentAPI.listBytesMax {
                writer.registered(schema)
            }
            writer.endArray()
        }
    }

    /// What subjects are to begin with. Clients ask for the default context by its name.
    func prefix(_ request: SchemaAPIRequest) -> String {
        let prefix = request.value("subjectPrefix") ?? ""
        return prefix == ":*:" ? "" : prefix.hasPrefix(":.:") ? String(prefix.dropFirst(3)) : prefix
    }
}

extension SchemaRegistry {
    /// The greatest id that there is.
    var maxID: Int32 {
        var greatest: Int32 = 0
        for name in subjects(deleted: true) {
            for version in (try? versions(of: name, deleted: true)) ?? [] {
                greatest = max(greatest, version.id.rawValue)
            }
        }
        return greatest
    }
}
