// SPDX-License-Identifier: Apache-2.0

// `GET /v1/activity`: counts and gauges of the whole server, about once a second, for pages and terminals that show what goes on.

internal import ApusHTTPCodec
internal import ApusHTTPServer
internal import JSONText

/// The route of what goes on.
enum ActivityRoutes {
    static let all: [Route] = [stream]

    private static let stream = Route(
        method: .get, path: PathTemplate("/v1/activity"), operation: "activity",
        summary: "Follows counts and gauges of the whole server, about once a second, as Server-Sent Events.",
        chapter: .operations,
        successes: [
            Success(
                status: .ok,
                about:
                    "Messages 'sample': those of the last two minutes that are known, then one after the other.",
                content: [.init(mediaType: "text/event-stream", schema: .string())])
        ],
        problems: [.notAcceptable],
        handler: .stream { context, call throws(Problem) in
            let accepted = Accept(call.head)
            guard accepted.allows("text", "event-stream") else {
                throw accepted.refusal(["text/event-stream"])
            }
            try context.activity.enter()
            do throws(Problem) {
                try context.calls.beginWaiting(call.ticket)
            } catch {
                context.activity.leave()
                throw error
            }
            return StreamBody(headers: ServerSentEventWriter.headers) { writer in
                defer { context.activity.leave() }
                await follow(context, ServerSentEventWriter(writer: writer))
                writer.finish()
            }
        })

    private static func follow(_ context: GatewayContext, _ output: ServerSentEventWriter) async {
        var last: UInt64 = 0
        while !Task.isCancelled {
            let (samples, next) = context.activity.samples(after: last, context)
            for sample in samples {
                guard await output.send(event: "sample", id: nil, data: sample.json) else { return }
                last = sample.number
            }
            // Cancelled, it returns early, and the loop ends.
            try? await Task.sleep(until: next, clock: .continuous)
        }
    }
}
