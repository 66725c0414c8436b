// SPDX-License-Identifier: Apache-2.0

// A webhook as a route of Hummingbird: a request is put together within bounds of size and time, judged and answered by the receiver, which knows nothing of
// servers. All of the adapter is in this file, so that it can be copied.

public import ApusWebhook
internal import HTTPTypes
public import Hummingbird
internal import NIOCore

extension RouterMethods {
    /// Answers what is posted to a path as a webhook, and the question of its sender whether it may (`OPTIONS`).
    ///
    /// A body that is larger than the endpoint takes is answered with 413, if its length is told before any of it is read, and one that does not come in time
    /// with 408. Other methods are Hummingbird's to answer.
    ///
    /// ```swift
    /// router.webhook("/hooks/orders", hook)
    /// ```
    ///
    /// - Parameters:
    ///   - path: of the route, relative to its group's.
    ///   - receiver: judges the requests of this path, hands their events to consumers and says what is to be answered.
    ///   - bodyTime: how long a request may take to come in, from its head on. 10 s.
    @discardableResult
    public func webhook(
        _ path: RouterPath, _ receiver: WebhookReceiver, bodyTime: Duration = .seconds(10)
    ) -> Self {
        for method in [HTTPRequest.Method.post, .options] {
            on(path, method: method) { request, _ in
                try await receiver.respond(to: request, bodyTime: bodyTime)
            }
        }
        return self
    }
}

extension WebhookReceiver {
    /// The answer to a request of Hummingbird's, once its events were handled: what a route answers that is more than a webhook.
    ///
    /// - Parameters:
    ///   - request: its body must not have been read.
    ///   - bodyTime: how long it may take to come in. 10 s.
    /// - Throws: what reading the body throws, when the connection ended or the task was cancelled.
    public func respond(to request: Request, bodyTime: Duration = .seconds(10)) async throws -> Response {
        let limit = endpoint.bodyBytesMax
        let tooLarge = Self.refusal(.contentTooLarge, "the body is larger than \(limit) bytes")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            return tooLarge
        }
        let body: ByteBuffer
        do {
            guard let read = try await Self.collect(request.body, upTo: limit, within: bodyTime) else {
                return Self.refusal(.requestTimeout, "the body did not come in time")
            }
            body = read
        } catch is NIOTooManyBytesError { return tooLarge }
        let answer = await respond(
            to: WebhookRequest(
                method: request.method.rawValue, target: request.uri.string,
                headers: request.headers.map { ($0.name.rawName, $0.value) },
                body: Array(body.readableBytesView)))
        var response = Response(status: .init(code: answer.status))
        for header in answer.headers {
            guard let name = HTTPField.Name(header.name) else { continue }
            response.headers.append(HTTPField(name: name, value: header.value))
        }
        if !answer.body.isEmpty { response.body = .init(byteBuffer: ByteBuffer(bytes: answer.body)) }
        return response
    }

    /// All of a body; nil when it did not come in time.
    private static func collect(
        _ body: RequestBody, upTo limit: Int, within time: Duration
    ) async throws -> ByteBuffer? {
        try await withThrowingTaskGroup(of: ByteBuffer?.self) { tasks in
            // What is read of it when the time is over is dropped, and the connection ends with it.
            defer { tasks.cancelAll() }
            tasks.addTask { try await body.collect(upTo: limit) }
            tasks.addTask {
                try await Task.sleep(for: time)
                return nil
            }
            return try await tasks.next() ?? nil
        }
    }

    /// An answer to a request that was not read to its end: its sender should not go on with the connection.
    private static func refusal(_ status: HTTPResponse.Status, _ reason: String) -> Response {
        Response(
            status: status, headers: [.connection: "close", .contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: "\(reason)\n")))
    }
}
