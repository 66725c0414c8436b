// SPDX-License-Identifier: Apache-2.0

// An event as a request: the CloudEvents HTTP binding, and beside it what tells one attempt from another and what is the same for all of
// them. Headers of the subscription's own come last and cannot replace any of these.

internal import ApusModel
internal import ApusTransport
internal import CloudEvents
internal import NIOHTTP1

/// A request before it has a connection.
struct WebhookRequest: Sendable {
    var head: HTTPRequestHead
    var body: [UInt8]

    /// The request of one attempt with `deliveries`, of which there is at least one.
    ///
    /// - Parameter now: when the attempt is made, in milliseconds since 1970.
    static func make(
        _ deliveries: [Delivery], _ settings: PushSettings, _ url: WebhookURL,
        _ configuration: WebhookConfiguration, now: Int64
    ) -> WebhookRequest {
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: url.target)
        head.headers.reserveCapacity(24)
        head.headers.add(name: "host", value: url.authority)
        let message = message(deliveries, settings.mode)
        for header in message.headers { head.headers.add(name: header.name, value: header.value) }
        head.headers.add(name: "content-length", value: String(message.body.count))
        attempt(deliveries, now, &head.headers)
        let id = WebhookSignature.id(of: deliveries.lazy.map(\.event))
        head.headers.add(name: "idempotency-key", value: id)
        head.headers.add(name: "webhook-id", value: id)
        head.headers.add(name: "webhook-timestamp", value: String(now / 1000))
        if !settings.secrets.isEmpty {
            head.headers.add(
                name: "webhook-signature",
                value: WebhookSignature.value(
                    id: id, timestamp: now / 1000, body: message.body, secrets: settings.secrets))
        }
        if settings.handshake { head.headers.add(name: "origin", value: configuration.origin) }
        head.headers.add(name: "user-agent", value: configuration.userAgent)
        for header in settings.headers { head.headers.add(name: header.name, value: header.value) }
        return WebhookRequest(head: head, body: message.body)
    }

    private static func message(
        _ deliveries: [Delivery], _ mode: PushSettings.Mode
    ) -> CloudEventHTTPMessage {
        // Several events make an array, whatever else was asked for: none of them may be left out.
        switch deliveries.count > 1 ? .batch : mode {
        case .binary: CloudEventHTTPBinding.encode(deliveries[0].event)
        case .structured: CloudEventHTTPBinding.encodeStructured(deliveries[0].event)
        case .batch: CloudEventHTTPBinding.encodeBatch(deliveries.lazy.map(\.event))
        }
    }

    /// What tells this attempt from others. In a batch each event has its own place and number; lists have them in the body's order.
    private static func attempt(_ deliveries: [Delivery], _ now: Int64, _ headers: inout HTTPHeaders) {
        let first = deliveries[0]
        headers.add(name: "apus-subscription", value: first.subscription.description)
        if first.isTest {
            headers.add(name: "apus-test", value: "true")
        } else {
            headers.add(
                name: "apus-origin",
                value: deliveries.map { "\($0.topic)/\($0.partition)/\($0.offset)" }.joined(
                    separator: ", "))
        }
        headers.add(
            name: "apus-attempt", value: deliveries.map { String($0.attempt) }.joined(separator: ", "))
        headers.add(name: "apus-max-attempts", value: String(first.attemptsMax))
        headers.add(
            name: "apus-attempt-time", value: CloudEventTimestamp(millisecondsSinceEpoch: now).description)
        if deliveries.count == 1, let traceparent = first.traceparent {
            headers.add(name: "traceparent", value: traceparent)
            // The state belongs to the trace and not to the span, so it goes along as it came.
            if case .string(let tracestate)? = first.event.extensions["tracestate"],
                tracestate.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
            {
                headers.add(name: "tracestate", value: tracestate)
            }
        }
    }

    /// The question for a receiver's consent (CloudEvents HTTP 1.1 Web Hooks, section 4).
    static func handshake(
        _ settings: PushSettings, _ url: WebhookURL, _ configuration: WebhookConfiguration
    ) -> WebhookRequest {
        var head = HTTPRequestHead(version: .http1_1, method: .OPTIONS, uri: url.target)
        head.headers.add(name: "host", value: url.authority)
        head.headers.add(name: "webhook-request-origin", value: configuration.origin)
        if let rate = settings.rate {
            head.headers.add(name: "webhook-request-rate", value: String(rate * 60))
        }
        head.headers.add(name: "user-agent", value: configuration.userAgent)
        for header in settings.headers { head.headers.add(name: header.name, value: header.value) }
        return WebhookRequest(head: head, body: [])
    }
}
