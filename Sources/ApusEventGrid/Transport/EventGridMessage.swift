// SPDX-License-Identifier: Apache-2.0

// What the service hands out as an event, and an event that was given up as one of the topic of dead letters.

internal import ApusBus
internal import CloudEvents
internal import JSONText

enum EventGridMessage {
    /// The type of events made up for what is none.
    static let unreadableType = "com.microsoft.eventgrid.unreadable"

    /// The event that was handed out; nil when nothing at all can be made of it.
    static func received(
        _ delivery: EventGridService.Delivery, topic: String, at place: EventGridService.Place
    ) -> ReceivedEvent? {
        let bytes = delivery.event.serialized()
        var (event, problem): (CloudEvent?, String?)
        do throws(CloudEventError) { event = try CloudEventJSONFormat.decode(bytes) } catch {
            problem = "not a CloudEvent: \(error)"
        }
        guard let event = event ?? unreadable(delivery, bytes, at: place) else { return nil }
        return ReceivedEvent(
            event: event, problem: problem, topic: topic, attempt: delivery.count,
            token: .text(delivery.token))
    }

    private static func unreadable(
        _ delivery: EventGridService.Delivery, _ bytes: [UInt8], at place: EventGridService.Place
    ) -> CloudEvent? {
        let made = { (id: String) in
            try? CloudEvent(
                id: id, source: "/topics/\(place.topic)", type: unreadableType,
                dataContentType: "application/json", data: CloudEventData(bytes))
        }
        return delivery.event["id"]?.string.flatMap(made) ?? made("unreadable")
    }
}

/// What is written on an event that was given up, beside what it was.
enum Epitaph {
    /// Why.
    static let reason = CloudEventExtensionKey<String>.string("apusreason")
    /// After how many attempts.
    static let attempts = CloudEventExtensionKey<Int32>.integer("apusattempts")
    /// When, in milliseconds since 1970: copies keep it.
    static let time = CloudEventExtensionKey<String>.string("apusgivenup")
    /// The longest reason, in characters.
    static let reasonMax = 500

    /// The event that goes to the topic of dead letters.
    static func written(on event: CloudEvent, _ text: String, attempt: Int, now: Int64) -> CloudEvent {
        var event = event
        // Attributes have no control characters.
        let text = String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(reasonMax).map {
                    $0.properties.generalCategory == .control ? " " : $0
                }))
        // A reason that is no text at all is not written; the event is what counts.
        try? event.extensions.set(reason, to: text)
        try? event.extensions.set(attempts, to: Int32(clamping: attempt))
        try? event.extensions.set(time, to: "\(now)")
        return event
    }

    /// The event that was given up, and when.
    static func read(_ event: CloudEvent) -> (letter: DeadLetter, time: Int64) {
        var original = event
        for name in [reason.name, attempts.name, time.name] { try? original.extensions.set(name, to: nil) }
        let letter = DeadLetter(
            event: original, reason: event.extensions[reason] ?? "no reason was given",
            attempts: event.extensions[attempts].map { Int($0) })
        return (letter, event.extensions[time].flatMap { Int64($0) } ?? 0)
    }
}
