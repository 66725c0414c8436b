// SPDX-License-Identifier: Apache-2.0

// Requests as senders make them.

import CloudEvents
import Crypto
import CryptoExtras
import JSONText
import Testing

@testable import ApusWebhook

enum Requests {
    static let secret = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk="
    static let newSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    static let now: Int64 = 1_800_000_000

    static func event(_ id: String = "1", type: String = "test.happened") throws -> CloudEvent {
        try CloudEvent(
            id: id, source: "/test", type: type, dataContentType: "application/json",
            data: CloudEventData(text: #"{"n": 1}"#))
    }

    /// A request in structured mode, or as a batch, signed by those who know `secrets`.
    static func signed(
        _ events: [CloudEvent], with secrets: [String] = [secret], at time: Int64 = now, id: String = "evt_1",
        headers: [(name: String, value: String)] = []
    ) throws -> WebhookRequest {
        let message =
            events.count == 1
            ? CloudEventHTTPBinding.encodeStructured(events[0]) : CloudEventHTTPBinding.encodeBatch(events)
        let signatures = try secrets.map { secret in
            let key = try #require(Base64.decoded(String(secret.dropFirst(6))))
            let code = HMAC<SHA256>.authenticationCode(
                for: Array("\(id).\(time).".utf8) + message.body, using: SymmetricKey(data: key))
            return "v1," + Base64.encoded(Array(code))
        }
        return WebhookRequest(
            method: "POST", target: "/hook",
            headers: message.headers.map { ($0.name, $0.value) } + headers + [
                ("webhook-id", id), ("webhook-timestamp", "\(time)"),
                ("webhook-signature", signatures.joined(separator: " ")),
            ], body: message.body)
    }

    static func status(_ judgement: WebhookJudgement) -> Int? {
        if case .answer(let response) = judgement { response.status } else { nil }
    }

    static func ids(_ judgement: WebhookJudgement) -> [String]? {
        if case .deliver(let events) = judgement { events.map(\.event.id) } else { nil }
    }
}
