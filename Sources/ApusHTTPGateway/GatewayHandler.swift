// SPDX-License-Identifier: Apache-2.0

// The way of a request: admission, route, handler. Publishing stays on the event loop; everything else gets a task.

internal import ApusHTTPCodec
internal import ApusHTTPServer
internal import ApusModel
internal import NIOCore

/// Answers the server's requests.
struct GatewayHandler: HTTPRequestHandler {
    let context: GatewayContext
    let admission: Admission
    let router: Router
    let publish: PublishHandler

    init(_ context: GatewayContext, _ router: Router) {
        self.context = context
        self.router = router
        admission = Admission(context.configuration)
        let index = router.routes.firstIndex { if case .publish = $0.handler { true } else { false } }
        publish = PublishHandler(context: context, routeIndex: index ?? -1)
    }

    func handle(_ request: consuming HTTPRequest, _ responder: HTTPResponder) {
        let head = request.head
        if let api = SchemaAPI(head) { return answer(head, request.body, api, responder) }
        if let objection = admission.objectionToSender(of: head) { return refuse(objection, responder) }
        if head.method == .get || head.method == .head, let page = context.configuration.pages?(head) {
            return responder.respond(page)
        }
        if let objection = admission.objectionToToken(of: head) { return refuse(objection, responder) }
        do {
            if head.method == .post, let topic = try HotPath.topic(head) {
                return publish.handle(head, request.body, topic: topic, from: request.peer, responder)
            }
            try route(head, request.body, request.peer, responder)
        } catch {
            refuse(error, responder)
        }
    }

    /// Whoever is not let in is told so before the server makes room for what they send.
    func refusal(of head: HTTPRequestHead) -> HTTPResponse? {
        if let api = SchemaAPI(head) {
            guard let objection = admission.objection(to: head, takesPassword: true) else { return nil }
            context.metrics.refused(objection.kind.status)
            return api.refusal(objection, head)
        }
        guard let objection = admission.objection(to: head) else { return nil }
        context.metrics.refused(objection.kind.status)
        return objection.answer.response
    }

    func response(to error: HTTPRequestError) -> HTTPResponse {
        let problem = Problem(error)
        context.metrics.refused(problem.kind.status)
        var response = problem.answer.response
        response.closesConnection = true
        return response
    }

    // MARK: The schema registry's own APIs

    private func answer(
        _ head: HTTPRequestHead, _ body: ByteBuffer, _ api: SchemaAPI, _ responder: HTTPResponder
    ) {
        if let objection = admission.objection(to: head, takesPassword: true) {
            context.metrics.refused(objection.kind.status)
            return responder.respond(api.refusal(objection, head))
        }
        let start = ContinuousClock.now
        let ticket = context.calls.open()
        let task = Task {
            defer { context.calls.close(ticket) }
            let response = await api.answer(head, body, schemas: context.broker)
            let index = router.routes.count + api.rawValue
            context.metrics.answered(index, response.head.status, after: start.duration(to: .now))
            responder.respond(response)
        }
        context.calls.attach(task, to: ticket)
        responder.whenAbandoned { context.calls.abandon(ticket) }
    }

    private func refuse(_ problem: Problem, _ responder: HTTPResponder) {
        context.metrics.refused(problem.kind.status)
        responder.respond(problem.answer.response)
    }

    // MARK: Everything but publishing

    private func route(
        _ head: HTTPRequestHead, _ body: ByteBuffer, _ peer: HTTPPeer, _ responder: HTTPResponder
    ) throws(Problem) {
        let match = try router.find(head)
        let start = ContinuousClock.now
        let ticket = context.calls.open()
        let task = Task {
            defer { context.calls.close(ticket) }
            let route = router.routes[match.index]
            do throws(Problem) {
                let call = Call(
                    head: head, body: body, pathValues: match.values,
                    query: try QueryReader(head, known: route.parameters), ticket: ticket, peer: peer)
                try await answer(call, route, match.index, start, responder)
            } catch {
                finish(error.answer, route, match.index, start, responder)
            }
        }
        context.calls.attach(task, to: ticket)
        responder.whenAbandoned { context.calls.abandon(ticket) }
    }

    private func answer(
        _ call: Call, _ route: Route, _ index: Int, _ start: ContinuousClock.Instant,
        _ responder: HTTPResponder
    ) async throws(Problem) {
        if route.body.isJSON, call.body.readableBytes > 0 {
            if let objection = BodyAdmission.objectionToJSON(call.head) { throw objection }
        }
        switch route.handler {
        case .publish:
            publish.handle(call.head, call.body, topic: try call.name(), from: call.peer, responder)
        case .answer(let handler):
            finish(try await handler(context, call), route, index, start, responder)
        case .stream(let open):
            let body = try await open(context, call)
            let writer = responder.startStream(HTTPResponseHead(status: .ok, headers: body.headers))
            writer.whenClosed { context.calls.abandon(call.ticket) }
            context.metrics.streamOpened()
            defer { context.metrics.streamClosed() }
            await body.write(writer)
            context.metrics.answered(index, .ok, after: start.duration(to: .now))
        }
    }

    private func finish(
        _ answer: Answer, _ route: Route, _ index: Int, _ start: ContinuousClock.Instant,
        _ responder: HTTPResponder
    ) {
        assert(route.statuses.contains(answer.status.code), "\(route.label) must document \(answer.status)")
        context.metrics.answered(index, answer.status, after: start.duration(to: .now))
        responder.respond(answer.response)
    }
}

/// Recognises `/v1/topics/{topic}/events` without taking the path apart.
enum HotPath {
    /// The topic of a path of that form; nil for other paths, and for names with escapes, which the router decodes.
    ///
    /// - Throws: ``Problem`` for a topic that is no name.
    static func topic(_ head: HTTPRequestHead) throws(Problem) -> ResourceName? {
        let name = head.withPathBytes { bytes -> String? in
            let (prefix, suffix): (StaticString, StaticString) = ("/v1/topics/", "/events")
            let end = bytes.count - suffix.utf8CodeUnitCount
            guard end > prefix.utf8CodeUnitCount, holds(bytes, prefix, at: 0), holds(bytes, suffix, at: end)
            else {
                return nil
            }
            let name = UnsafeRawBufferPointer(rebasing: bytes[prefix.utf8CodeUnitCount..<end])
            guard !name.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "%") }) else {
                return nil
            }
            return String(decoding: name, as: UTF8.self)
        }
        guard let name else { return nil }
        do {
            return try ResourceName(name)
        } catch {
            throw Problem(.malformed, error.description)
        }
    }

    private static func holds(_ bytes: UnsafeRawBufferPointer, _ literal: StaticString, at place: Int) -> Bool
    {
        for index in 0..<literal.utf8CodeUnitCount where bytes[place + index] != literal.utf8Start[index] {
            return false
        }
        return true
    }
}

extension Problem {
    /// What bytes that are no acceptable request mean to their sender.
    fileprivate init(_ error: HTTPRequestError) {
        let kind: Kind =
            switch error.status {
            case .versionNotSupported: .versionNotSupported
            case .uriTooLong: .uriTooLong
            case .headerFieldsTooLarge: .headersTooLarge
            case .expectationFailed: .expectationFailed
            case .contentTooLarge: .tooLarge
            case .requestTimeout: .timeout
            case .serviceUnavailable: .unavailable
            default: .malformed
            }
        self.init(kind, String(describing: error.explanation))
    }
}
