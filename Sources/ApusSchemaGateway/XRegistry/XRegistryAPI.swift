// SPDX-License-Identifier: Apache-2.0

// The schema endpoints of xRegistry (CNCF) in front of the registry: paths, and what is read at each of them. Writing is in the file beside
// this one.

public import ApusEngine
internal import ApusSchemas
internal import JSONText

/// xRegistry's API of schemas.
public struct XRegistryAPI: Sendable {
    /// Where it is served: the root of the registry.
    public static let path = "/xregistry"
    /// The largest body, which can hold a schema as JSON or in base64.
    public static let bodyBytesMax = 4 << 20
    /// Entities of one page of a collection.
    public static let pageMax = 1_000

    let schemas: any SchemaKeeping

    /// The API in front of a registry.
    public init(_ schemas: any SchemaKeeping) { self.schemas = schemas }

    static let json = "application/json; charset=utf-8"

    /// Answers a request.
    public func answer(_ request: SchemaAPIRequest) async -> SchemaAPIResponse {
        do throws(XRegistryError) {
            return try await route(request)
        } catch {
            return XRegistryAPI.refusal(error)
        }
    }

    /// What is answered to a request that is refused before it comes here: for want of a token, for example.
    public static func refusal(status: UInt16, message: String, path: String) -> SchemaAPIResponse {
        var error = XRegistryError.badRequest(message, path)
        if status == 404 { error = .noSuchAPI(path) }
        var response = refusal(error)
        response.status = status
        return response
    }

    private static func refusal(_ error: XRegistryError) -> SchemaAPIResponse {
        SchemaAPIResponse(
            error.status, contentType: json, fields: error.allowed.map { [("Allow", $0)] } ?? [],
            body: error.json)
    }

    // MARK: Paths

    /// What a path leads to.
    enum Target {
        case root, capabilities, model
        case groups, group, schemas
        case schema(SubjectName, details: Bool)
        case meta(SubjectName)
        case versions(SubjectName)
        case version(SubjectName, Int, details: Bool)

        /// What can be done there.
        var methods: [SchemaAPIRequest.Method] {
            switch self {
            case .root, .capabilities, .model, .groups, .group, .schemas, .versions: [.get]
            case .schema: [.get, .put, .post, .delete]
            case .meta: [.get, .put, .patch]
            case .version: [.get, .put, .delete]
            }
        }
    }

    private func target(_ request: SchemaAPIRequest, _ path: String) throws(XRegistryError) -> Target {
        let parts = request.path
        // Only schemas and versions have a document beside their details.
        let isDocument = parts.count == 4 || (parts.count == 6 && parts[4] == "versions")
        var last = parts.last ?? ""
        let details = last.hasSuffix("$details")
        if details {
            guard isDocument else { throw .badDetails(path) }
            last = String(last.dropLast("$details".count))
        }
        switch parts.count {
        case 0: return .root
        case 1:
            switch parts[0] {
            case "capabilities": return .capabilities
            case "model": return .model
            case "schemagroups": return .groups
            default: throw .noSuchAPI(path)
            }
        default: break
        }
        guard parts[0] == "schemagroups" else { throw .noSuchAPI(path) }
        guard parts[1] == XRegistryEntities.group else { throw .notFound("/schemagroups/\(parts[1])") }
        if parts.count == 2 { return .group }
        guard parts[2] == "schemas" else { throw .noSuchAPI(path) }
        if parts.count == 3 { return .schemas }
        let name = try subject(parts.count == 4 ? last : parts[3], path)
        switch parts.count {
        case 4: return .schema(name, details: details)
        case 5 where parts[4] == "meta": return .meta(name)
        case 5 where parts[4] == "versions": return .versions(name)
        case 6 where parts[4] == "versions":
            guard let number = Int(last), number > 0, number < Int(Int32.max), String(number) == last else {
                throw .notFound(XRegistryEntities.xid(name) + "/versions/\(last)")
            }
            return .version(name, number, details: details)
        default: throw .noSuchAPI(path)
        }
    }

    private func subject(_ text: String, _ path: String) throws(XRegistryError) -> SubjectName {
        if let objection = XRegistryText.objection(to: text) { throw .malformedID(text, path, objection) }
        do {
            return try SubjectName(text)
        } catch {
            throw XRegistryError(error, path)
        }
    }

    private func route(_ request: SchemaAPIRequest) async throws(XRegistryError) -> SchemaAPIResponse {
        let path = "/" + request.path.joined(separator: "/")
        let target = try target(request, path)
        guard target.methods.contains(request.method) else {
            throw .notSupported(
                request.method.rawValue, path, allowed: target.methods.map(\.rawValue).joined(separator: ", ")
            )
        }
        try checkFlags(request, target, path)
        guard request.method == .get else { return try await change(request, target, path) }
        return try read(target, entities(request), request)
    }

    private func checkFlags(
        _ request: SchemaAPIRequest, _ target: Target, _ path: String
    ) throws(XRegistryError) {
        for item in request.query {
            switch (item.name, target) {
            case ("specversion", _):
                guard item.value == XRegistryEntities.specification else {
                    throw XRegistryError(
                        status: 400, name: "unsupported_specversion",
                        title:
                            "The specified \"specversion\" value (\(item.value)) is not supported. Supported versions: "
                            + XRegistryEntities.specification + ".",
                        subject: path,
                        arguments: ["specversion": item.value, "list": XRegistryEntities.specification])
                }
            case ("limit", .schemas), ("limit", .versions), ("after", .schemas), ("after", .versions): break
            default: throw .badFlag(item.name, path)
            }
        }
    }

    func entities(_ request: SchemaAPIRequest) throws(XRegistryError) -> XRegistryEntities {
        do {
            return XRegistryEntities(
                registry: try schemas.schemaRegistry(), formats: schemas.schemaFormats, base: request.base)
        } catch {
            throw XRegistryError(error, "/")
        }
    }

    // MARK: Read

    func read(
        _ target: Target, _ entities: XRegistryEntities, _ request: SchemaAPIRequest
    ) throws(XRegistryError) -> SchemaAPIResponse {
        switch target {
        case .root: return Self.object(entities.root())
        case .capabilities:
            return SchemaAPIResponse(
                200, contentType: Self.json, body: XRegistryModel.capabilities(schemas.schemaFormats))
        case .model:
            return SchemaAPIResponse(200, contentType: Self.json, body: Array(XRegistryModel.model.utf8))
        case .groups:
            return Self.collection([(XRegistryEntities.group, entities.groupEntity())])
        case .group: return Self.object(entities.groupEntity())
        case .schemas:
            let names = entities.subjects
            let after = request.value("after") ?? ""
            let page = names.filter { $0.description > after }.prefix(try limit(request))
            let members = page.compactMap { name in
                (try? entities.schema(name)).map { (name.description, $0) }
            }
            let next = page.count < names.count && page.last != names.last ? page.last?.description : nil
            return Self.collection(
                members, next: next.map { entities.base + XRegistryEntities.schemasXID + "?after=\($0)" },
                count: names.count)
        case .schema(let name, let details):
            let xid = XRegistryEntities.xid(name)
            let attributes = try found(xid) { () throws(SchemaRegistryError) in try entities.schema(name) }
            let latest = try found(xid) { () throws(SchemaRegistryError) in
                try entities.registry.version(.latest, of: name)
            }
            return details ? Self.object(attributes) : Self.document(attributes, latest, name)
        case .meta(let name):
            return Self.object(
                try found(XRegistryEntities.xid(name) + "/meta") { () throws(SchemaRegistryError) in
                    try entities.meta(name)
                })
        case .versions(let name): return try versions(name, entities, request)
        case .version(let name, let number, let details):
            let xid = XRegistryEntities.xid(name) + "/versions/\(number)"
            let version = try found(xid) { () throws(SchemaRegistryError) in
                try entities.registry.version(.number(number), of: name)
            }
            let attributes = entities.version(version)
            return details ? Self.object(attributes) : Self.document(attributes, version, name)
        }
    }

    private func versions(
        _ name: SubjectName, _ entities: XRegistryEntities, _ request: SchemaAPIRequest
    ) throws(XRegistryError) -> SchemaAPIResponse {
        let all = try found(XRegistryEntities.xid(name)) { () throws(SchemaRegistryError) in
            try entities.registry.versions(of: name)
        }
        let after = request.value("after").flatMap { Int($0) } ?? 0
        let page = all.filter { $0.version > after }.prefix(try limit(request))
        let members = page.compactMap { version -> (String, [XRegistryEntities.Attribute])? in
            guard let content = try? entities.registry.content(version.id) else { return nil }
            return (
                String(version.version),
                entities.version(RegisteredSchema(version: version, content: content))
            )
        }
        let next = page.last != all.last ? page.last?.version : nil
        return Self.collection(
            members, next: next.map { entities.base + XRegistryEntities.xid(name) + "/versions?after=\($0)" },
            count: all.count)
    }

    private func limit(_ request: SchemaAPIRequest) throws(XRegistryError) -> Int {
        guard let text = request.value("limit") else { return Self.pageMax }
        guard let limit = Int(text), limit > 0 else {
            throw .badRequest(
                "'limit' is a number from 1 to \(Self.pageMax)", "/" + request.path.joined(separator: "/"))
        }
        return min(limit, Self.pageMax)
    }

    func found<Value>(
        _ xid: String, _ body: () throws(SchemaRegistryError) -> Value
    ) throws(XRegistryError) -> Value {
        do { return try body() } catch { throw XRegistryError(error, xid) }
    }

    // MARK: Answers

    static func object(
        _ attributes: [XRegistryEntities.Attribute], _ status: UInt16 = 200
    ) -> SchemaAPIResponse {
        var writer = JSONWriter(capacity: 1024)
        write(attributes, &writer)
        return SchemaAPIResponse(status, contentType: json, body: writer.bytes)
    }

    private static func write(_ attributes: [XRegistryEntities.Attribute], _ writer: inout JSONWriter) {
        writer.beginObject()
        for attribute in attributes {
            writer.key(attribute.name)
            writer.value(attribute.value)
        }
        writer.endObject()
    }

    private static func collection(
        _ members: [(String, [XRegistryEntities.Attribute])], next: String? = nil, count: Int = 0
    ) -> SchemaAPIResponse {
        var writer = JSONWriter(capacity: 4096)
        writer.beginObject()
        for (id, attributes) in members {
            writer.key(id)
            write(attributes, &writer)
        }
        writer.endObject()
        let fields = next.map { [(name: "Link", value: "<\($0)>;rel=next;count=\(count)")] } ?? []
        return SchemaAPIResponse(200, contentType: json, fields: fields, body: writer.bytes)
    }

    /// The text itself, with what is told of it in the head.
    static func document(
        _ attributes: [XRegistryEntities.Attribute], _ schema: RegisteredSchema, _ name: SubjectName,
        _ status: UInt16 = 200
    ) -> SchemaAPIResponse {
        var fields: [(name: String, value: String)] = []
        for attribute in attributes where attribute.name != "contenttype" {
            let text: String
            switch attribute.value {
            case .string(let value): text = value
            case .bool, .number: text = attribute.value.description
            case .null, .array, .object: continue
            }
            fields.append(("xRegistry-" + attribute.name, XRegistryText.encoded(text)))
        }
        fields.append(("Content-Disposition", name.description))
        return SchemaAPIResponse(
            status, contentType: schema.content.mediaType, fields: fields,
            body: Array(schema.content.text.utf8))
    }
}
