// SPDX-License-Identifier: Apache-2.0

// The last lines of the server's log.

internal import ApusHTTPCodec
internal import JSONText

/// The route of log lines.
enum LogRoute {
    static let all: [Route] = [
        Route(
            method: .get, path: PathTemplate("/v1/log"), operation: "recentLog",
            summary:
                "The last lines of the server's log, the oldest first, as far as they are kept in memory.",
            chapter: .operations,
            parameters: [
                QueryParameter(
                    name: "limit", schema: .integer(Bounds.page), about: "How many at most; 100 if absent.")
            ],
            successes: [.json(.ok, "The lines.", .recentLog)], problems: [.invalid],
            handler: .answer { context, call throws(Problem) in
                let limit = try call.query.int("limit", in: Bounds.page, default: 100)
                let lines = context.configuration.recentLog(limit)
                return .json { writer in
                    writer.object { writer in
                        writer.member("lines", list: lines) { $0.raw(Array($1.utf8)) }
                    }
                }
            })
    ]
}
