// SPDX-License-Identifier: Apache-2.0

// Rules: list, create or replace, look, delete, try out.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import ApusRules
internal import ApusTransform
internal import CloudEvents
internal import JSONText

/// Routes about rules.
enum RuleRoutes {
    static let all: [Route] = [list, test, RuleTrialRoute.route, put, get, delete]

    private static let path = PathTemplate("/v1/rules/{rule}")

    private static let list = Route(
        method: .get, path: PathTemplate("/v1/rules"), operation: "listRules",
        summary: "Lists rules by name.",
        chapter: .rules, parameters: [.topic, .search] + QueryParameter.page,
        successes: [.json(.ok, "A page of rules.", .rules)], problems: [.notFound, .invalid],
        handler: .answer { context, call throws(Problem) in
            let page = try call.query.page()
            let topic = try call.query.name("topic")
            let rules = try context.look { broker throws(BrokerError) in try broker.rules(of: topic, page) }
            return .page("rules", rules, of: page, next: \.name.description) { $0.rule($1) }
        })

    private static let put = Route(
        method: .put, path: path, operation: "putRule",
        summary: "Creates or replaces a rule. Its first event is the one after it was made.", chapter: .rules,
        body: .json(.reference(.ruleSettings)),
        successes: [.json(.ok, "Replaced.", .rule), .json(.created, "Created.", .rule)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let stored = (try? context.broker.rule(name))?.settings.pushes ?? []
            let settings = try RuleSettings(try call.members(Schema.ruleSettings), stored: stored)
            let (rule, isNew) = try await context.ask { broker async throws(BrokerError) in
                try await broker.putRule(name, settings)
            }
            return .json(isNew ? .created : .ok) { $0.rule(rule) }
        })

    private static let get = Route(
        method: .get, path: path, operation: "getRule",
        summary: "A rule, and how often it matched since the server started.", chapter: .rules,
        successes: [.json(.ok, "The rule.", .rule)], problems: [.notFound],
        handler: .answer { context, call throws(Problem) in
            let name = try call.name()
            let rule = try context.look { broker throws(BrokerError) in try broker.rule(name) }
            return .json { $0.rule(rule) }
        })

    private static let delete = Route(
        method: .delete, path: path, operation: "deleteRule",
        summary: "Deletes a rule, and the subscriptions behind its webhook targets.", chapter: .rules,
        successes: [.done], problems: [.notFound, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            try await context.ask { broker async throws(BrokerError) in try await broker.deleteRule(name) }
            return .done
        })

    // MARK: Trying out

    private static let test = Route(
        method: .post, path: PathTemplate("/v1/rules/test"), operation: "testRule",
        summary:
            "Tells whether an event matches a pattern, and why not; and what a transformation makes of it.",
        chapter: .rules,
        body: .json(.reference(.ruleTest)),
        successes: [.json(.ok, "The verdict, and each condition by itself.", .ruleTestResult)],
        problems: [.unsupportedMediaType, .invalid],
        handler: .answer { context, call throws(Problem) in
            let reader = try call.members(Schema.ruleTest)
            let pattern = try reader.require("pattern", reader.pattern)
            let event = try reader.require("event", reader.event)
            let transformation = try reader.transformation("transformation")
            let rule = try reader.name("rule")?.description ?? "test"
            let topic = try reader.name("topic")?.description ?? "test"
            let explanation = pattern.explain(event)
            var preview: TransformationPreview?
            if explanation.isMatched, let transformation {
                let arrived = CloudEventTimestamp(millisecondsSinceEpoch: context.now.rawValue)
                preview = TransformationPreview(
                    transformation, of: event,
                    in: TransformationContext(rule: rule, topic: topic, arrived: arrived))
            }
            let result = preview
            return .json { $0.explanation(explanation, result) }
        })
}

extension MemberReader {
    func event(_ name: String) throws(Problem) -> CloudEvent? {
        guard let value = value(name) else { return nil }
        do {
            return try CloudEventJSONFormat.decode(value.serialized())
        } catch {
            throw Problem(.malformed, "'\(path(name))': \(error.description)")
        }
    }
}

extension JSONWriter {
    fileprivate mutating func explanation(
        _ explanation: MatchExplanation, _ preview: TransformationPreview?
    ) {
        object { writer in
            writer.member("matched", explanation.isMatched)
            writer.member("leaves", list: explanation.fields) { $0.leaf($1) }
            writer.member("note", explanation.note)
            writer.preview(preview)
        }
    }

    mutating func leaf(_ field: MatchExplanation.Field) {
        object { writer in
            writer.member("path", field.path)
            writer.member("expected", list: field.expected) { $0.value($1) }
            writer.member("found", list: field.values) { $0.value($1) }
            writer.member("found_count", field.valueCount)
            writer.member("matched", field.isMatched)
        }
    }
}
