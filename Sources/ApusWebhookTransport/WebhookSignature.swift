// SPDX-License-Identifier: Apache-2.0

// Signatures as Standard Webhooks has them: HMAC-SHA256 over `id.timestamp.body`, one for each secret, so that a receiver can go from one
// secret to the next without a moment at which neither holds. What is signed is the body: in binary mode the event's attributes are in
// headers and are not covered.

internal import ApusTransport
internal import CloudEvents
internal import Crypto
internal import FoundationEssentials

/// Identifies and signs messages.
enum WebhookSignature {
    /// The value of `webhook-signature`.
    static func value(id: String, timestamp: Int64, body: [UInt8], secrets: [WebhookSecret]) -> String {
        let prefix = Array("\(id).\(timestamp).".utf8)
        return secrets.map { secret in
            var code = HMAC<SHA256>(key: SymmetricKey(data: secret.key))
            code.update(data: prefix)
            code.update(data: body)
            return "v1," + Data(code.finalize()).base64EncodedString()
        }.joined(separator: " ")
    }

    /// What is the same for an event however often it is sent: derived from its source and id, which together name an event
    /// (CloudEvents section 3.1.1). It stays when an event is tried again, replayed or sent back from a dead-letter topic, by
    /// any server. Hashed, because a source may hold what a header may not. For a batch: derived from all of its events.
    static func id(of events: some Sequence<CloudEvent>) -> String {
        var hash = SHA256()
        for event in events {
            // Lengths keep apart what would read the same run together.
            hash.update(data: Array("\(event.source.utf8.count):\(event.source)".utf8))
            hash.update(data: Array("\(event.id.utf8.count):\(event.id)".utf8))
        }
        var text: [UInt8] = Array("evt_".utf8)
        text.reserveCapacity(36)
        for byte in hash.finalize().prefix(16) {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
