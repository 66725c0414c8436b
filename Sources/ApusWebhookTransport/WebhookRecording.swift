// SPDX-License-Identifier: Apache-2.0

// What an attempt sent and got, kept until it is known whether anybody wants to see it; then cut and masked.

internal import ApusModel
internal import ApusTransport
internal import NIOHTTP1
internal import Synchronization

/// Looks on while an attempt is made.
final class WebhookRecording: Sendable {
    private struct Sent {
        var request: WebhookRequest
        /// Milliseconds since 1970.
        var wall: Int64
        var instant: ContinuousClock.Instant
    }

    private let witness: AttemptWitness
    private let settings: PushSettings
    private let sent = Mutex<Sent?>(nil)

    /// Nil when nobody wants to know.
    init?(_ witness: AttemptWitness?, _ settings: PushSettings) {
        guard let witness else { return nil }
        (self.witness, self.settings) = (witness, settings)
    }

    /// A request goes out; the last one counts, where the first met a connection that had ended.
    func note(_ request: WebhookRequest, now: Int64) {
        let noted = Sent(request: request, wall: now, instant: .now)
        sent.withLock { $0 = noted }
    }

    /// The attempt has ended.
    func conclude(_ answer: WebhookAnswer, _ outcome: Outcome) {
        guard witness.wants(outcome), let sent = sent.withLock(\.self) else { return }
        let secrets = settings.knownSecrets
        var exchange = Exchange(
            method: sent.request.head.method.rawValue, url: SecretMask.url(settings.url),
            fields: Self.fields(sent.request.head.headers, secrets),
            body: Self.body(sent.request.body, secrets),
            sent: Timestamp(milliseconds: sent.wall), duration: sent.instant.duration(to: .now))
        exchange.requestBytes = sent.request.body.count
        if case .answered(let status, let headers, let excerpt) = answer {
            exchange.status = status
            exchange.responseFields = Array(Self.fields(headers, secrets).prefix(Exchange.fieldsMax))
            exchange.responseBody = Self.body(SecretMask.members(of: excerpt), secrets)
        }
        witness.note(exchange)
    }

    /// The beginning of a body, of which an answer's is cut already.
    private static func body(_ bytes: [UInt8], _ secrets: [String]) -> [UInt8] {
        let beginning = Array(bytes.prefix(Exchange.bodyBytesMax))
        let isCut = beginning.count == Exchange.bodyBytesMax
        return Array(SecretMask.scrub(beginning, of: secrets, isCut: isCut).prefix(Exchange.bodyBytesMax))
    }

    private static func fields(_ headers: HTTPHeaders, _ secrets: [String]) -> [Exchange.Field] {
        headers.map { name, value in
            guard !SecretMask.isSensitive(name.lowercased()) else {
                return Exchange.Field(name, SecretMask.mask)
            }
            let scrubbed = SecretMask.scrub(Array(value.utf8), of: secrets)
            return Exchange.Field(name, String(decoding: scrubbed, as: UTF8.self))
        }
    }
}

extension PushSettings {
    /// Texts of the settings that nobody may be shown, wherever they turn up: credentials in headers, keys of signatures, and what of the URL is
    /// masked. The longest first, so that none is found within another.
    var knownSecrets: [String] {
        var texts = secrets.map(\.text)
        for header in headers where header.isSensitive {
            texts.append(header.value)
            // "Bearer abc": the part that counts may turn up alone.
            if let space = header.value.lastIndex(of: " ") {
                texts.append(String(header.value[header.value.index(after: space)...]))
            }
        }
        if case .web(let url) = destination { texts += SecretMask.secrets(ofURL: url) }
        return texts.sorted { $0.utf8.count > $1.utf8.count }
    }
}
