// SPDX-License-Identifier: Apache-2.0

// An event as a request: the CloudEvents HTTP binding, and beside it what tells one attempt from another.

internal import ApusModel
internal import ApusTransport
internal import AsyncHTTPClient
internal import CloudEvents
internal import NIOCore
internal import NIOHTTP1

/// Makes requests.
enum WebhookRequest {
    /// The request of one attempt.
    static func make(
        _ delivery: Delivery, _ settings: PushSettings, _ url: WebhookURL,
        _ configuration: WebhookConfiguration
    ) -> HTTPClientRequest {
        let message =
            switch settings.mode {
            case .binary: CloudEventHTTPBinding.encode(delivery.event)
            case .structured: CloudEventHTTPBinding.encodeStructured(delivery.event)
            }
        var request = HTTPClientRequest(url: url.text)
        request.method = .POST
        for header in message.headers { request.headers.add(name: header.name, value: header.value) }
        // The same for all attempts of a delivery: with it, or with the event's id and source, repeats can be told.
        request.headers.add(
            name: "apus-origin", value: "\(delivery.topic)/\(delivery.partition)/\(delivery.offset)")
        request.headers.add(name: "apus-subscription", value: delivery.subscription.description)
        request.headers.add(name: "apus-attempt", value: String(delivery.attempt))
        request.headers.add(name: "apus-max-attempts", value: String(delivery.attemptsMax))
        if let traceparent = delivery.traceparent {
            request.headers.add(name: "traceparent", value: traceparent)
        }
        request.headers.add(name: "user-agent", value: configuration.userAgent)
        request.body = .bytes(ByteBuffer(bytes: message.body))
        return request
    }
}
