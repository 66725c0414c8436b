// SPDX-License-Identifier: Apache-2.0

// The named schemas of the registry of schemas.

internal import ApusEngine
internal import ApusSchemas
internal import JSONSchemaEvolution

extension Schema {
    static func registry(_ definition: Definition) -> Schema {
        switch definition {
        case .schemaSource: .object(schemaSource)
        case .schemaSubjects:
            .object(
                ObjectSchema()
                    .requiring("subjects", .list(.reference(.schemaSubject)))
                    .requiring("next", .nullable(.text), "the value of 'after' for the next page"))
        case .schemaSubject: .object(schemaSubject)
        case .schemaVersions: .object(ObjectSchema().requiring("versions", .list(.reference(.schemaVersion))))
        case .schemaVersion: .object(schemaVersion)
        case .schemaDetails:
            .object(
                ObjectSchema().requiring("id", schemaNumber).merging(schemaText)
                    .requiring("versions", .list(.reference(.schemaVersion)), "where it is registered"))
        case .schemaConfigSettings: .object(schemaConfigSettings)
        case .schemaConfig: .object(schemaConfig)
        case .schemaReport: .object(schemaReport)
        case .schemaTrial: .object(schemaTrial)
        case .schemaUses: .object(schemaUses)
        default:
            .object(
                ObjectSchema().requiring("valid", .boolean).requiring("violations", .list(.object(violation)))
            )
        }
    }

    private static let subjectName = Schema.string(StringRules(lengthMax: SubjectName.lengthMax))
    private static let schemaNumber = Schema.integer(1...Int64(Int32.max))
    private static let compatibility = Schema.choice(SchemaCompatibility.allCases.map(\.rawValue))
    private static let mode = Schema.choice(SchemaMode.allCases.map(\.rawValue))

    static let schemaReference = ObjectSchema()
        .requiring("name", .text, "what the schema calls it: of JSON Schema, what stands in $ref")
        .requiring("subject", subjectName)
        .requiring("version", .integer(Bounds.schemaVersion))

    static let schemaSource = ObjectSchema()
        .allowing("format", .choice(SchemaFormat.allCases.map(\.rawValue)), "json if absent")
        .requiring("schema", .any, "the schema as text, or of formats in JSON as JSON")
        .allowing("references", .list(.object(schemaReference)), "registered schemas that it refers to")

    private static let schemaText = ObjectSchema()
        .allowing("format", .choice(SchemaFormat.allCases.map(\.rawValue)))
        .allowing("schema", .any, "as JSON where its format is, else as text")
        .allowing("references", .list(.object(schemaReference)))

    private static let schemaVersion = ObjectSchema()
        .requiring("subject", subjectName)
        .requiring("version", .integer(Bounds.schemaVersion))
        .requiring("id", schemaNumber, "the same for the same schema everywhere")
        .requiring("registered", .time)
        .allowing("deleted", .boolean, "true when it is deleted softly")
        .merging(schemaText)

    private static let schemaSubject = ObjectSchema()
        .requiring("subject", subjectName)
        .requiring("compatibility", compatibility, "what holds")
        .requiring("mode", mode, "what holds")
        .requiring("event_types", .list(.text), "types of events whose data is of it")
        .requiring("versions", .list(.integer(Bounds.schemaVersion)))

    static let schemaConfigSettings = ObjectSchema()
        .allowing(
            "compatibility", .nullable(compatibility), "what a new version must have to do with earlier ones"
        )
        .allowing("mode", .nullable(mode), "what can be done")
        .allowing(
            "assert_formats", .nullable(.boolean),
            "whether 'format' is checked where the schemas judge and compare; otherwise it is an annotation"
        )
        .allowing(
            "event_types", .list(.text), "types of events whose data is of the subject; each of one at most")

    private static let schemaConfig = ObjectSchema()
        .requiring("subject", .nullable(subjectName), "null for what holds for all")
        .requiring("compatibility", .nullable(compatibility))
        .requiring("mode", .nullable(mode))
        .requiring("assert_formats", .nullable(.boolean))
        .requiring("event_types", .list(.text))
        .requiring(
            "effective",
            .object(
                ObjectSchema().requiring("compatibility", compatibility).requiring("mode", mode)
                    .requiring("assert_formats", .boolean)),
            "what holds, be it decided here or for all")

    private static let schemaReport = ObjectSchema()
        .requiring("subject", subjectName)
        .requiring("compatible", .boolean)
        .requiring("compatibility", compatibility, "what was asked")
        .requiring(
            "differences",
            .list(
                .object(
                    ObjectSchema()
                        .requiring("version", .integer(Bounds.schemaVersion), "the earlier version")
                        .requiring("direction", .choice(["backward", "forward"]))
                        .requiring("path", .text, "where in the data")
                        .requiring("rule", .text)
                        .requiring("message", .text))))

    private static let schemaUses = ObjectSchema()
        .requiring("subject", subjectName)
        .requiring(
            "topics",
            .list(
                .object(
                    ObjectSchema().requiring("topic", .name)
                        .requiring("enforcement", .choice(SchemaEnforcement.allCases.map(\.rawValue))))),
            "that name it, or are called like it without -value and name none"
        )
        .requiring(
            "event_types",
            .list(
                .object(
                    ObjectSchema().requiring("type", .text)
                        .requiring(
                            "by", .choice(["bound", "declared"]), "by the registry, or in the catalogue")))
        )
        .requiring(
            "referenced_by",
            .list(
                .object(
                    ObjectSchema().requiring("subject", subjectName)
                        .requiring("version", .integer(Bounds.schemaVersion))
                        .requiring("refers_to", .integer(Bounds.schemaVersion), "a version of this subject")))
        )

    static let schemaTrial = ObjectSchema()
        .allowing("data", .any, "data in JSON; this or text")
        .allowing("text", .text, "data as text, for whatever is not JSON")

    static let violation = ObjectSchema()
        .requiring("path", .text, "where in the data: a JSON pointer, empty for the whole")
        .requiring("rule", .text, "the keyword of the schema, or what else was asked")
        .requiring("got", .text, "what stands there, shortened")
        .requiring("message", .text)

    static let topicSchema = ObjectSchema()
        .requiring(
            "enforcement", .choice(SchemaEnforcement.allCases.map(\.rawValue)),
            "what becomes of events that their schema does not accept"
        )
        .allowing(
            "subject", .nullable(subjectName),
            "null: by the event's dataschema, else the subject of its type, else {topic}-value"
        )
        .allowing(
            "quarantine", .nullable(.name), "with enforce: the topic that refused events go to instead")
}
