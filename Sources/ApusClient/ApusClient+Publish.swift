// SPDX-License-Identifier: Apache-2.0

// Publishing: one event, or a batch of them. The client does not retry by itself: whether a second copy of an event is better
// than none is the caller's decision.

public import JSONText

/// Proof of publishing.
public struct Receipt: Sendable, Hashable {
    /// The topic.
    public var topic: String
    /// The partition that the event was placed in.
    public var partition: Int
    /// Its place in the partition.
    public var offset: Int64
    /// Whether the event had been published before: the place is that of the first one, and nothing was stored.
    public var isDuplicate: Bool

    /// The receipt as the API writes it.
    public var json: JSONValue {
        var object = JSONObject()
        object["topic"] = .string(topic)
        object["partition"] = .number(JSONNumber(partition))
        object["offset"] = .number(JSONNumber(offset))
        if isDuplicate { object["duplicate"] = .bool(true) }
        return .object(object)
    }

    init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a receipt")
        topic = try fields.string("topic")
        partition = Int(try fields.integer("partition"))
        offset = try fields.integer("offset")
        isDuplicate = fields.optionalBool("duplicate") ?? false
    }
}

extension ApusClient {
    /// Publishes one event in the JSON format.
    ///
    /// - Parameters:
    ///   - event: the CloudEvent as UTF-8 JSON text.
    ///   - topic: where to.
    ///   - key: decides partition and order; without one the event's `partitionkey` does.
    ///   - ttl: how long after that anybody wants it, such as `10m`.
    /// - Returns: the receipt, once the event is as durable as the topic promises.
    public func publish(
        _ event: [UInt8], to topic: String, key: String? = nil, ttl: String? = nil
    ) async throws(ApusClientError) -> Receipt {
        var request = publishRequest(topic, key)
        request.add("ttl", ttl)
        request.body = ("application/cloudevents+json", event)
        return try Receipt(try await send(request).json())
    }

    /// Publishes several events, all or nothing for each partition they fall into.
    ///
    /// - Parameters:
    ///   - events: CloudEvents as UTF-8 JSON text, at least one.
    ///   - topic: where to.
    ///   - key: of all of them; without one each event's `partitionkey` counts.
    ///   - ttl: how long after they are published anybody wants them, such as `10m`; nil for no limit.
    /// - Returns: for each event, in order, its receipt, or why it was not stored.
    /// - Throws: if nothing was stored, or nothing is known.
    public func publish(
        batch events: [[UInt8]], to topic: String, key: String? = nil, ttl: String? = nil
    ) async throws(ApusClientError) -> [Result<Receipt, ApusClientError>] {
        var request = publishRequest(topic, key)
        request.add("ttl", ttl)
        request.body = ("application/cloudevents-batch+json", Self.array(of: events))
        let answer = try await exchange(request)
        if answer.status < 400 {
            let receipts = try JSONFields(try answer.json(), "an answer to a batch").array("receipts")
            return try Self.results(receipts, count: events.count)
        }
        // Partly stored: the problem document has an entry for each event.
        if let receipts = (try? answer.json())?["receipts"]?.array {
            return try Self.results(receipts, count: events.count)
        }
        throw ApusClientError(status: answer.status, body: answer.body)
    }

    private func publishRequest(_ topic: String, _ key: String?) -> APIRequest {
        var request = APIRequest(.post, "v1", "topics", topic, "events")
        request.add("key", key)
        return request
    }

    /// JSON texts as one JSON array, without looking into them again.
    private static func array(of events: [[UInt8]]) -> [UInt8] {
        var text: [UInt8] = [UInt8(ascii: "[")]
        text.reserveCapacity(events.reduce(events.count + 2) { $0 + $1.count })
        for (index, event) in events.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text += event
        }
        text.append(UInt8(ascii: "]"))
        return text
    }

    private static func results(
        _ receipts: [JSONValue], count: Int
    ) throws(ApusClientError) -> [Result<Receipt, ApusClientError>] {
        guard receipts.count == count else {
            throw .unexpected("it has \(receipts.count) receipts for \(count) events")
        }
        return try receipts.decoded { json throws(ApusClientError) in
            guard let problem = json["error"] else { return .success(try Receipt(json)) }
            let reason = problem.string ?? problem["detail"]?.string ?? problem.description
            return .failure(
                ApusClientError(.unavailable, what: "not stored", why: reason, retryable: true, status: 503))
        }
    }
}
