// SPDX-License-Identifier: Apache-2.0

// An event and a context for tests, and the shortest way to a result.

import ApusTransform
import CloudEvents
import JSONText

let context = TransformationContext(
    rule: "vip", topic: "orders", arrived: CloudEventTimestamp(millisecondsSinceEpoch: 1_700_000_000_123))

/// An event with these data.
func event(
    _ data: String?, contentType: String? = "application/json", extensions: [(String, CloudEventValue)] = []
) throws -> CloudEvent {
    try CloudEvent(
        id: "A-1", source: "/shop/7", type: "order.placed", subject: "order/42",
        time: CloudEventTimestamp("2026-11-25T10:00:00Z"), dataContentType: contentType,
        dataSchema: "https://example.org/order.json", extensions: CloudEventExtensions(extensions),
        data: data.map { CloudEventData(text: $0) })
}

/// What becomes of the data of `event`.
func transformed(_ transformation: JSONValue, _ event: CloudEvent) throws -> String {
    let result = try Transformation(transformation).apply(to: event, in: context)
    return String(decoding: result.data?.bytes ?? [], as: UTF8.self)
}

/// What a template becomes, with these paths.
func filled(_ template: String, _ paths: [(String, String)] = [], _ data: String?) throws -> String {
    try transformed(["input_paths": object(paths), "input_template": .string(template)], event(data))
}

func object(_ members: [(String, String)]) -> JSONValue {
    var object = JSONObject()
    for (name, value) in members { object[name] = .string(value) }
    return .object(object)
}
