// SPDX-License-Identifier: Apache-2.0

// Schemas and what is decided about them as JSON, both ways. A schema in JSON stands as JSON where it can, any other as text.

internal import ApusEngine
internal import ApusModel
internal import ApusSchemas
internal import JSONSchemaEvolution
internal import JSONText

// MARK: Reading

extension SchemaContent {
    /// What a request's body says.
    init(_ reader: MemberReader) throws(Problem) {
        let format = try reader.choice("format", SchemaFormat.self) ?? .json
        let value = try reader.require("schema") { reader.value($0) }
        let text: String
        switch (value, format) {
        case (.string(let string), _): text = string
        case (.object, .json), (.bool, .json), (.object, .avro), (.array, .avro):
            text = String(decoding: value.serialized(), as: UTF8.self)
        default:
            throw reader.wrong(
                "schema", expected: "the schema as text, or of format 'json' and 'avro' as JSON")
        }
        var references: [SchemaReference] = []
        if let list = reader.value("references") {
            guard let list = list.array else { throw reader.wrong("references", expected: "a list") }
            for element in list { references.append(try SchemaReference(element)) }
        }
        self.init(format, text, references: references)
    }
}

extension SchemaReference {
    fileprivate init(_ value: JSONValue) throws(Problem) {
        let reader = try MemberReader(value, Schema.schemaReference, in: "references.")
        self.init(
            name: try reader.require("name", reader.string),
            subject: try reader.require("subject", reader.subject),
            version: try reader.require("version") { name throws(Problem) in
                try reader.int(name, in: Bounds.schemaVersion)
            })
    }
}

extension SubjectSettingsChange {
    /// What a request's body says.
    init(_ reader: MemberReader) throws(Problem) {
        self.init()
        if reader.isNull("compatibility") {
            compatibility = .some(nil)
        } else if let level = try reader.choice("compatibility", SchemaCompatibility.self) {
            compatibility = .some(.some(level))
        }
        if reader.isNull("mode") {
            mode = .some(nil)
        } else if let chosen = try reader.choice("mode", SchemaMode.self) {
            mode = .some(.some(chosen))
        }
        if reader.isNull("assert_formats") {
            assertsFormats = .some(nil)
        } else if let asserts = try reader.bool("assert_formats") {
            assertsFormats = .some(.some(asserts))
        }
        guard let value = reader.value("event_types") else { return }
        guard let list = value.array, list.allSatisfy({ $0.string != nil }) else {
            throw reader.wrong("event_types", expected: "a list of event types")
        }
        eventTypes = list.compactMap(\.string)
    }
}

extension SchemaSettings {
    /// The member `schema` of a topic's settings.
    init(topic value: JSONValue) throws(Problem) {
        let reader = try MemberReader(value, Schema.topicSchema, in: "schema.")
        self.init(
            try reader.require("enforcement") { name throws(Problem) in
                try reader.choice(name, SchemaEnforcement.self)
            }, subject: try reader.nullable("subject", reader.subject),
            quarantine: try reader.nullable("quarantine", reader.name))
    }
}

extension MemberReader {
    fileprivate func subject(_ name: String) throws(Problem) -> SubjectName? {
        guard let text = try string(name) else { return nil }
        do throws(SchemaRegistryError) { return try SubjectName(text) } catch {
            throw Problem(.malformed, "'\(path(name))': \(error)")
        }
    }

    fileprivate func nullable<Value>(
        _ name: String, _ read: (String) throws(Problem) -> Value?
    ) throws(Problem) -> Value? {
        isNull(name) ? nil : try read(name)
    }
}

// MARK: Writing

extension JSONWriter {
    /// A subject as a list shows it.
    mutating func subject(_ name: SubjectName, in registry: SchemaRegistry, deleted: Bool) {
        object { writer in
            writer.member("subject", name.description)
            writer.subjectMembers(name, in: registry)
            let versions = (try? registry.versions(of: name, deleted: deleted)) ?? []
            writer.key("versions")
            writer.beginArray()
            for version in versions { writer.integer(version.version) }
            writer.endArray()
        }
    }

    private mutating func subjectMembers(_ name: SubjectName, in registry: SchemaRegistry) {
        member("compatibility", registry.compatibility(of: name).rawValue)
        member("mode", registry.mode(of: name).rawValue)
        member("event_types", list: registry.settings(of: name).eventTypes) { $0.string($1) }
    }

    /// What is decided about a subject, or about all: null where nothing is, and what holds then.
    mutating func schemaConfig(_ name: SubjectName?, in registry: SchemaRegistry) {
        let settings = name.map { registry.settings(of: $0) } ?? registry.settings
        object { writer in
            writer.member("subject", name?.description)
            writer.member("compatibility", settings.compatibility?.rawValue)
            writer.member("mode", settings.mode?.rawValue)
            writer.key("assert_formats")
            if let asserts = settings.assertsFormats { writer.bool(asserts) } else { writer.null() }
            writer.member("event_types", list: settings.eventTypes) { $0.string($1) }
            writer.key("effective")
            writer.object { writer in
                writer.member("compatibility", registry.compatibility(of: name).rawValue)
                writer.member("mode", registry.mode(of: name).rawValue)
                writer.member("assert_formats", registry.assertsFormats(of: name))
            }
        }
    }

    /// A version, with what it says if that is given.
    mutating func schemaVersion(_ version: SchemaVersion, _ content: SchemaContent?) {
        object { writer in
            writer.member("subject", version.subject.description)
            writer.member("version", version.version)
            writer.member("id", Int(version.id.rawValue))
            writer.member("registered", Timestamp(milliseconds: version.registered))
            if version.isDeleted { writer.member("deleted", true) }
            if let content { writer.schemaContent(content) }
        }
    }

    /// What has one id, and where it is registered.
    mutating func schema(_ id: SchemaID, _ content: SchemaContent, _ versions: [SchemaVersion]) {
        object { writer in
            writer.member("id", Int(id.rawValue))
            writer.schemaContent(content)
            writer.member("versions", list: versions) { $0.schemaVersion($1, nil) }
        }
    }

    private mutating func schemaContent(_ content: SchemaContent) {
        member("format", content.format.rawValue)
        key("schema")
        let text = Array(content.text.utf8)
        // Written as it is, so that numbers and the order of members stay.
        if content.format == .json, (try? JSONValue(parsing: text)) != nil {
            raw(text)
        } else {
            string(content.text)
        }
        guard !content.references.isEmpty else { return }
        member("references", list: content.references) { writer, reference in
            writer.object { writer in
                writer.member("name", reference.name)
                writer.member("subject", reference.subject.description)
                writer.member("version", reference.version)
            }
        }
    }

    /// Whether a schema is compatible, and why not.
    mutating func compatibilityReport(_ report: CompatibilityReport) {
        object { writer in
            writer.member("subject", report.subject.description)
            writer.member("compatible", report.isCompatible)
            writer.member("compatibility", report.compatibility.rawValue)
            writer.differences(report)
        }
    }

    fileprivate mutating func differences(_ report: CompatibilityReport) {
        member("differences", list: report.differences) { writer, difference in
            writer.object { writer in
                writer.member("version", difference.version)
                writer.member("direction", difference.direction.rawValue)
                writer.member("path", difference.obstacle.path)
                writer.member("rule", difference.obstacle.rule)
                writer.member("message", difference.description)
            }
        }
    }

    /// Things that data breaks.
    mutating func violations(_ violations: [SchemaViolation]) {
        member("violations", list: violations) { $0.violation($1) }
    }

    fileprivate mutating func violation(_ violation: SchemaViolation) {
        object { writer in
            writer.member("path", violation.path)
            writer.member("rule", violation.rule)
            writer.member("got", violation.got)
            writer.member("message", violation.message)
        }
    }

    /// How a topic has its events judged.
    mutating func schemaSettings(_ settings: SchemaSettings) {
        object { writer in
            writer.member("enforcement", settings.enforcement.rawValue)
            writer.member("subject", settings.subject?.description)
            writer.member("quarantine", settings.quarantine?.description)
        }
    }
}

extension JSONValue {
    /// What is wrong with refused events: one element for each violation, with the event that it is of.
    static func violations(_ refusal: SchemaRefusal) -> JSONValue {
        .array(
            refusal.violations.flatMap { event in
                event.violations.map { violation in
                    var object = JSONObject()
                    object["event"] = .number(JSONNumber(event.index))
                    object["path"] = .string(violation.path)
                    object["rule"] = .string(violation.rule)
                    object["got"] = .string(violation.got)
                    object["message"] = .string(violation.message)
                    object["schema"] = event.schema.map { .number(JSONNumber(Int64($0.rawValue))) }
                    object["subject"] = event.subject.map { .string($0.description) }
                    object["version"] = event.version.map { .number(JSONNumber($0)) }
                    return .object(object)
                }
            })
    }

    /// Why a schema is not compatible.
    static func differences(_ report: CompatibilityReport) -> JSONValue {
        var writer = JSONWriter()
        writer.object { $0.differences(report) }
        return (try? JSONValue(parsing: writer.bytes))?["differences"] ?? []
    }
}
