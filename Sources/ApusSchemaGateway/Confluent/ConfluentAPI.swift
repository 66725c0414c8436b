// SPDX-License-Identifier: Apache-2.0

// Confluent's REST API in front of the schema registry: paths, and what is common to all of them. What is done at each path is in the files
// beside this one.

public import ApusEngine
internal import ApusSchemas
internal import JSONText

/// Confluent's Schema Registry API.
public struct ConfluentAPI: Sendable {
    /// Where it is served.
    public static let path = "/schema-registry"
    /// The largest body: the text of a schema within a JSON string, with what is around it.
    public static let bodyBytesMax = 4 << 20
    /// Bytes at which a list of schemas ends; more is there by `offset`.
    static let listBytesMax = 8 << 20

    let schemas: any SchemaKeeping

    /// The API in front of a registry.
    public init(_ schemas: any SchemaKeeping) { self.schemas = schemas }

    static let mediaType = "application/vnd.schemaregistry.v1+json"

    /// Answers a request.
    public func answer(_ request: SchemaAPIRequest) async -> SchemaAPIResponse {
        do throws(ConfluentError) {
            return try await route(request)
        } catch {
            return ConfluentAPI.refusal(error, request.accept)
        }
    }

    /// What is answered to a request that is refused before it comes here: for want of a token, for example.
    public static func refusal(status: UInt16, message: String, accept: String? = nil) -> SchemaAPIResponse {
        refusal(ConfluentError(status, Int(status), message), accept)
    }

    private static func refusal(_ error: ConfluentError, _ accept: String?) -> SchemaAPIResponse {
        SchemaAPIResponse(error.status, contentType: form(accept), body: error.json)
    }

    /// The form of answers: the vendor's own, unless only plain JSON is taken.
    static func form(_ accept: String?) -> String {
        guard let accept = accept?.lowercased(), accept.contains("application/json"),
            !accept.contains("vnd.schemaregistry"), !accept.contains("*/*")
        else { return mediaType }
        return "application/json"
    }

    func json(_ request: SchemaAPIRequest, _ write: (inout JSONWriter) -> Void) -> SchemaAPIResponse {
        var writer = JSONWriter(capacity: 512)
        write(&writer)
        return SchemaAPIResponse(200, contentType: ConfluentAPI.form(request.accept), body: writer.bytes)
    }

    // MARK: Paths

    private func route(_ request: SchemaAPIRequest) async throws(ConfluentError) -> SchemaAPIResponse {
        let path = request.path
        switch path.first {
        case nil:
            guard request.method == .get else { throw .methodNotAllowed }
            return json(request) { writer in
                writer.beginObject()
                writer.endObject()
            }
        case "schemas": return try schemaRoute(request)
        case "subjects": return try await subjectRoute(request)
        case "compatibility": return try await compatibilityRoute(request)
        case "config": return try await configRoute(request)
        case "mode": return try await modeRoute(request)
        case "contexts":
            guard path.count == 1 else { throw .notFound }
            guard request.method == .get else { throw .methodNotAllowed }
            return json(request) { writer in
                writer.beginArray()
                writer.string(".")
                writer.endArray()
            }
        default: throw .notFound
        }
    }

    // MARK: What is asked

    func registry() throws(ConfluentError) -> SchemaRegistry {
        do { return try schemas.schemaRegistry() } catch { throw ConfluentError(error) }
    }

    func ask<Value>(
        _ body: (any SchemaKeeping) async throws(SchemaRequestError) -> Value
    ) async throws(ConfluentError) -> Value {
        do { return try await body(schemas) } catch { throw ConfluentError(error) }
    }

    func look<Value>(_ body: () throws(SchemaRegistryError) -> Value) throws(ConfluentError) -> Value {
        do { return try body() } catch { throw ConfluentError(error) }
    }

    /// The subject of a path. Contexts are other registries inside one, and there are none here but the default.
    func subject(_ text: String) throws(ConfluentError) -> SubjectName {
        var name = text[...]
        if name.hasPrefix(":.:") {
            name = name.dropFirst(3)
        } else if name.hasPrefix(":.") {
            throw ConfluentError(
                422, 42208, "'\(text.prefix(80))' names a context: this registry has the default context only"
            )
        }
        return try look { () throws(SchemaRegistryError) in try SubjectName(name) }
    }

    func version(_ text: String) throws(ConfluentError) -> VersionSelector {
        guard let version = VersionSelector(text) else { throw .invalidVersion(text) }
        return version
    }

    func id(_ text: String) throws(ConfluentError) -> SchemaID {
        guard let id = Int32(text) else { throw .notFound }
        return SchemaID(rawValue: id)
    }

    /// The members of a body, which is an object.
    func body(_ request: SchemaAPIRequest) throws(ConfluentError) -> JSONObject {
        guard request.body.count <= ConfluentAPI.bodyBytesMax else {
            throw ConfluentError(
                413, 413,
                "the body has \(request.body.count) bytes; at most \(ConfluentAPI.bodyBytesMax) are accepted")
        }
        if let type = request.mediaType {
            guard type == "application/octet-stream" || type == "application/json" || type.hasSuffix("+json")
            else {
                throw ConfluentError(
                    415, 415, "a body of type '\(type.prefix(80))' is not accepted: send JSON")
            }
        } else {
            throw ConfluentError(415, 415, "the body has no content type: send '\(ConfluentAPI.mediaType)'")
        }
        guard let value = try? JSONValue(parsing: request.body, duplicateNames: .rejected),
            let object = value.object
        else { throw ConfluentError(422, 42201, "the body is not a JSON object") }
        return object
    }

    /// The part of a list that `offset` and `limit` ask for.
    func page<Element>(_ list: [Element], _ request: SchemaAPIRequest) -> ArraySlice<Element> {
        let offset = min(max(request.value("offset").flatMap { Int($0) } ?? 0, 0), list.count)
        let limit = request.value("limit").flatMap { Int($0) } ?? -1
        return limit < 1 ? list[offset...] : list[offset...].prefix(limit)
    }
}
