// SPDX-License-Identifier: Apache-2.0

// Writing by xRegistry: new schemas and versions, as documents or in their details; what is decided about a schema; deletion. Versions do not
// change once they are there.

internal import ApusEngine
internal import ApusSchemas
internal import JSONSchemaEvolution
internal import JSONText

extension XRegistryAPI {
    /// Attributes that the server gives: they may be sent, as they are in what was read, and are not looked at.
    private static let given: Set<String> = [
        "self", "xid", "isdefault", "createdat", "modifiedat", "ancestorid", "contenttype", "formatvalidated",
        "formatvalidatedreason", "compatibilityvalidated", "compatibilityvalidatedreason", "globalid",
        "metaurl",
        "versionsurl", "versionscount", "defaultversionid", "defaultversionurl", "defaultversionsticky",
        "epoch",
    ]

    func change(
        _ request: SchemaAPIRequest, _ target: Target, _ path: String
    ) async throws(XRegistryError) -> SchemaAPIResponse {
        guard request.body.count <= Self.bodyBytesMax else {
            var error = XRegistryError.badRequest(
                "The body has \(request.body.count) bytes; at most \(Self.bodyBytesMax) are accepted", path)
            error = XRegistryError(
                status: 413, name: error.name, title: error.title, subject: path, arguments: error.arguments)
            throw error
        }
        switch (target, request.method) {
        case (.schema(let name, let details), .delete):
            guard !details else { throw .badDetails(path) }
            _ = try await ask(XRegistryEntities.xid(name)) { schemas throws(SchemaRequestError) in
                try await schemas.deleteSubject(name, permanent: false)
            }
            return SchemaAPIResponse(204)
        case (.version(let name, let number, let details), .delete):
            guard !details else { throw .badDetails(path) }
            _ = try await ask(path) { schemas throws(SchemaRequestError) in
                try await schemas.deleteSchemaVersion(.number(number), of: name, permanent: false)
            }
            return SchemaAPIResponse(204)
        case (.schema(let name, let details), let method):
            let latest = try entities(request).registry.latest(of: name)?.version
            // A schema that is put is replaced, and what is registered is not.
            guard method == .put, let latest else {
                let content = try content(request, of: name, version: nil, details: details, path)
                return try await register(content, name, details, asVersion: method == .post, request)
            }
            let content = try content(request, of: name, version: latest, details: details, path)
            return try unchanged(content, name, nil, details, request, path)
        case (.version(let name, let number, let details), _):
            let content = try content(request, of: name, version: number, details: details, path)
            let all = (try? entities(request).registry.versions(of: name, deleted: true)) ?? []
            guard !all.contains(where: { $0.version == number }) else {
                return try unchanged(content, name, number, details, request, path)
            }
            let next = (all.last?.version ?? 0) + 1
            guard number == next else {
                throw .malformedID(
                    String(number), path, "the next version is \(next), and numbers are not left out")
            }
            return try await register(content, name, details, asVersion: true, request)
        case (.meta(let name), _): return try await configure(name, request, path)
        default: throw .noSuchAPI(path)
        }
    }

    func ask<Value>(
        _ xid: String, format: String = "",
        _ body: (any SchemaKeeping) async throws(SchemaRequestError) -> Value
    ) async throws(XRegistryError) -> Value {
        do { return try await body(schemas) } catch { throw XRegistryError(error, xid, format: format) }
    }

    /// Registers a version, unless there is one with this content: that one is answered then.
    private func register(
        _ content: SchemaContent, _ name: SubjectName, _ details: Bool, asVersion: Bool,
        _ request: SchemaAPIRequest
    ) async throws(XRegistryError) -> SchemaAPIResponse {
        let before = (try? entities(request).registry.versions(of: name, deleted: true)) ?? []
        let version = try await ask(XRegistryEntities.xid(name), format: content.xRegistryFormat) {
            schemas throws(SchemaRequestError) in
            try await schemas.registerSchema(content, under: name, at: nil)
        }
        let entities = try entities(request)
        var response = try read(
            asVersion
                ? .version(name, version.version, details: details) : .schema(name, details: details),
            entities,
            request)
        if !before.contains(where: { $0.version == version.version }) {
            let xid = asVersion ? XRegistryEntities.xid(version) : XRegistryEntities.xid(name)
            response.status = 201
            response.fields.append(("Location", entities.base + xid + (details ? "$details" : "")))
        }
        return response
    }

    private func unchanged(
        _ content: SchemaContent, _ name: SubjectName, _ number: Int?, _ details: Bool,
        _ request: SchemaAPIRequest,
        _ path: String
    ) throws(XRegistryError) -> SchemaAPIResponse {
        let entities = try entities(request)
        let known = try found(path) { () throws(SchemaRegistryError) in
            try entities.registry.version(number.map { .number($0) } ?? .latest, of: name)
        }
        guard known.content == content else {
            throw XRegistryError(
                status: 400, name: "readonly", title: "Updating a read-only entity (\(path)) is not allowed.",
                subject: path,
                detail:
                    "Versions do not change once they are registered: POST to \(XRegistryEntities.xid(name)) adds one."
            )
        }
        return try read(
            number.map { .version(name, $0, details: details) } ?? .schema(name, details: details), entities,
            request)
    }

    // MARK: What is sent

    private func content(
        _ request: SchemaAPIRequest, of name: SubjectName, version: Int?, details: Bool, _ path: String
    ) throws(XRegistryError) -> SchemaContent {
        let xid = XRegistryEntities.xid(name)
        guard !details else { return try described(request, of: name, version: version, path) }
        guard !request.body.isEmpty else { throw .missing("schema", xid) }
        var format: SchemaFormat?
        for field in request.fields {
            let attribute = String(field.name.dropFirst("xregistry-".count))
            guard let value = XRegistryText.decoded(field.value) else {
                throw XRegistryError(
                    status: 400, name: "header_error",
                    title:
                        "For \"\(path)\", there was an error processing HTTP header \"\(field.name)\": its escapes are broken.",
                    subject: path, arguments: ["name": field.name, "error_detail": "its escapes are broken"])
            }
            switch attribute {
            case "schemaid": try checkID(value, name.description, path)
            case "versionid": try checkVersion(value, version, xid, path)
            case "format":
                format = SchemaFormat(xRegistry: value)
                if format == nil { throw unknownFormat(value, xid) }
            default: if !Self.given.contains(attribute) { throw .unknownAttribute(attribute, xid) }
            }
        }
        guard let format = format ?? SchemaFormat(mediaType: request.mediaType) else {
            throw .missing("format", xid)
        }
        return SchemaContent(format, try text(request.body, path))
    }

    private func text(_ bytes: [UInt8], _ path: String) throws(XRegistryError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .parsing("the schema is not UTF-8", path)
        }
        return text
    }

    private func unknownFormat(_ name: String, _ xid: String) -> XRegistryError {
        XRegistryError(
            status: 400, name: "format_unknown",
            title: "Version \"\(xid)\" has a \"format\" value (\(name)) that it not supported.", subject: xid,
            arguments: ["format": name], detail: "Supported are JsonSchema, XSD, Avro and Protobuf.")
    }

    private func checkID(_ sent: String, _ known: String, _ path: String) throws(XRegistryError) {
        guard sent != known else { return }
        throw XRegistryError(
            status: 400, name: "mismatched_id",
            title: "The specified ID value (\(sent)) for \"\(path)\" needs to be \"\(known)\".",
            subject: path,
            arguments: ["invalid_id": sent, "expected_id": known])
    }

    /// Numbers of new versions are the server's to give.
    private func checkVersion(
        _ sent: String, _ version: Int?, _ xid: String, _ path: String
    ) throws(XRegistryError) {
        if let version { return try checkID(sent, String(version), path) }
        throw XRegistryError(
            status: 400, name: "versionid_not_allowed",
            title:
                "While creating a new Version for \"\(xid)\", a \"versionid\" was specified but the \"setversionid\" model aspect"
                + " for entities of type \"schemas\" is \"false\".",
            subject: xid, arguments: ["plural": "schemas"])
    }

    private func object(_ request: SchemaAPIRequest, _ path: String) throws(XRegistryError) -> JSONObject {
        guard !request.body.isEmpty else {
            throw XRegistryError(
                status: 400, name: "missing_body",
                title: "For \"\(path)\", the request is missing an HTTP body - try '{}'.",
                subject: path)
        }
        do {
            guard let object = try JSONValue(parsing: request.body, duplicateNames: .rejected).object else {
                throw XRegistryError.parsing("the body is not a JSON object", path)
            }
            return object
        } catch let error as XRegistryError {
            throw error
        } catch {
            throw .parsing("\(error)", path)
        }
    }

    /// A schema in its details.
    private func described(
        _ request: SchemaAPIRequest, of name: SubjectName, version: Int?, _ path: String
    ) throws(XRegistryError) -> SchemaContent {
        let xid = XRegistryEntities.xid(name)
        var format: SchemaFormat?
        var texts: [String] = []
        var references: [SchemaReference] = []
        for member in try object(request, path).members where member.value != .null {
            switch member.name {
            case "schemaid": try checkID(member.value.string ?? "", name.description, path)
            case "versionid": try checkVersion(member.value.string ?? "", version, xid, path)
            case "format":
                format = member.value.string.flatMap { SchemaFormat(xRegistry: $0) }
                if format == nil { throw unknownFormat(member.value.string ?? member.value.description, xid) }
            case "schema": texts.append(member.value.string ?? member.value.description)
            case "schemabase64":
                guard let bytes = member.value.string.flatMap({ Base64.decode($0) }) else {
                    throw .invalidAttribute("schemabase64", xid, "it is not base64")
                }
                texts.append(try text(bytes, path))
            case "schemaurl":
                throw .invalidAttribute("schemaurl", xid, "schemas elsewhere are not referred to")
            case "references": references = try self.references(member.value, xid)
            default: if !Self.given.contains(member.name) { throw .unknownAttribute(member.name, xid) }
            }
        }
        guard texts.count <= 1 else {
            throw XRegistryError(
                status: 400, name: "one_resource",
                title:
                    "Only one attribute from \"schema,schemabase64\" can be present at a time for: \(xid).",
                subject: xid, arguments: ["list": "schema,schemabase64"])
        }
        guard let text = texts.first, let format else {
            throw .missing(
                [texts.isEmpty ? "schema" : "", format == nil ? "format" : ""].filter { !$0.isEmpty }
                    .joined(separator: ","), xid)
        }
        return SchemaContent(format, text, references: references)
    }

    private func references(_ value: JSONValue, _ xid: String) throws(XRegistryError) -> [SchemaReference] {
        var references: [SchemaReference] = []
        for item in value.array ?? [] {
            guard let name = item["name"]?.string, let text = item["subject"]?.string,
                let subject = try? SubjectName(text),
                let version = item["version"]?.int64.flatMap({ Int(exactly: $0) })
            else { throw .invalidAttribute("references", xid, "each has 'name', 'subject' and 'version'") }
            references.append(SchemaReference(name: name, subject: subject, version: version))
        }
        return references
    }

    // MARK: What is decided

    private func configure(
        _ name: SubjectName, _ request: SchemaAPIRequest, _ path: String
    ) async throws(XRegistryError) -> SchemaAPIResponse {
        let before = try entities(request)
        _ = try found(path) { () throws(SchemaRegistryError) in try before.meta(name) }
        var change = SubjectSettingsChange()
        // What is put is all there is: a rule that is not there is none.
        if request.method == .put { change.compatibility = .some(SchemaCompatibility.none) }
        for member in try object(request, path).members {
            switch member.name {
            case "compatibility":
                guard member.value != .null else {
                    change.compatibility = .some(SchemaCompatibility.none)
                    continue
                }
                let rule = member.value.string?.lowercased() ?? ""
                guard let level = SchemaCompatibility.allCases.first(where: { $0.xRegistryName == rule })
                else {
                    throw .invalidAttribute(
                        "compatibility", path, "it is not one that GET /capabilities lists")
                }
                change.compatibility = .some(level)
            case "readonly":
                guard member.value == .bool(before.registry.mode(of: name) == .readonly) else {
                    throw .invalidAttribute("readonly", path, "it is not changed here")
                }
            case "schemaid": try checkID(member.value.string ?? "", name.description, path)
            default: if !Self.given.contains(member.name) { throw .unknownAttribute(member.name, path) }
            }
        }
        let settled = change
        _ = try await ask(path) { schemas throws(SchemaRequestError) in
            try await schemas.configureSchemas(name, settled)
        }
        return try read(.meta(name), entities(request), request)
    }
}
