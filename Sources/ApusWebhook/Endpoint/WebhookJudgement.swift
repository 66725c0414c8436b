// SPDX-License-Identifier: Apache-2.0

// What a request is: a question to be answered at once, something to look up first, or events. Pure: time and certificates go in, no byte of a request is
// believed before its sender is known.

internal import CloudEvents
internal import Crypto
internal import JSONText

/// What is to be done with a request.
enum WebhookJudgement: Sendable {
    /// Answered at once.
    case answer(WebhookResponse)
    /// It cannot be judged before this certificate is there.
    case needsCertificate(url: String)
    /// A topic asks whether this is its subscriber: yes, by fetching this address.
    case confirm(url: String)
    /// Events to be handled.
    case deliver([WebhookEvent])
}

/// An event that somebody sent.
struct WebhookEvent: Sendable, Hashable {
    var event: CloudEvent
    /// Which try this is, as far as the sender says so; otherwise 1.
    var attempt: Int
}

extension WebhookEndpoint {
    /// What a request is.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - certificates: those that were fetched, by URL; nil for what is none.
    func judge(
        _ request: WebhookRequest, now: Int64, certificates: [String: SNSCertificate?] = [:]
    ) -> WebhookJudgement {
        guard request.body.count <= bodyBytesMax else {
            return .answer(.text(413, "the body is larger than \(bodyBytesMax) bytes"))
        }
        switch request.method {
        case "OPTIONS": return .answer(consent(request))
        case "POST": break
        default: return .answer(.text(405, "events are sent by POST", [("allow", "POST, OPTIONS")]))
        }
        switch sender.kind {
        case .standard(let keys, let tolerance, let takesBinary):
            if let problem = StandardSignature.problem(request, keys: keys, tolerance: tolerance, now: now) {
                return .answer(.text(401, problem))
            }
            return events(request, takesBinary: takesBinary)
        case .sharedKey(let digests, let place):
            guard SharedKey.isThere(request, digests, place) else { return .answer(SharedKey.missing) }
            return eventGrid(request)
        case .anybody: return eventGrid(request)
        case .sns(let topics, let versions):
            return sns(request, topics, versions, certificates)
        }
    }

    // MARK: Consent

    private func consent(_ request: WebhookRequest) -> WebhookResponse {
        guard let origin = request.header("webhook-request-origin"), !origin.isEmpty else {
            return .text(405, "events are sent by POST", [("allow", "POST, OPTIONS")])
        }
        if case .sharedKey(let digests, let place) = sender.kind,
            !SharedKey.isThere(request, digests, place)
        {
            return SharedKey.missing
        }
        let isAllowed =
            switch consent {
            case .none: false
            case .all: true
            // Names of hosts: the case of their letters says nothing.
            case .origins(let origins):
                origins.contains { $0.lowercased() == origin.lowercased() }
            }
        guard isAllowed else { return .text(403, "this endpoint takes no events of that origin") }
        return WebhookResponse(
            status: 200,
            headers: [
                ("webhook-allowed-origin", origin),
                ("webhook-allowed-rate", ratePerMinute.map { "\($0)" } ?? "*"), ("allow", "POST, OPTIONS"),
            ])
    }

    // MARK: Events

    private func events(_ request: WebhookRequest, takesBinary: Bool) -> WebhookJudgement {
        do throws(CloudEventError) {
            let content = try CloudEventHTTPBinding.decode(headers: request.headers, body: request.body)
            if case .binary = content, !takesBinary {
                return .answer(
                    .text(400, "attributes in headers are not signed here: send the structured mode"))
            }
            return deliver(content.events, request)
        } catch {
            return .answer(.text(400, "no CloudEvent: \(error)"))
        }
    }

    private func deliver(_ events: [CloudEvent], _ request: WebhookRequest) -> WebhookJudgement {
        guard events.count <= eventsMax else {
            return .answer(.text(413, "more than \(eventsMax) events at once"))
        }
        guard !events.isEmpty else { return .answer(.handled) }
        let said = (request.header("apus-attempt") ?? "").split(separator: ",").map { text in
            Int(text.drop { $0 == " " }) ?? 1
        }
        return .deliver(
            events.enumerated().map { index, event in
                WebhookEvent(event: event, attempt: said.count == events.count ? max(1, said[index]) : 1)
            })
    }

    /// CloudEvents, or what Event Grid sends in its own schema: a handshake, or events.
    private func eventGrid(_ request: WebhookRequest) -> WebhookJudgement {
        switch request.header("aeg-event-type") {
        case "SubscriptionValidation":
            guard let code = EventGridEnvelope.validationCode(request.body) else {
                return events(request, takesBinary: true)
            }
            let answer: JSONValue = ["validationResponse": .string(code)]
            return .answer(
                WebhookResponse(
                    status: 200, headers: [("content-type", "application/json")],
                    body: answer.serialized()))
        case "SubscriptionDeletion", "Unsubscribe": return .answer(.handled)
        default: break
        }
        guard let events = EventGridEnvelope.events(request) else {
            return self.events(request, takesBinary: true)
        }
        do throws(CloudEventError) { return deliver(try events.get(), request) } catch {
            return .answer(.text(400, "no event of Event Grid: \(error)"))
        }
    }

    // MARK: SNS

    private func sns(
        _ request: WebhookRequest, _ topics: Set<String>, _ versions: Set<Int>,
        _ certificates: [String: SNSCertificate?]
    ) -> WebhookJudgement {
        let message: SNSMessage
        do throws(SNSMessage.Problem) {
            message = try SNSMessage(request.body)
        } catch { return .answer(.text(400, error.description)) }
        guard topics.contains(message.topic) else {
            return .answer(.text(403, "this endpoint takes no messages of that topic"))
        }
        guard versions.contains(message.version) else {
            return .answer(.text(401, "signatures of version \(message.version) are not taken"))
        }
        guard AmazonAddress.isCertificate(message.certificateURL) else {
            return .answer(.text(401, "the address of the certificate is none of Amazon SNS"))
        }
        guard let known = certificates[message.certificateURL] else {
            return .needsCertificate(url: message.certificateURL)
        }
        guard let certificate = known, certificate.hasSigned(message) else {
            return .answer(.text(401, "the signature does not match"))
        }
        switch message.kind {
        case .confirmation(let url, _):
            guard AmazonAddress.isService(url) else {
                return .answer(.text(400, "the address of the confirmation is none of Amazon SNS"))
            }
            return .confirm(url: url)
        case .unsubscribed: return .answer(.handled)
        case .notification: break
        }
        guard let event = message.event else {
            return .answer(.text(400, "no event can be made of the message"))
        }
        return .deliver([WebhookEvent(event: event, attempt: 1)])
    }
}
