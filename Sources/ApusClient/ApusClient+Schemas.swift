// SPDX-License-Identifier: Apache-2.0

// Schemas: subjects, versions, what is decided about them, and trying.

public import JSONText

/// A subject of schemas, as the server tells of it.
public struct SubjectInfo: Sendable, Hashable {
    /// Its name.
    public var subject: String
    /// What a new version must have to do with earlier ones.
    public var compatibility: String
    /// What can be done.
    public var mode: String
    /// The numbers of its versions.
    public var versions: [Int64]
    /// Event types that are bound to it.
    public var eventTypes: [String]
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a subject of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a subject")
        subject = try fields.string("subject")
        compatibility = try fields.string("compatibility")
        mode = try fields.string("mode")
        versions = (json["versions"]?.array ?? []).compactMap(\.int64)
        eventTypes = (json["event_types"]?.array ?? []).compactMap(\.string)
        self.json = json
    }
}

/// A version of a schema, as the server tells of it.
public struct SchemaVersionInfo: Sendable, Hashable {
    /// Whose version it is.
    public var subject: String
    /// Its number.
    public var version: Int64
    /// The id of the schema.
    public var id: Int64
    /// When it was registered.
    public var registered: String
    /// Whether it is deleted softly.
    public var isDeleted: Bool
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a version of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a version of a schema")
        subject = try fields.string("subject")
        version = fields.optionalInteger("version") ?? 0
        id = fields.optionalInteger("id") ?? 0
        registered = try fields.string("registered")
        isDeleted = fields.optionalBool("deleted") ?? false
        self.json = json
    }
}

extension ApusClient {
    /// A page of the subjects, by name.
    public func subjects(
        deleted: Bool = false, prefix: String? = nil, limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<SubjectInfo> {
        var request = APIRequest(.get, "v1", "schemas")
        request.add("deleted", deleted ? "true" : nil)
        request.add("prefix", prefix)
        return try await page(request, member: "subjects", limit: limit, after: after, SubjectInfo.init)
    }

    /// The versions of a subject.
    public func schemaVersions(
        of subject: String, deleted: Bool = false
    ) async throws(ApusClientError) -> [SchemaVersionInfo] {
        var request = APIRequest(.get, "v1", "schemas", subject, "versions")
        request.add("deleted", deleted ? "true" : nil)
        let json = try await send(request).json()
        return try JSONFields(json, "a list of versions").array("versions").decoded(SchemaVersionInfo.init)
    }

    /// One version of a subject, by its number or as `latest`.
    public func schemaVersion(
        _ version: String, of subject: String
    ) async throws(ApusClientError) -> SchemaVersionInfo {
        try SchemaVersionInfo(
            try await send(APIRequest(.get, "v1", "schemas", subject, "versions", version)).json())
    }

    /// Registers a schema, unless it is there already.
    ///
    /// - Parameter source: `format`, `schema` and `references`, as the API has them.
    public func registerSchema(
        _ source: JSONObject, under subject: String
    ) async throws(ApusClientError) -> Stored<SchemaVersionInfo> {
        try await put(
            APIRequest(.post, "v1", "schemas", subject, "versions"), source, SchemaVersionInfo.init)
    }

    /// Tells whether a schema could be the next version of a subject, or is compatible with one of its versions.
    public func checkSchema(
        _ source: JSONObject, against subject: String, version: String? = nil
    ) async throws(ApusClientError) -> JSONValue {
        var request = APIRequest(.post, "v1", "schemas", subject, "check")
        request.add("version", version)
        request.setBody(.object(source))
        return try await send(request).json()
    }

    /// Deletes a subject, or one of its versions: softly, or, when it is so already, for good.
    public func deleteSchema(
        _ subject: String, version: String? = nil, permanent: Bool = false
    ) async throws(ApusClientError) {
        var request = APIRequest(.delete, "v1", "schemas", subject)
        if let version { request.path += ["versions", version] }
        request.add("permanent", permanent ? "true" : nil)
        _ = try await send(request)
    }

    /// What is decided about a subject, or, with nil, about all; first changed as far as `change` says, if it is given.
    public func schemaConfig(
        of subject: String?, change: JSONObject? = nil
    ) async throws(ApusClientError) -> JSONValue {
        var request = APIRequest(change == nil ? .get : .put, "v1")
        request.path += subject.map { ["schemas", $0, "config"] } ?? ["schema-config"]
        if let change { request.setBody(.object(change)) }
        return try await send(request).json()
    }
}
