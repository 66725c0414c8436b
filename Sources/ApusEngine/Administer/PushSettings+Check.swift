// SPDX-License-Identifier: Apache-2.0

// Which push and retry settings can work at all.

import ApusModel
import ApusTransport

extension RetrySettings {
    /// Refuses waits and ages that cannot be.
    func check() throws(BrokerError) {
        guard schedule.count <= 100 else {
            throw .invalid("retry.schedule has at most 100 waits, not \(schedule.count)")
        }
        guard schedule.allSatisfy({ $0 >= .zero && $0 <= .seconds(7 * 86_400) }) else {
            throw .invalid("each wait of retry.schedule is 0 s to 7 days")
        }
        if let ageMax, ageMax < .seconds(1) || ageMax > .seconds(365 * 86_400) {
            throw .invalid("retry.max_age is 1 s to 365 days")
        }
    }
}

extension PushSettings {
    /// Refuses what is out of bounds; whether the URL will do is the target's to say.
    func check() throws(BrokerError) {
        guard timeout >= .milliseconds(100), timeout <= .seconds(300) else {
            throw .invalid("a push timeout is 100 ms to 5 min")
        }
        guard (1...1000).contains(concurrency) else {
            throw .invalid("push concurrency is 1 to 1,000, not \(concurrency)")
        }
        guard (1...1000).contains(batch.eventsMax), (1...16 << 20).contains(batch.bytesMax),
            batch.linger >= .zero, batch.linger <= .seconds(60)
        else { throw .invalid("a batch is 1 to 1,000 events of 1 B to 16 MiB, and lingers 0 s to 60 s") }
        if let rate, !(1...1_000_000).contains(rate) {
            throw .invalid("push rate is 1 to 1,000,000 events per second, not \(rate)")
        }
        if case .bus(let connection, let topic) = destination {
            guard (1...Defaults.busTopicBytesMax).contains(topic.utf8.count), !topic.hasControlCharacter
            else {
                throw .invalid(
                    "the name of an outside topic has 1 to \(Defaults.busTopicBytesMax) bytes and no control characters"
                )
            }
            guard mode == .batch, secrets.isEmpty, headers.isEmpty, !handshake else {
                throw .invalid(
                    "mode, secrets, headers and handshake are of webhooks; connection '\(connection)' leads to a broker"
                )
            }
        }
        guard secrets.count <= PushSettings.secretsMax, Set(secrets).count == secrets.count else {
            throw .invalid("a push has at most \(PushSettings.secretsMax) secrets, all different")
        }
        guard headers.count <= 32, Set(headers.map(\.name)).count == headers.count else {
            throw .invalid("a push has at most 32 headers, each name once")
        }
        guard (0...10_000).contains(breaker.failures), breaker.initial >= .milliseconds(100),
            breaker.initial <= breaker.max, breaker.max <= .seconds(86_400)
        else {
            throw .invalid(
                "a breaker opens after 0 (never) to 10,000 failures, for at least 100 ms and at most 24 h")
        }
    }
}

extension String {
    /// Whether it has a character that no name of a broker's has.
    var hasControlCharacter: Bool { unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } }
}
