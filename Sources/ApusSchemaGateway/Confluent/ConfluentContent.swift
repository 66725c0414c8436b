// SPDX-License-Identifier: Apache-2.0

// Schemas as they stand in bodies of Confluent's API.

internal import ApusSchemas
internal import JSONText

/// A schema that was sent, and where it is to be if it comes from another registry.
struct ConfluentContent {
    var content: SchemaContent
    var place: SchemaPlace?
}

extension ConfluentAPI {
    /// The schema in a body.
    func content(_ request: SchemaAPIRequest) throws(ConfluentError) -> ConfluentContent {
        let body = try body(request)
        guard let format = SchemaFormat.confluent(body["schemaType"]?.string) else {
            throw .invalidSchema("Invalid schema type \(body["schemaType"]?.string?.prefix(80) ?? "")")
        }
        guard let text = body["schema"]?.string, !text.isEmpty else { throw .invalidSchema("Empty schema") }
        // What these ask for would not be done, which nobody would notice.
        for name in ["metadata", "ruleSet", "schemaTagsToAdd", "schemaTagsToRemove"] {
            guard let value = body[name], value != .null, value != .array([]) else { continue }
            throw .invalidSchema("'\(name)' is not supported by this registry")
        }
        var references: [SchemaReference] = []
        for item in body["references"]?.array ?? [] { references.append(try reference(item)) }
        var content = SchemaContent(format, text, references: references)
        if request.flag("normalize") { content.text = ConfluentAPI.normalized(content) }
        return ConfluentContent(content: content, place: try place(body))
    }

    private func reference(_ item: JSONValue) throws(ConfluentError) -> SchemaReference {
        guard let name = item["name"]?.string, let text = item["subject"]?.string,
            let number = item["version"]?.int64.flatMap({ Int(exactly: $0) })
        else { throw .invalidSchema("a reference has 'name', 'subject' and 'version'") }
        let subject = try subject(text)
        guard number == -1 else { return SchemaReference(name: name, subject: subject, version: number) }
        let registry = try registry()
        guard let latest = registry.latest(of: subject) else {
            throw .invalidSchema(
                "the reference '\(name.prefix(80))' leads to subject '\(subject)', which has no version")
        }
        return SchemaReference(name: name, subject: subject, version: latest.version)
    }

    private func place(_ body: JSONObject) throws(ConfluentError) -> SchemaPlace? {
        // Clients send 0 or -1 for what is not given.
        guard let id = body["id"]?.int64, id > 0 else { return nil }
        guard let id = Int32(exactly: id) else { throw .invalidSchema("'id' is not an id") }
        let version = body["version"]?.int64.flatMap { Int(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
        return SchemaPlace(id: SchemaID(rawValue: id), version: version)
    }

    /// JSON in one form, whatever order its members and spaces had. Texts of other formats stay as they are.
    static func normalized(_ content: SchemaContent) -> String {
        guard content.format == .json || content.format == .avro,
            let value = try? JSONValue(parsing: Array(content.text.utf8), duplicateNames: .rejected)
        else { return content.text }
        // The order of an Avro record's members has no meaning either; that of its fields is an array's.
        return sorted(value).description
    }

    private static func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let items): return .array(items.map(sorted))
        case .object(let object):
            var result = JSONObject()
            for member in object.members.sorted(by: { $0.name < $1.name }) {
                result[member.name] = sorted(member.value)
            }
            return .object(result)
        default: return value
        }
    }
}

extension JSONWriter {
    /// The members that tell a schema. Avro is what is meant where there is no type.
    mutating func content(_ content: SchemaContent) {
        if content.format != .avro { member("schemaType", content.format.confluentName) }
        if !content.references.isEmpty {
            key("references")
            beginArray()
            for reference in content.references {
                beginObject()
                member("name", reference.name)
                member("subject", reference.subject.description)
                member("version", reference.version)
                endObject()
            }
            endArray()
        }
        member("schema", content.text)
    }

    /// A version with what it says.
    mutating func registered(_ schema: RegisteredSchema) {
        beginObject()
        member("subject", schema.version.subject.description)
        member("version", schema.version.version)
        member("id", Int(schema.version.id.rawValue))
        content(schema.content)
        if schema.version.isDeleted { member("deleted", true) }
        endObject()
    }

    mutating func list(_ numbers: some Sequence<Int>) {
        beginArray()
        for number in numbers { integer(number) }
        endArray()
    }

    mutating func list(_ texts: some Sequence<String>) {
        beginArray()
        for text in texts { string(text) }
        endArray()
    }
}
