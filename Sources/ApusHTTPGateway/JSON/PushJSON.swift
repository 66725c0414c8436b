// SPDX-License-Identifier: Apache-2.0

// Push and retry settings as JSON, both ways. Secrets and credentials go in and never come out: answers have them masked, and a masked one
// that comes back stands for the stored one, so that what was read can be sent again.

internal import ApusEngine
internal import ApusModel
internal import ApusTransport
internal import JSONText

/// What a request says about retries: members are optional, and only together they can be judged.
struct RetryInput {
    private var initial: Duration?
    private var max: Duration?
    private var schedule: [Duration]?
    private var ageMax: Duration??

    init(_ value: JSONValue) throws(Problem) {
        let reader = try MemberReader(value, Schema.retry, in: "retry.")
        initial = try reader.duration("initial", in: Bounds.retry)
        max = try reader.duration("max", in: Bounds.retry)
        if let texts = try reader.strings("schedule", count: Bounds.retrySchedule) {
            var waits: [Duration] = []
            for text in texts {
                guard let wait = DurationText.parse(text), Bounds.retry.contains(wait) else {
                    throw reader.wrong("schedule", expected: "a list of durations such as \"30s\", up to 7d")
                }
                waits.append(wait)
            }
            schedule = waits
        }
        if reader.isNull("max_age") {
            ageMax = .some(nil)
        } else if let age = try reader.duration("max_age", in: Bounds.retryAge) {
            ageMax = age
        }
    }

    func applied(to current: RetrySettings) throws(Problem) -> RetrySettings {
        var settings = current
        if let initial { settings.initial = initial }
        if let max { settings.max = max }
        if let schedule { settings.schedule = schedule }
        if let ageMax { settings.ageMax = ageMax }
        guard settings.initial <= settings.max else {
            throw Problem(
                .invalid,
                "'retry.initial' (\(DurationText.format(settings.initial))) must not be above 'retry.max' "
                    + "(\(DurationText.format(settings.max)))")
        }
        return settings
    }
}

extension PushSettings {
    /// Where and how to deliver, from a request's body.
    ///
    /// - Parameter stored: the settings in force, which masked secrets and header values stand for.
    init(_ value: JSONValue, in prefix: String, stored: [PushSettings]) throws(Problem) {
        let reader = try MemberReader(value, Schema.push, in: prefix)
        switch (try reader.string("url"), try reader.name("connection"), try reader.string("topic")) {
        case (let url?, nil, nil):
            self.init(url: url)
            guard url.utf8.count <= 2048 else {
                throw Problem(.invalid, "'\(prefix)url' has more than 2048 bytes")
            }
        case (nil, let connection?, let topic?):
            self.init(connection: connection, topic: topic)
            for name in ["mode", "secrets", "headers", "handshake"] where reader.has(name) {
                throw Problem(
                    .invalid, "'\(prefix)\(name)' is for webhooks, and '\(connection)' leads to a broker")
            }
        default:
            throw Problem(
                .malformed, "'\(prefix.dropLast())' must have 'url', or 'connection' and 'topic'")
        }
        if let timeout = try reader.duration("timeout", in: Bounds.pushTimeout) { self.timeout = timeout }
        if let concurrency = try reader.int("concurrency", in: Bounds.concurrency) {
            self.concurrency = concurrency
        }
        if let mode = try reader.choice("mode", Mode.self) { self.mode = mode }
        if let value = reader.value("batch") { batch = try Batch(value, in: prefix + "batch.", over: batch) }
        if !reader.isNull("rate") { rate = try reader.int("rate", in: Bounds.pushRate) }
        if let handshake = try reader.bool("handshake") { self.handshake = handshake }
        if let value = reader.value("breaker") { breaker = try Breaker(value, in: prefix + "breaker.") }
        secrets = try Self.secrets(reader, stored)
        headers = try Self.headers(reader, stored)
    }

    private static func secrets(
        _ reader: MemberReader, _ stored: [PushSettings]
    ) throws(Problem) -> [WebhookSecret] {
        var secrets: [WebhookSecret] = []
        for text in try reader.strings("secrets", count: Bounds.pushSecrets) ?? [] {
            if WebhookSecret.isMasked(text) {
                guard let known = stored.lazy.flatMap(\.secrets).first(where: { $0.masked == text }) else {
                    throw Problem(
                        .invalid, "'\(reader.path("secrets"))' holds a masked secret that is not in use",
                        hint: "send the secret itself")
                }
                secrets.append(known)
                continue
            }
            do {
                secrets.append(try WebhookSecret(text))
            } catch {
                throw Problem(.invalid, "'\(reader.path("secrets"))': \(error.description)")
            }
        }
        guard Set(secrets).count == secrets.count else {
            throw Problem(.invalid, "'\(reader.path("secrets"))' holds a secret twice")
        }
        return secrets
    }

    private static func headers(
        _ reader: MemberReader, _ stored: [PushSettings]
    ) throws(Problem) -> [WebhookHeader] {
        guard let value = reader.value("headers") else { return [] }
        guard let object = value.object else {
            throw reader.wrong("headers", expected: "an object of names and values")
        }
        guard object.members.count <= Bounds.pushHeaders else {
            throw Problem(
                .invalid,
                "'\(reader.path("headers"))' has \(object.members.count) headers; \(Bounds.pushHeaders) is the limit"
            )
        }
        var headers: [WebhookHeader] = []
        for member in object.members {
            guard let text = member.value.string else {
                throw reader.wrong("headers", expected: "an object of names and values")
            }
            do {
                let header = try WebhookHeader(name: member.name, value: text)
                headers.append(try unmasked(header, reader, stored))
            } catch let error as WebhookHeaderError {
                throw Problem(.invalid, "'\(reader.path("headers"))': \(error.description)")
            } catch let error as Problem {
                throw error
            } catch { throw reader.wrong("headers", expected: "an object of names and values") }
        }
        guard Set(headers.map(\.name)).count == headers.count else {
            throw Problem(.invalid, "'\(reader.path("headers"))' holds a name twice")
        }
        return headers
    }

    private static func unmasked(
        _ header: WebhookHeader, _ reader: MemberReader, _ stored: [PushSettings]
    ) throws(Problem) -> WebhookHeader {
        guard header.isSensitive, header.value == WebhookHeader.mask else { return header }
        guard let known = stored.lazy.flatMap(\.headers).first(where: { $0.name == header.name }) else {
            throw Problem(
                .invalid,
                "'\(reader.path("headers"))': the value of '\(header.name)' is masked and not in use",
                hint: "send the value itself")
        }
        return known
    }
}

extension PushSettings.Batch {
    fileprivate init(
        _ value: JSONValue, in prefix: String, over others: PushSettings.Batch
    ) throws(Problem) {
        self = others
        let reader = try MemberReader(value, Schema.pushBatch, in: prefix)
        if let events = try reader.int("max_events", in: Bounds.pushBatchEvents) { eventsMax = events }
        if let bytes = try reader.int("max_bytes", in: Bounds.pushBatchBytes) { bytesMax = bytes }
        if let linger = try reader.duration("linger", in: Bounds.pushLinger) { self.linger = linger }
    }
}

extension PushSettings.Breaker {
    fileprivate init(_ value: JSONValue, in prefix: String) throws(Problem) {
        self.init()
        let reader = try MemberReader(value, Schema.pushBreaker, in: prefix)
        if let failures = try reader.int("failures", in: Bounds.breakerFailures) { self.failures = failures }
        if let initial = try reader.duration("initial", in: Bounds.breakerPause) { self.initial = initial }
        if let max = try reader.duration("max", in: Bounds.breakerPause) { self.max = max }
        guard initial <= max else {
            throw Problem(.invalid, "'\(prefix)initial' must not be above '\(prefix)max'")
        }
    }
}

// MARK: - Writing

extension JSONWriter {
    mutating func retry(_ settings: RetrySettings) {
        object { writer in
            writer.member("initial", settings.initial)
            writer.member("max", settings.max)
            writer.member("schedule", list: settings.schedule) { $0.string(DurationText.format($1)) }
            writer.member("max_age", settings.ageMax.map { DurationText.format($0) })
        }
    }

    mutating func push(_ settings: PushSettings) {
        object { writer in
            switch settings.destination {
            case .web(let url): writer.member("url", url)
            case .bus(let connection, let topic):
                writer.member("connection", connection.description)
                writer.member("topic", topic)
            }
            writer.member("timeout", settings.timeout)
            writer.member("concurrency", settings.concurrency)
            if settings.connection == nil { writer.member("mode", settings.mode.rawValue) }
            writer.key("batch")
            writer.object { writer in
                writer.member("max_events", settings.batch.eventsMax)
                writer.member("max_bytes", settings.batch.bytesMax)
                writer.member("linger", settings.batch.linger)
            }
            writer.key("rate")
            if let rate = settings.rate { writer.integer(rate) } else { writer.null() }
            if settings.connection == nil { writer.member("handshake", settings.handshake) }
            writer.key("breaker")
            writer.object { writer in
                writer.member("failures", settings.breaker.failures)
                writer.member("initial", settings.breaker.initial)
                writer.member("max", settings.breaker.max)
            }
            guard settings.connection == nil else { return }
            writer.member("secrets", list: settings.secrets) { $0.string($1.masked) }
            writer.key("headers")
            writer.object { writer in
                for header in settings.headers {
                    writer.key(header.name)
                    writer.string(header.masked)
                }
            }
        }
    }

    /// How pushing goes: three members of a subscription.
    mutating func pushState(_ push: PushDescription?) {
        key("circuit")
        guard let push else {
            null()
            key("handshake")
            return null()
        }
        object { writer in
            writer.member("state", push.circuit.rawValue)
            writer.member("failures", push.failures)
            writer.member("open_since", push.openSince.map(TimeText.text))
            writer.member("next_probe", push.nextProbe.map(TimeText.text))
        }
        key("handshake")
        guard let consent = push.consent else { return null() }
        object { writer in
            switch consent {
            case .unknown: writer.member("state", "unknown")
            case .granted(let rate):
                writer.member("state", "granted")
                writer.member("rate_per_minute", rate.map { Int64(($0 * 60).rounded()) } ?? 0)
            case .withheld(let reason):
                writer.member("state", "withheld")
                writer.member("reason", reason)
            }
        }
    }
}
