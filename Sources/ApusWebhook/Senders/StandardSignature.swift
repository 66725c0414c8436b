// SPDX-License-Identifier: Apache-2.0

// Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, several where a secret is being changed. Compared in constant time.

internal import CloudEvents
internal import Crypto

enum StandardSignature {
    /// How many signatures of a request are looked at, and how long an id may be.
    static let signaturesMax = 16
    static let idBytesMax = 256

    /// Why a request was not sent by who knows one of the keys, just now; nil when it was.
    static func problem(
        _ request: WebhookRequest, keys: [SymmetricKey], tolerance: Duration, now: Int64
    ) -> String? {
        guard let id = request.header("webhook-id"), let text = request.header("webhook-timestamp"),
            let signatures = request.header("webhook-signature")
        else {
            return "the request is not signed: webhook-id, webhook-timestamp and webhook-signature are needed"
        }
        guard !id.isEmpty, id.utf8.count <= idBytesMax else {
            return "webhook-id has 1 to \(idBytesMax) bytes"
        }
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let timestamp = Int64(text)
        else { return "webhook-timestamp is a number of seconds since 1970" }
        // The first thing that is checked of what is signed is the time, since it costs least.
        let (difference, isFar) = now.subtractingReportingOverflow(timestamp)
        guard !isFar, Duration.seconds(difference.magnitude) <= tolerance else {
            return
                "webhook-timestamp is \(difference < 0 ? "ahead of" : "behind") the time here by more than \(tolerance)"
        }
        let signed = Array("\(id).\(text).".utf8) + request.body
        for signature in signatures.split(separator: " ").prefix(signaturesMax)
        where signature.hasPrefix("v1,") {
            guard let code = Base64.decoded(String(signature.dropFirst(3))) else { continue }
            for key in keys
            where HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: key) {
                return nil
            }
        }
        return "no signature of the request matches"
    }
}

/// Keys that a request brings. Hashes are compared, in constant time, and all of them.
enum SharedKey {
    static func digest(_ key: String) -> [UInt8] { Array(SHA256.hash(data: Array(key.utf8))) }

    static let missing = WebhookResponse.text(401, "the key of this endpoint is missing, or another one")

    static func isThere(
        _ request: WebhookRequest, _ digests: [[UInt8]], _ place: WebhookEndpoint.KeyPlace
    ) -> Bool {
        let given: String? =
            switch place {
            case .query(let name): request.query(name)
            case .header(let name): request.header(name)
            }
        let hash = digest(given ?? "")
        var isThere = false
        for digest in digests {
            let difference = zip(hash, digest).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
            isThere = (difference == 0) || isThere
        }
        return isThere && given != nil
    }
}
