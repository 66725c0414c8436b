// SPDX-License-Identifier: Apache-2.0

// Transformations: what is accepted can be written and means the same; what comes out of any event is the same each time, is what its
// content type says, keeps the event's identity, and is no larger than the limit.

import ApusTransform
import CloudEvents
import JSONText

/// The input is a transformation, an empty line, and the data of an event.
func fuzzTransformation(_ input: [UInt8]) {
    let (text, data) = splitAtEmptyLine(input)
    guard let transformation = try? Transformation(parsing: text) else { return }
    guard let again = try? Transformation(parsing: transformation.text) else {
        preconditionFailure("a transformation's own text is refused")
    }
    precondition(again == transformation, "a transformation's own text is another transformation")
    for type in ["application/json", "application/xml", "text/plain", "image/png"] {
        guard
            let event = try? CloudEvent(
                id: "A-1", source: "/shop/7", type: "order.placed", subject: "a<b>&\"c",
                dataContentType: type, data: data.isEmpty ? nil : CloudEventData(data))
        else { continue }
        check(transformation, again, event)
    }
}

private func check(_ transformation: Transformation, _ again: Transformation, _ event: CloudEvent) {
    let context = TransformationContext(
        rule: "vip", topic: "orders", arrived: CloudEventTimestamp(millisecondsSinceEpoch: 0))
    guard let result = try? transformation.apply(to: event, in: context) else {
        precondition((try? again.apply(to: event, in: context)) == nil, "the second time is another one")
        return
    }
    precondition((try? again.apply(to: event, in: context)) == result, "the second time is another one")
    precondition(result.id == event.id && result.source == event.source, "another event")
    precondition((try? result.validate()) != nil, "not an event")
    guard let data = result.data?.bytes, result.data != event.data else { return }
    precondition(data.count <= TransformationLimits().outputBytesMax, "larger than the limit")
    switch result.dataKind {
    case .json: precondition((try? JSONValue(parsing: data)) != nil, "not JSON")
    case .xml:
        // A document is read back by the transformation that takes all of it.
        let whole = try? Transformation(parsing: #"{"input_path": "$.data.*"}"#).apply(
            to: result, in: context)
        precondition(whole != nil, "not XML")
    case .text: precondition(String(validating: data, as: UTF8.self) != nil, "not text")
    case .binary: preconditionFailure("no content type that a transformation makes")
    }
}
