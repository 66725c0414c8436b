// SPDX-License-Identifier: Apache-2.0

// Where a subject is used: topics whose events it judges, types of events whose data is of it, schemas that refer to it. Subjects need not have versions,
// and nothing needs to have been published.

internal import ApusCatalog
internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import ApusSchemas
internal import JSONText

/// Where a subject is used.
struct SchemaUses: Sendable {
    /// A topic whose events are, or would be, judged by it.
    struct TopicUse: Sendable {
        var name: ResourceName
        var enforcement: SchemaEnforcement
    }

    /// A type of events.
    struct TypeUse: Sendable {
        var type: String
        /// Whether the registry has bound it to the subject; otherwise somebody has declared it.
        var isBound: Bool
    }

    /// A version of another subject that refers to a version of this one.
    struct Reference: Sendable {
        var subject: SubjectName
        var version: Int
        var target: Int
    }

    /// So many of a kind are told.
    static let told = 1000
    /// A topic without a subject of its own has its events judged by the subject that is called so.
    static let suffix = "-value"

    var topics: [TopicUse] = []
    var types: [TypeUse] = []
    var references: [Reference] = []

    init(
        of subject: SubjectName, topics summaries: [TopicSummary], registry: SchemaRegistry,
        catalog: EventCatalog?
    ) {
        let name = subject.description
        topics = summaries.filter { topic in
            topic.settings.schema.subject.map { $0 == subject }
                ?? (topic.name.description + Self.suffix == name)
        }.prefix(Self.told).map { TopicUse(name: $0.name, enforcement: $0.settings.schema.enforcement) }
        let bound = registry.settings(of: subject).eventTypes
        let declared = (catalog?.declarations.values.filter { $0.subject == name }.map(\.type) ?? []).sorted()
        types = Array(
            (bound.map { TypeUse(type: $0, isBound: true) }
                + declared.filter { !bound.contains($0) }.map { TypeUse(type: $0, isBound: false) })
                .prefix(Self.told))
        for version in (try? registry.versions(of: subject)) ?? [] {
            for id in registry.referencing(subject, version.version) {
                for place in (try? registry.versions(of: id)) ?? [] where references.count < Self.told {
                    references.append(
                        Reference(subject: place.subject, version: place.version, target: version.version))
                }
            }
        }
    }
}

/// The route of that.
enum SchemaUseRoute {
    static let uses = Route(
        method: .get, path: PathTemplate("/v1/schemas/{subject}/uses"), operation: "getSchemaUses",
        summary: "Where a subject is used: topics, types of events, schemas that refer to it.",
        chapter: .schemas,
        successes: [.json(.ok, "At most 1,000 of each kind.", .schemaUses)], problems: [.invalid],
        handler: .answer { context, call throws(Problem) in
            let subject: SubjectName
            do throws(SchemaRegistryError) {
                subject = try SubjectName(call.pathValues.first ?? "")
            } catch { throw Problem(error) }
            let registry: SchemaRegistry
            do throws(SchemaRequestError) { registry = try context.broker.schemaRegistry() } catch {
                throw Problem(error)
            }
            let uses = SchemaUses(
                of: subject, topics: context.broker.topicSummaries(), registry: registry,
                catalog: try? context.broker.eventCatalog())
            return .json { $0.schemaUses(subject, uses) }
        })
}

extension JSONWriter {
    fileprivate mutating func schemaUses(_ subject: SubjectName, _ uses: SchemaUses) {
        object { writer in
            writer.member("subject", subject.description)
            writer.member("topics", list: uses.topics) { writer, topic in
                writer.object { writer in
                    writer.member("topic", topic.name.description)
                    writer.member("enforcement", topic.enforcement.rawValue)
                }
            }
            writer.member("event_types", list: uses.types) { writer, type in
                writer.object { writer in
                    writer.member("type", type.type)
                    writer.member("by", type.isBound ? "bound" : "declared")
                }
            }
            writer.member("referenced_by", list: uses.references) { writer, reference in
                writer.object { writer in
                    writer.member("subject", reference.subject.description)
                    writer.member("version", reference.version)
                    writer.member("refers_to", reference.target)
                }
            }
        }
    }
}
