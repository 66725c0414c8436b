// SPDX-License-Identifier: Apache-2.0

// Proposing a schema for a topic from what lies in it.

internal import ApusHTTPCodec
internal import ApusModel
internal import ApusSchemas
internal import JSONText

/// The route that proposes schemas.
enum SchemaProposalRoute {
    static let route = Route(
        method: .post, path: PathTemplate("/v1/topics/{topic}/schema-proposal"),
        operation: "proposeSchema",
        summary:
            "Proposes a schema from the latest events of a topic, or a new version where they have drifted away from the current one. Nothing is registered.",
        chapter: .schemas, body: .optionalJSON(.reference(.schemaProposalSettings)),
        successes: [.json(.ok, "What was found, and what is proposed.", .schemaProposal)],
        problems: [.notFound, .unsupportedMediaType, .invalid, .corrupt, .trimmed, .conflict],
        handler: .answer { context, call async throws(Problem) in
            let topic = try call.name()
            let request = try SchemaProposalRequest(
                topic, try call.optionalMembers(Schema.schemaProposalSettings))
            try context.calls.beginWaiting(call.ticket)
            let proposal = try await SchemaProposal.make(request, context)
            return .json { $0.proposal(proposal) }
        })
}

extension JSONWriter {
    fileprivate mutating func proposal(_ proposal: SchemaProposal) {
        object { writer in
            writer.member("topic", proposal.request.topic.description)
            writer.member("type", proposal.request.type)
            writer.member("looked", proposal.looked)
            writer.member("documents", proposal.documents)
            let types = proposal.types.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            writer.member("types", list: types) { writer, type in
                writer.object { writer in
                    writer.member("type", type.key)
                    writer.member("count", type.value)
                }
            }
            writer.member("truncated", proposal.isTruncated)
            writer.member("subject", proposal.subject.description)
            writer.key("current")
            if let current = proposal.current?.version {
                writer.object { writer in
                    writer.member("version", current.version)
                    writer.member("id", Int(current.id.rawValue))
                }
            } else {
                writer.null()
            }
            writer.member("refused", proposal.refused)
            writer.member("unexplained", proposal.unexplained)
            writer.member("drift", list: proposal.drift) { writer, drift in
                writer.object { writer in
                    writer.member("path", drift.path)
                    writer.member("rule", drift.rule)
                    writer.member("message", drift.message)
                    writer.member("count", drift.count)
                    writer.member("got", drift.got)
                }
            }
            writer.key("schema")
            writer.value(proposal.schema ?? .null)
            writer.key("compatibility")
            if let report = proposal.compatibility {
                writer.compatibilityReport(report)
            } else {
                writer.null()
            }
        }
    }
}
