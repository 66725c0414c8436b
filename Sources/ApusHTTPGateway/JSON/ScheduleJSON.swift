// SPDX-License-Identifier: Apache-2.0

// Recurring schedules as JSON, both ways. The event of a schedule is an ordinary CloudEvent whose id and time, if it has any, are replaced at
// every occurrence.

internal import ApusEngine
internal import ApusModel
internal import CloudEvents
internal import JSONText

extension ScheduleSettings {
    /// What a request's body says.
    init(_ reader: MemberReader, name: ResourceName) throws(Problem) {
        self.init(
            topic: try reader.require("topic", reader.name),
            expression: try reader.require("schedule", reader.string),
            zone: try reader.string("time_zone") ?? "UTC",
            template: try reader.template("event", name), key: try reader.string("key"),
            start: try reader.time("start"), end: try reader.time("end"),
            isEnabled: try reader.bool("enabled") ?? true, catchUp: try reader.catchUp("catch_up"))
    }
}

extension MemberReader {
    fileprivate func time(_ name: String) throws(Problem) -> Timestamp? {
        guard let value = value(name), value != .null else { return nil }
        guard let time = value.string.flatMap({ TimeText.parse($0) }) else {
            throw wrong(name, expected: "a time such as \"2026-11-25T20:00:00Z\"")
        }
        return time
    }

    fileprivate func catchUp(_ name: String) throws(Problem) -> CatchUp {
        guard let value = value(name) else { return .once }
        switch value.string {
        case "skip": return .skip
        case "once": return .once
        default:
            guard let limit = try integer(name, in: Bounds.catchUp) else { return .once }
            return .all(limit: Int(limit))
        }
    }

    /// An event; id, source, type and specversion may be left out.
    fileprivate func template(_ name: String, _ schedule: ResourceName) throws(Problem) -> CloudEvent {
        let value = try require(name) { _ in self.value(name) }
        guard var object = value.object else { throw wrong(name, expected: "an event") }
        if object["specversion"] == nil { object["specversion"] = "1.0" }
        if object["id"] == nil { object["id"] = "-" }
        if object["source"] == nil { object["source"] = .string("/v1/schedules/\(schedule)") }
        if object["type"] == nil { object["type"] = "apus.schedule" }
        do {
            return try CloudEventJSONFormat.decode(JSONValue.object(object).serialized())
        } catch {
            throw Problem(.malformed, "'\(path(name))': \(error.description)")
        }
    }
}

extension JSONWriter {
    mutating func schedule(_ schedule: ScheduleDescription) {
        let settings = schedule.settings
        object { writer in
            writer.member("name", schedule.name.description)
            writer.member("topic", settings.topic.description)
            writer.member("schedule", settings.expression)
            writer.member("time_zone", settings.zone)
            writer.key("event")
            CloudEventJSONFormat.write(settings.template, to: &writer)
            if let key = settings.key { writer.member("key", key) }
            writer.member("start", settings.start.map(TimeText.text))
            writer.member("end", settings.end.map(TimeText.text))
            writer.member("enabled", settings.isEnabled)
            writer.key("catch_up")
            switch settings.catchUp {
            case .skip: writer.string("skip")
            case .once: writer.string("once")
            case .all(let limit): writer.integer(limit)
            }
            writer.member("created", schedule.created)
            writer.member("next", schedule.next.map(TimeText.text))
            writer.member("fired", schedule.fired)
        }
    }
}
