// SPDX-License-Identifier: Apache-2.0

// The catalogue of events: what types there are, what is known of one, and saying something about one.

internal import ApusCatalog
internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes about types of events.
enum EventTypeRoutes {
    static let all: [Route] = [list, get, put, delete, asyncAPI, SchemaProposalRoute.route]

    private static let path = PathTemplate("/v1/event-types/{type}")

    private static let list = Route(
        method: .get, path: PathTemplate("/v1/event-types"), operation: "listEventTypes",
        summary:
            "Lists types of events by name: those that were declared and those that were seen in topics.",
        chapter: .eventTypes,
        parameters: [
            QueryParameter(
                name: "search", schema: .text,
                about:
                    "Only those whose type, title, owner, description, topics or producers contain this, in upper or lower case."
            ),
            QueryParameter(name: "topic", schema: .name, about: "Only those of this topic."),
        ] + QueryParameter.page,
        successes: [.json(.ok, "A page of types.", .eventTypes)], problems: [.invalid],
        handler: .answer { context, call throws(Problem) in
            let page = try call.query.page()
            let topic = try call.query.name("topic")
            let wanted = page.search?.lowercased()
            let survey = try CatalogSurvey(context)
            var views: [EventTypeView] = []
            for type in survey.types where page.after.map({ type > $0 }) ?? true {
                guard views.count < page.limit, let view = survey.summary(of: type) else { break }
                guard topic.map({ topic in view.places.contains { $0.topic == topic } }) ?? true,
                    wanted.map({ view.contains($0) }) ?? true
                else { continue }
                views.append(view)
            }
            return .page("event_types", views, of: page, next: \.type) { $0.eventTypeSummary($1) }
        })

    private static let get = Route(
        method: .get, path: path, operation: "getEventType",
        summary:
            "Everything that is known of a type of events: topics, schemas, who publishes it and who gets it.",
        chapter: .eventTypes, successes: [.json(.ok, "The type.", .eventType)], problems: [.notFound],
        handler: .answer { context, call throws(Problem) in
            let type = call.pathValues.first ?? ""
            let view = try view(of: type, context)
            return .json { $0.eventType(view) }
        })

    private static let put = Route(
        method: .put, path: path, operation: "declareEventType",
        summary: "Says something about a type of events, in place of what was said before.",
        chapter: .eventTypes, body: .json(.reference(.eventTypeDeclaration)),
        successes: [
            .json(.ok, "It replaced what was said before.", .eventType),
            .json(.created, "Nothing had been said about it.", .eventType),
        ],
        problems: [.unsupportedMediaType, .invalid, .notFound],
        handler: .answer { context, call async throws(Problem) in
            let type = call.pathValues.first ?? ""
            let declaration = try EventDeclaration(type, try call.members(Schema.eventTypeDeclaration))
            let isNew = try await context.ask { broker async throws(BrokerError) in
                try await broker.declareEvent(declaration)
            }
            let view = try view(of: type, context)
            return .json(isNew ? .created : .ok) { $0.eventType(view) }
        })

    private static let delete = Route(
        method: .delete, path: path, operation: "withdrawEventType",
        summary: "Takes back what was said about a type of events; what was seen of it stays.",
        chapter: .eventTypes, successes: [.done], problems: [.notFound],
        handler: .answer { context, call async throws(Problem) in
            let type = call.pathValues.first ?? ""
            let wasThere = try await context.ask { broker async throws(BrokerError) in
                try await broker.withdrawEvent(type)
            }
            guard wasThere else {
                throw Problem(
                    .notFound, "nothing was declared about events of type '\(type.prefix(200))'",
                    hint: "what is discovered cannot be taken back: it is what was seen")
            }
            return .done
        })

    private static let asyncAPI = Route(
        method: .get, path: PathTemplate("/v1/asyncapi"), operation: "asyncAPI",
        summary:
            "Topics, types of events, their schemas, producers and consumers as an AsyncAPI 3.0 document.",
        chapter: .eventTypes,
        parameters: [QueryParameter(name: "topic", schema: .name, about: "Only this topic.")],
        successes: [.json(.ok, "The document.", .asyncAPI)], problems: [.invalid],
        handler: .answer { context, call throws(Problem) in
            let document = try AsyncAPIDocument.make(context, topic: try call.query.name("topic"))
            return .json { $0.value(document) }
        })

    private static func view(of type: String, _ context: GatewayContext) throws(Problem) -> EventTypeView {
        var survey = try CatalogSurvey(context)
        guard let view = try survey.view(of: type) else {
            throw Problem(
                .notFound, "no events of type '\(type.prefix(200))' were declared or seen",
                hint:
                    "GET /v1/event-types lists what is known; what was just published is seen within about a second"
            )
        }
        return view
    }
}

extension EventTypeView {
    /// Whether a text in lower case stands anywhere in it.
    fileprivate func contains(_ text: String) -> Bool {
        let declared = [declaration?.title, declaration?.owner, declaration?.text].compactMap(\.self)
        return ([type] + declared).contains { $0.lowercased().contains(text) }
            || places.contains { place in
                place.topic.description.lowercased().contains(text)
                    || place.sighting?.sources.keys.contains { $0.name.lowercased().contains(text) } ?? false
            }
    }
}
