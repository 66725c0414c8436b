// SPDX-License-Identifier: Apache-2.0

// What Event Grid sends in its own schema: an array of events with other names for the same attributes, and the question whether this endpoint wants any.

internal import CloudEvents
internal import JSONText

enum EventGridEnvelope {
    /// The type of the event that asks.
    static let validationType = "Microsoft.EventGrid.SubscriptionValidationEvent"

    /// What has to be said back; nil when this is no question.
    static func validationCode(_ body: [UInt8]) -> String? {
        guard let value = try? JSONValue(parsing: body) else { return nil }
        let event = value.array?.first ?? value
        guard (event["eventType"] ?? event["type"])?.string == validationType else { return nil }
        return event["data"]?["validationCode"]?.string
    }

    /// The events of a request in this schema; nil when it is another one.
    static func events(_ request: WebhookRequest) -> Result<[CloudEvent], CloudEventError>? {
        let type = request.header("content-type") ?? ""
        guard type.lowercased().hasPrefix("application/json"),
            let values = (try? JSONValue(parsing: request.body))?.array,
            values.allSatisfy({ $0["eventType"]?.string != nil && $0["specversion"] == nil })
        else { return nil }
        return Result { () throws(CloudEventError) in
            var events: [CloudEvent] = []
            for value in values { events.append(try event(value)) }
            return events
        }
    }

    private static func event(_ value: JSONValue) throws(CloudEventError) -> CloudEvent {
        var extensions = CloudEventExtensions()
        if let version = value["dataVersion"]?.string, !version.isEmpty {
            try extensions.set("dataversion", to: .string(version))
        }
        let subject = value["subject"]?.string
        return try CloudEvent(
            id: value["id"]?.string ?? "", source: value["topic"]?.string ?? "/",
            type: value["eventType"]?.string ?? "", subject: subject?.isEmpty == true ? nil : subject,
            time: value["eventTime"]?.string.flatMap { CloudEventTimestamp($0) },
            dataContentType: value["data"] == nil ? nil : "application/json", extensions: extensions,
            data: value["data"].map { CloudEventData($0.serialized()) })
    }
}
