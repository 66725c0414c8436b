// SPDX-License-Identifier: Apache-2.0

// Schemas: subjects, versions, ids, what is decided about them, and trying.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import ApusSchemas
internal import JSONText

/// Routes about schemas.
enum SchemaRoutes {
    static let all: [Route] = [
        listSubjects, getSubject, deleteSubject, listVersions, register, getVersion, deleteVersion, check,
        judge, getConfig, putConfig, getSchema, getGlobalConfig, putGlobalConfig, SchemaUseRoute.uses,
    ]

    private static let subjectPath = PathTemplate("/v1/schemas/{subject}")
    private static let versionsPath = PathTemplate("/v1/schemas/{subject}/versions")
    private static let versionPath = PathTemplate("/v1/schemas/{subject}/versions/{version}")
    private static let configPath = PathTemplate("/v1/schemas/{subject}/config")
    private static let globalConfigPath = PathTemplate("/v1/schema-config")

    private static let deleted = QueryParameter(
        name: "deleted", schema: .boolean, about: "Whether what is deleted softly counts.")
    private static let permanent = QueryParameter(
        name: "permanent", schema: .boolean,
        about: "Whether what is deleted softly already is deleted for good.")

    private static func asked<Value>(
        _ context: GatewayContext,
        _ operation: (any Broker) async throws(SchemaRequestError) -> Value
    ) async throws(Problem) -> Value {
        do throws(SchemaRequestError) { return try await operation(context.broker) } catch {
            throw Problem(error)
        }
    }

    private static func registry(_ context: GatewayContext) throws(Problem) -> SchemaRegistry {
        do throws(SchemaRequestError) { return try context.broker.schemaRegistry() } catch {
            throw Problem(error)
        }
    }

    private static func looked<Value>(
        _ context: GatewayContext, _ body: (SchemaRegistry) throws(SchemaRegistryError) -> Value
    ) throws(Problem) -> Value {
        let registry = try registry(context)
        do throws(SchemaRegistryError) { return try body(registry) } catch { throw Problem(error) }
    }

    // MARK: Subjects

    private static let listSubjects = Route(
        method: .get, path: PathTemplate("/v1/schemas"), operation: "listSubjects",
        summary: "Lists the subjects of schemas by name.", chapter: .schemas,
        parameters: [
            deleted,
            QueryParameter(name: "prefix", schema: .text, about: "Only those whose name begins with this."),
            .search,
        ] + QueryParameter.page,
        successes: [.json(.ok, "A page of subjects.", .schemaSubjects)], problems: [.invalid],
        handler: .answer { context, call throws(Problem) in
            let page = try call.query.page()
            let isDeleted = try call.query.bool("deleted")
            let registry = try registry(context)
            let wanted = page.search?.lowercased()
            let subjects = registry.subjects(
                deleted: isDeleted, prefix: call.query.string("prefix") ?? ""
            ).lazy.filter { name in
                (page.after.map { name.description > $0 } ?? true)
                    && (wanted.map { name.description.lowercased().contains($0) } ?? true)
            }.prefix(page.limit)
            return .page("subjects", Array(subjects), of: page, next: \.description) {
                $0.subject($1, in: registry, deleted: isDeleted)
            }
        })

    private static let getSubject = Route(
        method: .get, path: subjectPath, operation: "getSubject",
        summary: "A subject, its versions, and what is decided about it.", chapter: .schemas,
        parameters: [deleted],
        successes: [.json(.ok, "The subject.", .schemaSubject)], problems: [.notFound],
        handler: .answer { context, call throws(Problem) in
            let subject = try call.subject()
            let isDeleted = try call.query.bool("deleted")
            let registry = try registry(context)
            _ = try looked(context) { registry throws(SchemaRegistryError) in
                try registry.versions(of: subject, deleted: isDeleted)
            }
            return .json { $0.subject(subject, in: registry, deleted: isDeleted) }
        })

    private static let deleteSubject = Route(
        method: .delete, path: subjectPath, operation: "deleteSubject",
        summary: "Deletes a subject with all its versions: softly first, and then for good.",
        chapter: .schemas, parameters: [permanent],
        successes: [.done], problems: [.notFound, .conflict],
        handler: .answer { context, call async throws(Problem) in
            let subject = try call.subject()
            let isPermanent = try call.query.bool("permanent")
            _ = try await asked(context) { broker async throws(SchemaRequestError) in
                try await broker.deleteSubject(subject, permanent: isPermanent)
            }
            return .done
        })

    // MARK: Versions

    private static let listVersions = Route(
        method: .get, path: versionsPath, operation: "listSchemaVersions",
        summary: "Lists the versions of a subject.", chapter: .schemas, parameters: [deleted],
        successes: [.json(.ok, "The versions, without their text.", .schemaVersions)], problems: [.notFound],
        handler: .answer { context, call throws(Problem) in
            let subject = try call.subject()
            let isDeleted = try call.query.bool("deleted")
            let versions = try looked(context) { registry throws(SchemaRegistryError) in
                try registry.versions(of: subject, deleted: isDeleted)
            }
            return .json { writer in
                writer.object { $0.member("versions", list: versions) { $0.schemaVersion($1, nil) } }
            }
        })

    private static let register = Route(
        method: .post, path: versionsPath, operation: "registerSchema",
        summary:
            "Registers a schema as the next version of a subject, which comes into being with its first. What is there already is answered as it is.",
        chapter: .schemas, body: .json(.reference(.schemaSource)),
        successes: [
            .json(.ok, "It was there already.", .schemaVersion),
            .json(.created, "Registered.", .schemaVersion),
        ],
        problems: [.unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let subject = try call.subject()
            let content = try SchemaContent(try call.members(Schema.schemaSource))
            let known = try? registry(context).find(content, under: subject)
            let version = try await asked(context) { broker async throws(SchemaRequestError) in
                try await broker.registerSchema(content, under: subject, at: nil)
            }
            return .json(version == known ? .ok : .created) { $0.schemaVersion(version, content) }
        })

    private static let getVersion = Route(
        method: .get, path: versionPath, operation: "getSchemaVersion",
        summary: "One version of a subject, by its number or as 'latest'.", chapter: .schemas,
        parameters: [deleted],
        successes: [.json(.ok, "The version.", .schemaVersion)], problems: [.notFound],
        handler: .answer { context, call throws(Problem) in
            let (subject, selector) = (try call.subject(), try call.version())
            let isDeleted = try call.query.bool("deleted")
            let found = try looked(context) { registry throws(SchemaRegistryError) in
                try registry.version(selector, of: subject, deleted: isDeleted)
            }
            return .json { $0.schemaVersion(found.version, found.content) }
        })

    private static let deleteVersion = Route(
        method: .delete, path: versionPath, operation: "deleteSchemaVersion",
        summary: "Deletes a version: softly first, and then for good.", chapter: .schemas,
        parameters: [permanent], successes: [.done], problems: [.notFound, .conflict],
        handler: .answer { context, call async throws(Problem) in
            let (subject, selector) = (try call.subject(), try call.version())
            let isPermanent = try call.query.bool("permanent")
            _ = try await asked(context) { broker async throws(SchemaRequestError) in
                try await broker.deleteSchemaVersion(selector, of: subject, permanent: isPermanent)
            }
            return .done
        })

    // MARK: Trying

    private static let check = Route(
        method: .post, path: PathTemplate("/v1/schemas/{subject}/check"), operation: "checkSchema",
        summary: "Tells whether a schema could be the next version of a subject. Nothing is registered.",
        chapter: .schemas,
        parameters: [
            QueryParameter(
                name: "version", schema: .text,
                about:
                    "Only this version is compared, by its number or as 'latest'; all that count if absent.")
        ], body: .json(.reference(.schemaSource)),
        successes: [.json(.ok, "Whether, and why not.", .schemaReport)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let subject = try call.subject()
            let content = try SchemaContent(try call.members(Schema.schemaSource))
            let selector = try call.query.string("version").map { text throws(Problem) in
                try Call.version(text)
            }
            let report = try await asked(context) { broker async throws(SchemaRequestError) in
                try await broker.checkSchema(content, against: subject, version: selector)
            }
            return .json { $0.compatibilityReport(report) }
        })

    private static let judge = Route(
        method: .post, path: PathTemplate("/v1/schemas/{subject}/versions/{version}/judge"),
        operation: "judgeData",
        summary: "Tells what is wrong with data by a version of a subject. Nothing is published.",
        chapter: .schemas, body: .json(.reference(.schemaTrial)),
        successes: [.json(.ok, "What is wrong, if anything.", .schemaTrialResult)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let (subject, selector) = (try call.subject(), try call.version())
            let reader = try call.members(Schema.schemaTrial)
            let data: [UInt8] =
                if let text = try reader.string("text") {
                    Array(text.utf8)
                } else { try reader.require("data") { reader.value($0) }.serialized() }
            let id = try looked(context) { registry throws(SchemaRegistryError) in
                try registry.version(selector, of: subject).version.id
            }
            let violations = try await asked(context) { broker async throws(SchemaRequestError) in
                try await broker.judge(data, by: id, of: subject, limit: 20)
            }
            return .json { writer in
                writer.object { writer in
                    writer.member("valid", violations.isEmpty)
                    writer.violations(violations)
                }
            }
        })

    // MARK: What is decided

    private static let getConfig = Route(
        method: .get, path: configPath, operation: "getSubjectConfig",
        summary: "What is decided about a subject, which need not have versions yet.", chapter: .schemas,
        successes: [.json(.ok, "What is decided, and what holds.", .schemaConfig)],
        handler: .answer { context, call throws(Problem) in
            let (subject, registry) = (try call.subject(), try registry(context))
            return .json { $0.schemaConfig(subject, in: registry) }
        })

    private static let putConfig = Route(
        method: .put, path: configPath, operation: "putSubjectConfig",
        summary:
            "Changes what is decided about a subject, as far as the body says; null is what holds for all.",
        chapter: .schemas, body: .json(.reference(.schemaConfigSettings)),
        successes: [.json(.ok, "Changed.", .schemaConfig)],
        problems: [.unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            try await configure(try call.subject(), context, call)
        })

    private static let getGlobalConfig = Route(
        method: .get, path: globalConfigPath, operation: "getSchemaConfig",
        summary: "What is decided about all subjects that say nothing themselves.", chapter: .schemas,
        successes: [.json(.ok, "What is decided, and what holds.", .schemaConfig)],
        handler: .answer { context, call throws(Problem) in
            let registry = try registry(context)
            return .json { $0.schemaConfig(nil, in: registry) }
        })

    private static let putGlobalConfig = Route(
        method: .put, path: globalConfigPath, operation: "putSchemaConfig",
        summary: "Changes what is decided about all subjects that say nothing themselves.",
        chapter: .schemas, body: .json(.reference(.schemaConfigSettings)),
        successes: [.json(.ok, "Changed.", .schemaConfig)],
        problems: [.unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            try await configure(nil, context, call)
        })

    private static func configure(
        _ subject: SubjectName?, _ context: GatewayContext, _ call: Call
    ) async throws(Problem) -> Answer {
        let change = try SubjectSettingsChange(try call.members(Schema.schemaConfigSettings))
        _ = try await asked(context) { broker async throws(SchemaRequestError) in
            try await broker.configureSchemas(subject, change)
        }
        let registry = try registry(context)
        return .json { $0.schemaConfig(subject, in: registry) }
    }

    // MARK: Ids

    private static let getSchema = Route(
        method: .get, path: PathTemplate("/v1/schema-ids/{id}"), operation: "getSchema",
        summary: "A schema by its id, and where it is registered.", chapter: .schemas, parameters: [deleted],
        successes: [.json(.ok, "The schema.", .schemaDetails)], problems: [.notFound],
        handler: .answer { context, call throws(Problem) in
            guard let id = Int32(call.pathValues[0]), id > 0 else {
                throw Problem(
                    .malformed, "'\(call.pathValues[0].prefix(80))' is not an id: those are numbers from 1 on"
                )
            }
            let isDeleted = try call.query.bool("deleted")
            let (content, versions) = try looked(context) { registry throws(SchemaRegistryError) in
                let id = SchemaID(rawValue: id)
                return (try registry.content(id), try registry.versions(of: id, deleted: isDeleted))
            }
            return .json { $0.schema(SchemaID(rawValue: id), content, versions) }
        })
}

extension Call {
    /// The path's first parameter, which must be a subject.
    fileprivate func subject() throws(Problem) -> SubjectName {
        guard let text = pathValues.first else { throw Problem(.malformed, "the path lacks a subject") }
        do throws(SchemaRegistryError) { return try SubjectName(text) } catch { throw Problem(error) }
    }

    /// The path's second parameter, which must be a version.
    fileprivate func version() throws(Problem) -> VersionSelector {
        guard pathValues.count > 1 else { throw Problem(.malformed, "the path lacks a version") }
        return try Call.version(pathValues[1])
    }

    fileprivate static func version(_ text: String) throws(Problem) -> VersionSelector {
        guard let selector = VersionSelector(text) else {
            throw Problem(
                .malformed, "'\(text.prefix(80))' is not a version: those are 'latest' and numbers from 1 on")
        }
        return selector
    }
}
