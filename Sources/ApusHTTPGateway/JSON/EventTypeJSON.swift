// SPDX-License-Identifier: Apache-2.0

// Types of events as JSON, both ways.

internal import ApusCatalog
internal import ApusModel
internal import ApusSchemas
internal import JSONText

extension EventDeclaration {
    /// What a request's body says about a type.
    init(_ type: String, _ reader: MemberReader) throws(Problem) {
        var topics: [ResourceName] = []
        for text in try reader.strings("topics", count: 0...EventDeclaration.namesMax) ?? [] {
            do throws(NameError) { topics.append(try ResourceName(text)) } catch {
                throw Problem(.malformed, "'\(reader.path("topics"))': \(error.description)")
            }
        }
        let example = reader.isNull("example") ? nil : reader.value("example")
        self.init(
            type: type, title: try reader.optional("title"), owner: try reader.optional("owner"),
            text: try reader.optional("description"),
            example: example.map { String(decoding: $0.serialized(), as: UTF8.self) },
            subject: try reader.optional("subject"), topics: topics,
            producers: try reader.strings("producers", count: 0...EventDeclaration.namesMax) ?? [],
            consumers: try reader.strings("consumers", count: 0...EventDeclaration.namesMax) ?? [])
        if let subject {
            do throws(SchemaRegistryError) { _ = try SubjectName(subject) } catch {
                throw Problem(.malformed, "'\(reader.path("subject"))': \(error)")
            }
        }
        do throws(CatalogError) { try check() } catch { throw Problem(.invalid, error.description) }
    }
}

extension MemberReader {
    /// A text that may be null or absent.
    fileprivate func optional(_ name: String) throws(Problem) -> String? {
        isNull(name) ? nil : try string(name)
    }
}

extension JSONWriter {
    /// A type as a list shows it.
    mutating func eventTypeSummary(_ view: EventTypeView) {
        object { writer in
            writer.eventTypeHead(view)
            writer.member("topics", list: view.places) { $0.string($1.topic.description) }
            writer.member("subjects", list: view.schemas) { $0.string($1.subject.description) }
        }
    }

    private mutating func eventTypeHead(_ view: EventTypeView) {
        let declaration = view.declaration
        member("type", view.type)
        member("declared", declaration != nil)
        member("discovered", view.seen != nil)
        member("title", declaration?.title)
        member("owner", declaration?.owner)
        member("description", declaration?.text)
        seen(view.seen)
    }

    private mutating func seen(_ seen: SightingCount?) {
        member("count", seen?.count ?? 0)
        member("first", seen.map { TimeText.text(Timestamp(milliseconds: $0.first)) })
        member("last", seen.map { TimeText.text(Timestamp(milliseconds: $0.last)) })
    }

    /// A type with everything that is known of it.
    mutating func eventType(_ view: EventTypeView) {
        object { writer in
            writer.eventTypeHead(view)
            writer.key("example")
            if let example = view.declaration?.example {
                writer.raw(Array(example.utf8))
            } else {
                writer.null()
            }
            writer.member("declared_producers", list: view.declaration?.producers ?? []) { $0.string($1) }
            writer.member("declared_consumers", list: view.declaration?.consumers ?? []) { $0.string($1) }
            writer.member(
                "declared_at",
                (view.declaration?.declared).map { TimeText.text(Timestamp(milliseconds: $0)) })
            writer.member("topics", list: view.places) { $0.place($1) }
            writer.member("producers", list: view.producers) { $0.producer($1) }
            writer.member("consumers", list: view.consumers) { $0.consumer($1) }
            writer.member("schemas", list: view.schemas) { $0.schemaUse($1) }
        }
    }

    private mutating func place(_ place: EventTypeView.Place) {
        object { writer in
            writer.member("topic", place.topic.description)
            writer.member("declared", place.isDeclared)
            writer.member("exists", place.exists)
            writer.seen(place.sighting?.seen)
            writer.member("rules", list: place.rules) { $0.string($1.description) }
        }
    }

    private mutating func producer(_ producer: EventTypeView.Producer) {
        object { writer in
            writer.member("source", producer.source.name)
            writer.member("topic", producer.topic.description)
            writer.member("way", producer.source.way?.rawValue)
            writer.seen(producer.seen)
        }
    }

    private mutating func consumer(_ consumer: EventTypeView.Consumer) {
        object { writer in
            writer.member("kind", consumer.kind.rawValue)
            writer.member("name", consumer.name)
            writer.member("topic", consumer.topic.description)
            writer.member("gets", consumer.share.rawValue)
            writer.member("targets", list: consumer.targets) { $0.string($1) }
            writer.member("rule", consumer.rule?.description)
            writer.member("paused", consumer.isIdle)
        }
    }

    private mutating func schemaUse(_ use: EventTypeView.SchemaUse) {
        object { writer in
            writer.member("subject", use.subject.description)
            writer.member("by", use.reason.rawValue)
            writer.member("topic", use.topic?.description)
            writer.member("format", use.latest?.content.format.rawValue)
            writer.key("version")
            if let latest = use.latest { writer.integer(latest.version.version) } else { writer.null() }
            writer.key("id")
            if let latest = use.latest {
                writer.integer(Int(latest.version.id.rawValue))
            } else {
                writer.null()
            }
            writer.member("versions", list: use.versions) { $0.integer($1) }
        }
    }
}
