// SPDX-License-Identifier: Apache-2.0

// Events that wait for their time, and schedules that make events again and again.

public import JSONText

/// An event that waits, as the server tells of it.
public struct DelayedInfo: Sendable, Hashable {
    /// What it can be shown and cancelled by.
    public var id: String
    /// When it is due.
    public var due: String
    /// The topic that it is for; nil in a receipt.
    public var topic: String?
    /// The event; nil in a receipt.
    public var event: JSONValue?
    /// The answer as it came.
    public var json: JSONValue

    /// Reads an event that waits of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a delayed event")
        id = try fields.string("id")
        due = try fields.string("due")
        topic = json["topic"]?.string
        event = json["event"]
        self.json = json
    }
}

/// A recurring schedule, as the server tells of it.
public struct ScheduleInfo: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// The topic that its events go to.
    public var topic: String
    /// When it recurs, as written.
    public var schedule: String
    /// The time zone.
    public var timeZone: String
    /// Whether it is at work.
    public var isEnabled: Bool
    /// When it is due next.
    public var next: String?
    /// Events made since the server started.
    public var fired: Int64?
    /// The answer as it came.
    public var json: JSONValue

    /// Reads a schedule of the API's answers.
    public init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "a schedule")
        name = try fields.string("name")
        topic = try fields.string("topic")
        schedule = try fields.string("schedule")
        timeZone = json["time_zone"]?.string ?? "UTC"
        isEnabled = fields.optionalBool("enabled") ?? true
        next = json["next"]?.string
        fired = fields.optionalInteger("fired")
        self.json = json
    }
}

extension ApusClient {
    /// Publishes one event in the JSON format later.
    ///
    /// - Parameters:
    ///   - event: the CloudEvent as UTF-8 JSON text.
    ///   - topic: where to.
    ///   - delay: how much later, such as `10s`; or
    ///   - time: when, as RFC 3339 has it.
    ///   - ttl: how long after that anybody wants it.
    /// - Returns: what it can be cancelled by, once it is durable.
    public func publishLater(
        _ event: [UInt8], to topic: String, delay: String? = nil, at time: String? = nil, ttl: String? = nil
    ) async throws(ApusClientError) -> DelayedInfo {
        var request = APIRequest(.post, "v1", "topics", topic, "events")
        request.add("delay", delay)
        request.add("at", time)
        request.add("ttl", ttl)
        request.body = ("application/cloudevents+json", event)
        return try DelayedInfo(try await send(request).json())
    }

    /// A page of events that wait, those that are due first at the beginning.
    public func delayed(
        of topic: String? = nil, limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<DelayedInfo> {
        var request = APIRequest(.get, "v1", "delayed")
        request.add("topic", topic)
        return try await page(request, member: "delayed", limit: limit, after: after, DelayedInfo.init)
    }

    /// One event that waits.
    public func delayedEvent(_ id: String) async throws(ApusClientError) -> DelayedInfo {
        try DelayedInfo(try await send(APIRequest(.get, "v1", "delayed", id)).json())
    }

    /// Cancels an event that waits.
    public func cancelDelayedEvent(_ id: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.delete, "v1", "delayed", id))
    }

    /// A page of recurring schedules, by name; those of one topic only, if given.
    public func schedules(
        of topic: String? = nil, limit: Int? = nil, after: String? = nil
    ) async throws(ApusClientError) -> Page<ScheduleInfo> {
        var request = APIRequest(.get, "v1", "schedules")
        request.add("topic", topic)
        return try await page(request, member: "schedules", limit: limit, after: after, ScheduleInfo.init)
    }

    /// One recurring schedule.
    public func schedule(_ name: String) async throws(ApusClientError) -> ScheduleInfo {
        try ScheduleInfo(try await send(APIRequest(.get, "v1", "schedules", name)).json())
    }

    /// Creates a recurring schedule, or replaces it.
    public func putSchedule(
        _ name: String, _ settings: JSONObject
    ) async throws(ApusClientError) -> Stored<ScheduleInfo> {
        try await put(APIRequest(.put, "v1", "schedules", name), settings, ScheduleInfo.init)
    }

    /// Deletes a recurring schedule.
    public func deleteSchedule(_ name: String) async throws(ApusClientError) {
        _ = try await send(APIRequest(.delete, "v1", "schedules", name))
    }
}
