// SPDX-License-Identifier: Apache-2.0

// When an event is to be published, and until when anybody wants it: query parameters of a publish.

internal import ApusEngine
internal import ApusModel
internal import CloudEvents
internal import JSONText

/// What a publish says about time.
struct PublishTiming: Sendable {
    /// When the events are due; nil for at once.
    var due: Timestamp?
    /// How long after they are published anybody wants them.
    var ttl: Duration?

    static let parameters = [
        QueryParameter(
            name: "delay", schema: .duration,
            about: "Publish this much later, at most 365d later; answers 202."),
        QueryParameter(
            name: "at", schema: .time, about: "Publish at this time, at most 365d from now; answers 202."),
        QueryParameter(
            name: "ttl", schema: .duration,
            about: "Hand out no later than this after publishing: sets 'expirytime' where it is not set."),
    ]

    /// No word about time.
    init() {}

    init(_ query: QueryReader, now: Timestamp) throws(Problem) {
        if query.string("delay") != nil {
            due = now.advanced(by: try query.duration("delay", max: Defaults.delayMax))
        }
        if let text = query.string("at") {
            guard due == nil else { throw Problem(.malformed, "'delay' and 'at' cannot both be given") }
            guard let time = TimeText.parse(text) else {
                throw Problem(.malformed, "query parameter 'at' must be a time such as 2026-11-25T20:00:00Z")
            }
            due = time
        }
        if query.string("ttl") != nil { ttl = try query.duration("ttl", max: DurationText.max) }
    }

    /// Says in each event when its time is over.
    func limit(_ events: inout [CloudEvent], now: Timestamp) {
        guard let ttl else { return }
        let end = max(due ?? now, now).advanced(by: ttl)
        let expiry = CloudEventTimestamp(millisecondsSinceEpoch: end.rawValue)
        for index in events.indices where events[index].extensions[.expiryTime] == nil {
            try? events[index].extensions.set(.expiryTime, to: expiry)
        }
    }
}

extension JSONWriter {
    /// Proof that an event waits.
    mutating func scheduleReceipt(_ receipt: ScheduleReceipt) {
        object { writer in
            writer.member("id", receipt.id)
            writer.member("due", receipt.due)
        }
    }

    mutating func waitingEvent(_ waiting: WaitingEventDescription) {
        object { writer in
            writer.member("id", waiting.id)
            writer.member("topic", waiting.topic.description)
            writer.member("due", waiting.due)
            writer.member("key", waiting.key)
            writer.key("event")
            CloudEventJSONFormat.write(waiting.event, to: &writer)
        }
    }
}
