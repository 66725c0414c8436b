// SPDX-License-Identifier: Apache-2.0

// Push and retry settings as the registry's log keeps them. What is at its default is not written, and what an older server did not write
// takes its default. Secrets and credentials are written as they are: this log is the only place that has them.

import ApusModel
import ApusTransport
import JSONText

extension JSONWriter {
    /// How a push subscription delivers.
    mutating func push(_ name: String, _ push: PushSettings) {
        key(name)
        beginObject()
        switch push.destination {
        case .web(let url): entry("url", url)
        case .bus(let connection, let topic):
            entry("connection", connection.description)
            entry("topic", topic)
        }
        entry("timeout", push.timeout.milliseconds)
        entry("concurrency", Int64(push.concurrency))
        entry("mode", push.mode.rawValue)
        if push.batch != PushSettings.Batch() {
            entry("batchEvents", Int64(push.batch.eventsMax))
            entry("batchBytes", Int64(push.batch.bytesMax))
            entry("batchLinger", push.batch.linger.milliseconds)
        }
        if let rate = push.rate { entry("rate", Int64(rate)) }
        if push.handshake { entry("handshake", "true") }
        if push.breaker != PushSettings.Breaker() {
            entry("breakerFailures", Int64(push.breaker.failures))
            entry("breakerInitial", push.breaker.initial.milliseconds)
            entry("breakerMax", push.breaker.max.milliseconds)
        }
        list("secrets", push.secrets) { $0.string($1.text) }
        list("headers", push.headers) { writer, header in
            writer.beginObject()
            writer.entry("name", header.name)
            writer.entry("value", header.value)
            writer.endObject()
        }
        endObject()
    }

    /// What of retry settings is not always there.
    mutating func retryExtras(_ retry: RetrySettings) {
        list("retrySchedule", retry.schedule) { $0.integer($1.milliseconds) }
        if let age = retry.ageMax { entry("retryAgeMax", age.milliseconds) }
    }

    private mutating func list<Element>(
        _ name: String, _ elements: [Element], _ write: (inout JSONWriter, Element) -> Void
    ) {
        guard !elements.isEmpty else { return }
        key(name)
        beginArray()
        for element in elements { write(&self, element) }
        endArray()
    }

    private mutating func entry(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    private mutating func entry(_ name: String, _ value: Int64) {
        key(name)
        integer(value)
    }
}

extension RetrySettings {
    static func schedule(registry object: JSONObject) -> [Duration] {
        (object["retrySchedule"]?.array ?? []).compactMap { $0.number?.int64.map { .milliseconds($0) } }
    }
}

extension PushSettings {
    init(registry object: JSONObject) throws(RegistryCodingError) {
        guard let destination = Destination(registry: object), let timeout = object["timeout"]?.number?.int64,
            let concurrency = object["concurrency"]?.number?.int64
        else { throw RegistryCodingError(reason: "push without address, timeout or concurrency") }
        guard let mode = object["mode"]?.string.flatMap({ Mode(rawValue: $0) }) else {
            throw RegistryCodingError(reason: "unknown push mode")
        }
        self.init(
            url: "", timeout: .milliseconds(timeout), concurrency: Int(clamping: concurrency), mode: mode)
        self.destination = destination
        func number(_ name: String) -> Int64? { object[name]?.number?.int64 }
        if let events = number("batchEvents") { batch.eventsMax = Int(clamping: events) }
        if let bytes = number("batchBytes") { batch.bytesMax = Int(clamping: bytes) }
        if let linger = number("batchLinger") { batch.linger = .milliseconds(linger) }
        rate = number("rate").map { Int(clamping: $0) }
        handshake = object["handshake"] != nil
        if let failures = number("breakerFailures") { breaker.failures = Int(clamping: failures) }
        if let initial = number("breakerInitial") { breaker.initial = .milliseconds(initial) }
        if let max = number("breakerMax") { breaker.max = .milliseconds(max) }
        do {
            for secret in object["secrets"]?.array ?? [] {
                secrets.append(try WebhookSecret(secret.string ?? ""))
            }
        } catch { throw RegistryCodingError(reason: "a push secret: \(error)") }
        do {
            for header in object["headers"]?.array ?? [] {
                headers.append(
                    try WebhookHeader(
                        name: header["name"]?.string ?? "", value: header["value"]?.string ?? ""))
            }
        } catch { throw RegistryCodingError(reason: "a push header: \(error)") }
    }
}

extension PushSettings.Destination {
    fileprivate init?(registry object: JSONObject) {
        if let url = object["url"]?.string {
            self = .web(url)
        } else if let name = object["connection"]?.string, let connection = try? ResourceName(name),
            let topic = object["topic"]?.string
        {
            self = .bus(connection: connection, topic: topic)
        } else {
            return nil
        }
    }
}
