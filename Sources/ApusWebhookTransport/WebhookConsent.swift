// SPDX-License-Identifier: Apache-2.0

// What a receiver's answer to the question for its consent means. The status by itself is no consent: a receiver that knows nothing of the
// question answers OPTIONS with 200 too.

internal import ApusTransport
internal import NIOHTTP1

/// Judges answers to the question for consent.
enum WebhookConsent {
    /// What the answer means for a sender that calls itself `origin`.
    static func of(status: Int, _ headers: HTTPHeaders, origin: String) -> Permission {
        guard (200...299).contains(status) else {
            return .withheld(reason: "asked for its consent, the receiver answered with status \(status)")
        }
        let allowed = headers["webhook-allowed-origin"].map { trimmed($0).lowercased() }
        guard !allowed.isEmpty else {
            return .withheld(
                reason: "asked for its consent, the receiver answered without WebHook-Allowed-Origin")
        }
        guard allowed.contains("*") || allowed.contains(origin.lowercased()) else {
            return .withheld(
                reason: "the receiver allows another origin than '\(origin)': \(excerpt(allowed[0]))")
        }
        guard let text = headers.first(name: "webhook-allowed-rate").map(trimmed), text != "*" else {
            return .granted(ratePerSecond: nil)
        }
        guard let rate = Int64(text), rate > 0 else {
            return .withheld(
                reason: "the receiver's WebHook-Allowed-Rate is no number of requests per minute: "
                    + excerpt(text))
        }
        return .granted(ratePerSecond: Double(rate) / 60)
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    private static func excerpt(_ text: String) -> String { WebhookOutcome.excerpt(text.utf8) }
}
