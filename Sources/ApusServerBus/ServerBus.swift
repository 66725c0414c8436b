// SPDX-License-Identifier: Apache-2.0

// An Apus server as a transport of the library: the HTTP API from the other side, in the library's words. This file publishes and administers; subscriptions
// and replays have files of their own.

import ApusBus
import ApusClient
import ApusModel
import CloudEvents
import JSONText
import Synchronization

/// An Apus server, over HTTP.
final class ServerBus: BusTransport {
    /// The most bytes of events in one request; the rest of a call follows in others.
    private static let requestBytesMax = 4 << 20
    /// The most events in one request.
    private static let requestEventsMax = 1_000

    let client: ApusClient
    private let isClosedFlag = Atomic(false)
    /// Temporary subscriptions with the number of their receivers here: the last one takes it along.
    private let temporary = Mutex<[String: Int]>([:])

    init(_ client: ApusClient) { self.client = client }

    var capabilities: Capabilities { .server }

    func close() async {
        guard !isClosedFlag.exchange(true, ordering: .acquiringAndReleasing) else { return }
        await client.shutdown()
    }

    func enterTemporary(_ name: String) { temporary.withLock { $0[name, default: 0] += 1 } }

    /// Whether it was the last.
    func leaveTemporary(_ name: String) -> Bool {
        temporary.withLock { temporary in
            let left = (temporary[name] ?? 1) - 1
            temporary[name] = left > 0 ? left : nil
            return left <= 0
        }
    }

    /// - Throws: ``BusError/closed``.
    func checkOpen() throws(BusError) {
        if isClosedFlag.load(ordering: .acquiring) { throw .closed }
    }

    /// Calls the server.
    func call<Answer: Sendable>(
        publishing: Bool = false, _ body: () async throws(ApusClientError) -> Answer
    ) async throws(BusError) -> Answer {
        try checkOpen()
        do { return try await body() } catch {
            try checkOpen()
            throw BusError(error, publishing: publishing)
        }
    }

    /// A name as the server takes it.
    func name(_ text: String) throws(BusError) -> String {
        do throws(NameError) { return try ResourceName(text).description } catch {
            throw .invalid(error.description)
        }
    }

    // MARK: Publish

    func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [ApusBus.Receipt] {
        let topic = try name(topic)
        var outcomes: [Result<ApusBus.Receipt, BusError.Failure>] = []
        let texts = events.map(CloudEventJSONFormat.encode)
        if let size = texts.map(\.count).max(), size > Defaults.eventBytesMax {
            throw .tooLarge(bytes: size, limit: Defaults.eventBytesMax)
        }
        for portion in Self.portions(of: texts) {
            do {
                let results = try await publish(Array(portion), to: topic)
                outcomes += results
                for case .failure(let failure) in results where failure.isRetryable {
                    outcomes += Array(repeating: .failure(failure), count: texts.count - outcomes.count)
                }
                if outcomes.count == texts.count { break }
            } catch {
                // Nothing was published at all: the reason is the whole call's.
                guard !outcomes.isEmpty else { throw error }
                outcomes += Array(repeating: .failure(error.ofEvent()), count: texts.count - outcomes.count)
                break
            }
        }
        var receipts: [ApusBus.Receipt] = []
        for outcome in outcomes {
            guard case .success(let receipt) = outcome else { throw .partial(outcomes) }
            receipts.append(receipt)
        }
        return receipts
    }

    /// Slices that one request each can take.
    private static func portions(of texts: [[UInt8]]) -> [ArraySlice<[UInt8]>] {
        var portions: [ArraySlice<[UInt8]>] = []
        var (start, bytes) = (0, 0)
        for (index, text) in texts.enumerated() {
            if index > start, index - start == requestEventsMax || bytes + text.count > requestBytesMax {
                portions.append(texts[start..<index])
                (start, bytes) = (index, 0)
            }
            bytes += text.count
        }
        if start < texts.count { portions.append(texts[start...]) }
        return portions
    }

    private func publish(
        _ events: [[UInt8]], to topic: String
    ) async throws(BusError) -> [Result<ApusBus.Receipt, BusError.Failure>] {
        let results: [Result<ServerReceipt, ApusClientError>]
        do {
            results = try await send(events, to: topic)
        } catch {
            guard case .unknown = error else { throw error }
            try await ensureTopic(topic)
            results = try await send(events, to: topic)
        }
        return results.map { result in
            switch result {
            case .success(let receipt): .success(ApusBus.Receipt(receipt))
            case .failure(let error):
                .failure(BusError.Failure(reason: "\(error)", isRetryable: error.retryable))
            }
        }
    }

    private func send(
        _ events: [[UInt8]], to topic: String
    ) async throws(BusError) -> [Result<ServerReceipt, ApusClientError>] {
        try await call(publishing: true) { () async throws(ApusClientError) in
            guard events.count == 1 else { return try await client.publish(batch: events, to: topic) }
            return [.success(try await client.publish(events[0], to: topic))]
        }
    }

    func publish(
        _ events: [CloudEvent], to topic: String, at time: CloudEventTimestamp
    ) async throws(BusError) -> [ApusBus.Receipt] {
        let topic = try name(topic)
        try await ensureTopic(topic)
        var receipts: [ApusBus.Receipt] = []
        for event in events {
            let waiting = try await call(publishing: true) { () async throws(ApusClientError) in
                try await client.publishLater(
                    CloudEventJSONFormat.encode(event), to: topic, at: time.description)
            }
            receipts.append(ApusBus.Receipt(topic: topic, scheduleID: waiting.id, durability: .flushed))
        }
        return receipts
    }

    func cancel(_ scheduleID: String) async throws(BusError) -> Bool {
        do {
            try await call { () async throws(ApusClientError) in
                try await client.cancelDelayedEvent(scheduleID)
            }
            return true
        } catch {
            if case .unknown = error { return false }
            throw error
        }
    }

    // MARK: Route

    func putRule(_ rule: Rule) async throws(BusError) {
        let name = try name(rule.name)
        guard !rule.targets.isEmpty else { throw .invalid("rule '\(name)' has no target") }
        var targets: [JSONValue] = []
        for target in rule.targets {
            switch target {
            case .topic(let topic):
                try await ensureTopic(try self.name(topic))
                targets.append(["topic": .string(topic)])
            case .webhook(let url, let secret):
                var webhook = JSONObject()
                webhook["url"] = .string(url)
                if let secret { webhook["secrets"] = [.string(secret)] }
                targets.append(["webhook": .object(webhook)])
            }
        }
        var settings = JSONObject()
        settings["topic"] = .string(try self.name(rule.topic))
        settings["pattern"] = try pattern(rule.pattern) ?? .object(JSONObject())
        settings["targets"] = .array(targets)
        try await ensureTopic(rule.topic)
        _ = try await call { () async throws(ApusClientError) in try await client.putRule(name, settings) }
    }

    func deleteRule(_ name: String) async throws(BusError) {
        let name = try self.name(name)
        try await ignoringUnknown { () async throws(BusError) in
            try await call { () async throws(ApusClientError) in try await client.deleteRule(name) }
        }
    }

    func putSchedule(_ schedule: RecurringEvent) async throws(BusError) {
        let name = try name(schedule.name)
        let topic = try self.name(schedule.topic)
        var settings = JSONObject()
        settings["topic"] = .string(topic)
        switch schedule.recurrence {
        case .cron(let cron, let zone):
            settings["schedule"] = .string(cron)
            settings["time_zone"] = .string(zone)
        case .rate(let interval):
            guard interval >= .milliseconds(1) else {
                throw .invalid("an event recurs every millisecond at most, not every \(interval)")
            }
            settings["schedule"] = .string("@every \(DurationText.format(interval))")
        }
        do { settings["event"] = try JSONValue(parsing: CloudEventJSONFormat.encode(schedule.event)) } catch {
            throw .invalid("the event cannot be written as JSON: \(error)")
        }
        try await ensureTopic(topic)
        _ = try await call { () async throws(ApusClientError) in try await client.putSchedule(name, settings)
        }
    }

    func deleteSchedule(_ name: String) async throws(BusError) {
        let name = try self.name(name)
        try await ignoringUnknown { () async throws(BusError) in
            try await call { () async throws(ApusClientError) in try await client.deleteSchedule(name) }
        }
    }

    // MARK: Parts

    /// A topic, made if there is none; what there is stays as it is.
    func ensureTopic(_ name: String) async throws(BusError) {
        do {
            _ = try await call { () async throws(ApusClientError) in try await client.topic(name) }
        } catch {
            guard case .unknown = error else { throw error }
            _ = try await call { () async throws(ApusClientError) in
                try await client.putTopic(name, JSONObject())
            }
        }
    }

    /// The event that an answer has. A server makes whole events of whatever it stores, so what is none was no answer of a server.
    func event(_ stored: StoredEvent) throws(BusError) -> CloudEvent {
        do { return try CloudEventJSONFormat.decode(stored.event.bytes) } catch {
            throw .unavailable("the answer has an event that cannot be read: \(error)")
        }
    }

    /// A pattern as the API takes it.
    func pattern(_ text: String?) throws(BusError) -> JSONValue? {
        guard let text else { return nil }
        do { return try JSONValue(parsing: Array(text.utf8)) } catch {
            throw .invalid("the pattern cannot be used: \(error)")
        }
    }

    func ignoringUnknown(_ body: () async throws(BusError) -> Void) async throws(BusError) {
        do { try await body() } catch {
            if case .unknown = error { return }
            throw error
        }
    }
}

extension ApusBus.Receipt {
    init(_ receipt: ServerReceipt) {
        self.init(
            topic: receipt.topic, partition: receipt.partition, offset: receipt.offset, durability: .flushed,
            isDuplicate: receipt.isDuplicate)
    }
}
