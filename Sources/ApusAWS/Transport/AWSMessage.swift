// SPDX-License-Identifier: Apache-2.0

// An event as the text of a message, and back. The text is the event's JSON format, so that filter policies see attributes and content alike. What others
// have put into a queue is read as what it is: an SNS notification and an EventBridge event are opened, anything else becomes an event with attributes made
// up for it.

internal import ApusBus
internal import CloudEvents
internal import JSONText

enum AWSMessage {
    /// The type of events made up for plain messages.
    static let plainType = "com.amazonaws.sqs.message"

    /// The text of an event.
    static func text(_ event: CloudEvent) -> String {
        String(decoding: CloudEventJSONFormat.encode(event), as: UTF8.self)
    }

    /// The event that a message is. Trace context that instrumentation has put into the message's attributes is the event's where that has none.
    static func event(_ message: SQSService.Message, queue: String) -> (event: CloudEvent?, problem: String?)
    {
        let (event, problem) = opened(message, queue)
        guard var event, let parent = message.attributes["traceparent"] else { return (event, problem) }
        TraceHeaders(parent: parent, state: message.attributes["tracestate"]).complete(&event)
        return (event, problem)
    }

    private static func opened(
        _ message: SQSService.Message, _ queue: String
    ) -> (event: CloudEvent?, problem: String?) {
        let body = Array(message.body.utf8)
        guard let document = try? JSONValue(parsing: body), document.object != nil else {
            return (plain(message, queue, body, contentType: "text/plain; charset=utf-8"), nil)
        }
        return read(document, message, queue, body)
    }

    private static func read(
        _ document: JSONValue, _ message: SQSService.Message, _ queue: String, _ body: [UInt8]
    ) -> (event: CloudEvent?, problem: String?) {
        if document["specversion"] != nil {
            do throws(CloudEventError) {
                return (try CloudEventJSONFormat.decode(body), nil)
            } catch {
                return (
                    plain(message, queue, body, contentType: "application/json"), "not a CloudEvent: \(error)"
                )
            }
        }
        // An SNS notification that was not delivered raw.
        if document["Type"]?.string == "Notification", document["TopicArn"] != nil,
            let inner = document["Message"]?.string
        {
            var opened = message
            opened.body = inner
            for member in document["MessageAttributes"]?.object?.members ?? [] {
                opened.attributes[member.name] = member.value["Value"]?.string
            }
            return event(opened, queue: queue)
        }
        // An event of EventBridge: ours is its detail.
        if document["detail-type"] != nil, let detail = document["detail"] {
            if detail["specversion"] != nil {
                return read(detail, message, queue, detail.serialized())
            }
            return (bridged(document, detail, message, queue), nil)
        }
        return (plain(message, queue, body, contentType: "application/json"), nil)
    }

    private static func plain(
        _ message: SQSService.Message, _ queue: String, _ body: [UInt8], contentType: String
    ) -> CloudEvent? {
        try? CloudEvent(
            id: message.id, source: queue, type: plainType,
            time: message.sentAt.map { CloudEventTimestamp(millisecondsSinceEpoch: $0) },
            dataContentType: contentType, data: CloudEventData(body))
    }

    /// What an AWS service has published: its own attributes, by the names that CloudEvents has for them.
    private static func bridged(
        _ document: JSONValue, _ detail: JSONValue, _ message: SQSService.Message, _ queue: String
    ) -> CloudEvent? {
        try? CloudEvent(
            id: document["id"]?.string ?? message.id, source: document["source"]?.string ?? queue,
            type: document["detail-type"]?.string ?? plainType,
            time: document["time"]?.string.flatMap { CloudEventTimestamp($0) },
            dataContentType: "application/json", data: CloudEventData(detail.serialized()))
    }
}
