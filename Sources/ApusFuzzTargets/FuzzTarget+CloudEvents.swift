// SPDX-License-Identifier: Apache-2.0

// CloudEvents: an event that was accepted can be sent on in every form, and arrives as the same event.

import CloudEvents

func fuzzCloudEventJSON(_ input: [UInt8]) {
    if let event = try? CloudEventJSONFormat.decode(input) {
        checkJSON(event)
        checkHTTP(event)
    }
    if let events = try? CloudEventJSONFormat.decodeBatch(input) {
        let text = CloudEventJSONFormat.encodeBatch(events)
        let again = try? CloudEventJSONFormat.decodeBatch(text)
        precondition(again.map { CloudEventJSONFormat.encodeBatch($0) } == text, "a batch changes in JSON")
    }
}

func fuzzCloudEventXML(_ input: [UInt8]) {
    guard let event = try? CloudEventXMLFormat.decode(input) else { return }
    let text = try? CloudEventXMLFormat.encode(event)
    precondition(text != nil, "an event that came as XML cannot be written as XML")
    let again = text.flatMap { try? CloudEventXMLFormat.decode($0) }
    precondition(again.flatMap { try? CloudEventXMLFormat.encode($0) } == text, "an event changes in XML")
    checkJSON(event)
    checkHTTP(event)
}

/// The input is lines of `name: value`, an empty line, and a body.
func fuzzCloudEventHTTP(_ input: [UInt8]) {
    var headers: [(name: String, value: String)] = []
    var rest = input[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        let line = rest[..<end]
        rest = rest[(end + 1)...]
        guard !line.isEmpty else { break }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        headers.append(
            (
                name: String(decoding: line[..<colon], as: UTF8.self),
                value: String(decoding: line[colon...].dropFirst(), as: UTF8.self)
            ))
    }
    guard let content = try? CloudEventHTTPBinding.decode(headers: headers, body: Array(rest)) else { return }
    for event in content.events {
        checkJSON(event)
        checkHTTP(event)
    }
}

/// White space around JSON data is lost when it is read again, so events are compared after that.
private func checkJSON(_ event: CloudEvent) {
    let again = try? CloudEventJSONFormat.decode(CloudEventJSONFormat.encode(event))
    precondition(again.map { hasSameAttributes($0, event) } == true, "attributes change in JSON")
    let text = again.map(CloudEventJSONFormat.encode)
    let third = text.flatMap { try? CloudEventJSONFormat.decode($0) }
    precondition(third != nil && third.map(CloudEventJSONFormat.encode) == text, "an event changes in JSON")
}

/// HTTP has no data that is there and empty, so only attributes are compared.
private func checkHTTP(_ event: CloudEvent) {
    let content = try? CloudEventHTTPBinding.decode(CloudEventHTTPBinding.encode(event))
    precondition(content?.events.count == 1, "an event does not arrive over HTTP")
    precondition(
        content?.events.first.map { hasSameAttributes($0, event) } == true, "attributes change over HTTP")
}

private func hasSameAttributes(_ one: CloudEvent, _ other: CloudEvent) -> Bool {
    one.id == other.id && one.source == other.source && one.type == other.type && one.subject == other.subject
        && one.time == other.time && one.dataSchema == other.dataSchema
}
