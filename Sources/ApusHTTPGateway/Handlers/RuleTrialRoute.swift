// SPDX-License-Identifier: Apache-2.0

// Trying a rule over stored events. One request is one step; `rest` of its answer is what the next request asks for.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import ApusRules
internal import JSONText

/// The route that tries rules.
enum RuleTrialRoute {
    static let route = Route(
        method: .post, path: PathTemplate("/v1/rules/try"), operation: "tryRule",
        summary:
            "Tells which stored events a rule would match and where they would go; nothing goes there. "
            + "Long histories take several requests: send back 'rest' until it is empty.",
        chapter: .rules, body: .json(.reference(.ruleTrial)),
        successes: [.json(.ok, "What this step found, and what is left.", .ruleTrialResult)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let reader = try call.members(Schema.ruleTrial)
            let settings = RuleSettings(
                topic: try reader.require("topic", reader.name),
                pattern: try reader.require("pattern", reader.pattern),
                targets: try RuleTarget.list(reader, count: 0...Bounds.targets.upperBound, stored: []) ?? [])
            let range = try reader.trialRange(now: context.now)
            let shown = try reader.int("show", in: Bounds.trialShown) ?? 10
            let trial = try await context.ask { broker async throws(BrokerError) in
                try await broker.tryRule(settings, over: range, showing: shown)
            }
            return .json { $0.trial(trial) }
        })
}

extension MemberReader {
    fileprivate func trialRange(now: Timestamp) throws(Problem) -> RuleTrialRange {
        let newest = try integer("newest", in: Bounds.trialNewest)
        guard let elements = try list("rest", count: 1...Int(Bounds.partitions.upperBound)) else {
            if let newest {
                for name in ["from", "to"] where has(name) {
                    throw Problem(
                        .malformed,
                        "'\(path("newest"))' says how many of the newest: leave out '\(path(name))'")
                }
                return .newest(newest)
            }
            return .between(
                try position("from", now: now) ?? .earliest, try position("to", now: now) ?? .latest)
        }
        for name in ["from", "to"] where has(name) {
            throw Problem(.malformed, "'\(path("rest"))' says where to go on: leave out '\(path(name))'")
        }
        var spans: [RuleTrial.Span] = []
        for (index, element) in elements.enumerated() {
            let span = try MemberReader(element, Schema.trialSpan, in: path("rest[\(index)]."))
            spans.append(
                RuleTrial.Span(
                    partition: Int(
                        try span.require("partition") { name throws(Problem) in
                            try span.integer(name, in: Bounds.partition)
                        }),
                    next: Offset(
                        try span.require("next") { name throws(Problem) in
                            try span.integer(name, in: Bounds.offset)
                        }),
                    end: Offset(
                        try span.require("end") { name throws(Problem) in
                            try span.integer(name, in: Bounds.offset)
                        })))
        }
        return .rest(spans, isNewest: newest != nil)
    }
}

extension JSONWriter {
    fileprivate mutating func trial(_ trial: RuleTrial) {
        object { writer in
            writer.member("looked", trial.looked)
            writer.member("matched", trial.matched)
            writer.member("unreadable", trial.unreadable)
            writer.member("events", list: trial.matches) { writer, match in
                writer.object { writer in
                    writer.storedEventMembers(match.stored)
                    writer.member("destinations", list: match.destinations) { $0.destination($1) }
                }
            }
            writer.member("rest", list: trial.rest) { writer, span in
                writer.object { writer in
                    writer.member("partition", span.partition)
                    writer.member("next", span.next)
                    writer.member("end", span.end)
                }
            }
        }
    }

    private mutating func destination(_ destination: RuleTrial.Destination) {
        object { writer in
            switch destination.place {
            case .topic(let name, let partition):
                writer.member("topic", name.description)
                writer.member("partition", partition)
            case .webhook(let url): writer.member("webhook", url)
            }
            if let failure = destination.failure { writer.member("failure", failure) }
        }
    }
}
