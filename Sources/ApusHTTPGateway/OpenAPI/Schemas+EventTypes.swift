// SPDX-License-Identifier: Apache-2.0

// The named schemas of the catalogue of events.

internal import ApusCatalog
internal import ApusSchemas

extension Schema {
    static func eventTypes(_ definition: Definition) -> Schema {
        switch definition {
        case .eventTypes:
            .object(
                ObjectSchema()
                    .requiring("event_types", .list(.object(EventTypeSchemas.summary)))
                    .requiring("next", .nullable(.text), "the value of 'after' for the next page"))
        case .eventTypeDeclaration: .object(eventTypeDeclaration)
        case .schemaProposal: .object(EventTypeSchemas.proposal)
        case .schemaProposalSettings: .object(schemaProposalSettings)
        case .asyncAPI:
            .object(
                ObjectSchema().requiring("asyncapi", .choice(["3.0.0"])).requiring("info", .any)
                    .requiring("channels", .any).requiring("operations", .any).requiring("components", .any)
                    .allowingOthers())
        default: .object(EventTypeSchemas.detail)
        }
    }

    static let eventTypeDeclaration = ObjectSchema()
        .allowing("title", .nullable(name255), "what people call it")
        .allowing("owner", .nullable(name255), "whom to ask about it")
        .allowing(
            "description",
            .nullable(.string(StringRules(lengthMax: EventDeclaration.descriptionBytesMax))),
            "when it happens and what it means"
        )
        .allowing("example", .any, "data of such an event")
        .allowing("subject", .nullable(name255), "the subject of its schema")
        .allowing("topics", .list(.name, countMax: EventDeclaration.namesMax), "where it is published")
        .allowing("producers", .list(name255, countMax: EventDeclaration.namesMax), "who publishes it")
        .allowing("consumers", .list(name255, countMax: EventDeclaration.namesMax), "who consumes it")

    private static let name255 = Schema.string(StringRules(lengthMax: EventDeclaration.nameBytesMax))

    static let schemaProposalSettings = ObjectSchema()
        .allowing("type", .text, "only events of this type")
        .allowing("last", .integer(Bounds.proposalEvents), "how many of the latest events are looked at")
        .allowing("closed", .boolean, "allow no members that were not seen")
        .allowing(
            "required_percent", .integer(1...100),
            "in how many percent of the objects a member has to be to be required")
}

private enum EventTypeSchemas {
    private static let head = ObjectSchema()
        .requiring("type", .text)
        .requiring("declared", .boolean, "whether somebody has said something about it")
        .requiring("discovered", .boolean, "whether it was seen in a topic")
        .requiring("title", .nullable(.text))
        .requiring("owner", .nullable(.text))
        .requiring("description", .nullable(.text))
        .merging(seen)

    private static let seen = ObjectSchema()
        .requiring("count", .count, "events that were seen")
        .requiring("first", .nullable(.time))
        .requiring("last", .nullable(.time))

    static let summary =
        head
        .requiring("topics", .list(.name))
        .requiring("subjects", .list(.text), "subjects of schemas that its data is judged by somewhere")

    static let detail =
        head
        .requiring("example", .any)
        .requiring("declared_producers", .list(.text))
        .requiring("declared_consumers", .list(.text))
        .requiring("declared_at", .nullable(.time))
        .requiring("topics", .list(.object(place)))
        .requiring("producers", .list(.object(producer)), "who was seen to publish it")
        .requiring("consumers", .list(.object(consumer)), "who gets events of it")
        .requiring("schemas", .list(.object(schema)))

    private static let place = ObjectSchema()
        .requiring("topic", .name)
        .requiring("declared", .boolean)
        .requiring("exists", .boolean)
        .merging(seen)
        .requiring("rules", .list(.name), "rules that copy events of the type there")

    private static let producer = ObjectSchema()
        .requiring("source", .text)
        .requiring("topic", .name)
        .requiring(
            "way", .nullable(.choice(EventWay.allCases.map(\.rawValue))),
            "how they came in, where the records tell"
        )
        .merging(seen)

    private static let consumer = ObjectSchema()
        .requiring("kind", .choice(EventTypeView.Consumer.Kind.allCases.map(\.rawValue)))
        .requiring("name", .text)
        .requiring("topic", .name)
        .requiring("gets", .choice(EventTypeView.Consumer.Share.allCases.map(\.rawValue)))
        .requiring("targets", .list(.text), "where it passes them on to")
        .requiring("rule", .nullable(.name), "the rule that it delivers for")
        .requiring("paused", .boolean)

    private static let schema = ObjectSchema()
        .requiring("subject", .text)
        .requiring("by", .choice(EventTypeView.SchemaUse.Reason.allCases.map(\.rawValue)), "why this one")
        .requiring("topic", .nullable(.name))
        .requiring("format", .nullable(.choice(SchemaFormat.allCases.map(\.rawValue))))
        .requiring(
            "version", .nullable(.integer(Bounds.schemaVersion)), "the latest; null when there is none"
        )
        .requiring("id", .nullable(.integer(Bounds.schemaVersion)))
        .requiring("versions", .list(.integer(Bounds.schemaVersion)))

    static let proposal = ObjectSchema()
        .requiring("topic", .name)
        .requiring("type", .nullable(.text))
        .requiring("looked", .count, "events that were looked at")
        .requiring("documents", .count, "those of them whose data is JSON")
        .requiring(
            "types",
            .list(.object(ObjectSchema().requiring("type", .text).requiring("count", .count))),
            "which types they were of"
        )
        .requiring("truncated", .boolean, "whether the schema says nothing of some places: too large or deep")
        .requiring("subject", .text, "the subject that would be registered under")
        .requiring(
            "current",
            .nullable(
                .object(
                    ObjectSchema().requiring("version", .integer(Bounds.schemaVersion))
                        .requiring("id", .integer(Bounds.schemaVersion)))),
            "the version that the events were held against; null when there is none"
        )
        .requiring("refused", .count, "documents that the current version does not accept")
        .requiring("unexplained", .count, "those of them that break rules which are not widened")
        .requiring(
            "drift",
            .list(
                .object(
                    ObjectSchema().requiring("path", .text).requiring("rule", .text)
                        .requiring("message", .text).requiring("count", .count).requiring("got", .text))),
            "what the current version has against them"
        )
        .requiring("schema", .any, "what is proposed; null when there is nothing to propose")
        .requiring("compatibility", .nullable(.reference(.schemaReport)))
}
