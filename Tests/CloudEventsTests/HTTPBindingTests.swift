// SPDX-License-Identifier: Apache-2.0

// The HTTP binding, rule by rule.

import CloudEvents
import Testing

private let head = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", "t")]

private func decode(_ headers: [(String, String)], body: String = "") throws -> CloudEventHTTPContent {
    try CloudEventHTTPBinding.decode(
        headers: headers.map { (name: $0.0, value: $0.1) }, body: Array(body.utf8))
}

private func subject(_ value: String) throws -> String? {
    try decode(head + [("ce-subject", value)]).events.first?.subject
}

private func rule(_ headers: [(String, String)], body: String = "") -> CloudEventError.Rule? {
    do {
        _ = try decode(headers, body: body)
        return nil
    } catch { return (error as? CloudEventError)?.rule }
}

@Suite struct HTTPBindingTests {
    @Test func `binary mode reads headers in any case`() throws {
        let headers = [
            ("CE-SpecVersion", "1.0"), ("Ce-Id", "1"), ("ce-SOURCE", "/s"), ("cE-type", "t"),
            ("CE-MyExt", "v"),
            ("Content-Type", "text/plain"), ("Host", "h"), ("ce", "x"),
            ("ce-time", " 2026-03-01T00:00:00Z\t"),
        ]
        let content = try decode(headers, body: "hello")
        let expected = try CloudEvent(
            id: "1", source: "/s", type: "t", time: CloudEventTimestamp("2026-03-01T00:00:00Z"),
            dataContentType: "text/plain", extensions: CloudEventExtensions([("myext", "v")]),
            data: CloudEventData(text: "hello"))
        #expect(content == .binary(expected))
    }

    @Test func `values are percent-decoded once and unquoted first`() throws {
        #expect(try subject("Euro%20%E2%82%AC%20%F0%9F%98%80") == "Euro € 😀")
        #expect(try subject("%e2%82%ac") == "€")
        #expect(try subject("%2541") == "%41")
        #expect(try subject("%41") == "A")
        #expect(try subject("\"a \\\"b\\\" \\c\"") == "a \"b\" c")
        #expect(try subject("a \"b c\" d") == "a b c d")
        #expect(try subject("\"%20x\"") == " x")
        #expect(try subject("a b") == "a b")
        #expect(try subject("é") == "é")
    }

    @Test func `broken values are refused`() {
        #expect(rule(head + [("ce-subject", "%C0%A0")]) == .invalidUTF8)
        #expect(rule(head + [("ce-subject", "%0A")]) == .controlCharacter)
        #expect(rule(head + [("ce-subject", "%")]) == .invalidHeaderEncoding)
        #expect(rule(head + [("ce-subject", "%4")]) == .invalidHeaderEncoding)
        #expect(rule(head + [("ce-subject", "%G0")]) == .invalidHeaderEncoding)
        #expect(rule(head + [("ce-subject", "\"a")]) == .invalidHeaderEncoding)
        #expect(rule(head + [("ce-subject", "\"a\\")]) == .invalidHeaderEncoding)
        #expect(rule(head + [("ce-subject", "")]) == .empty)
        #expect(rule(head + [("ce-my_ext", "v")]) == .invalidName)
        // The Kelvin sign is a small k to Unicode, but not to HTTP.
        #expect(rule(head + [("ce-\u{212A}", "v")]) == .invalidName)
        #expect(rule(head + [("ce-data", "v")]) == .reservedName)
        #expect(rule(head + [("CE-ID", "2")]) == .duplicate)
        #expect(rule(head + [("ce-x", "2"), ("ce-X", "2")]) == .duplicate)
        #expect(rule(head + [("content-type", "nonsense")]) == .notMediaType)
        #expect(rule(head + [("content-type", "a/b"), ("content-type", "a/b")]) == .duplicate)
    }

    @Test func `values are percent-encoded`() throws {
        let event = try CloudEvent(id: "Euro € 😀", source: "/s", type: "\"100%\"~!")
        let headers = CloudEventHTTPBinding.encode(event).headers
        #expect(headers.map(\.name) == ["ce-specversion", "ce-id", "ce-source", "ce-type"])
        #expect(headers.map(\.value) == ["1.0", "Euro%20%E2%82%AC%20%F0%9F%98%80", "/s", "%22100%25%22~!"])
    }

    @Test func `the content type tells the mode`() throws {
        let event = try CloudEvent(id: "1", source: "/s", type: "t", data: CloudEventData([1]))
        let json = CloudEventHTTPBinding.encodeStructured(event)
        #expect(try CloudEventHTTPBinding.decode(json) == .structured(event))
        #expect(
            try CloudEventHTTPBinding.decode(CloudEventHTTPBinding.encodeStructuredXML(event))
                == .structured(event))
        #expect(
            try CloudEventHTTPBinding.decode(CloudEventHTTPBinding.encodeBatch([event])) == .batch([event]))
        let body = String(decoding: json.body, as: UTF8.self)
        let upper = [("Content-Type", "Application/CloudEvents+JSON; charset=UTF-8")]
        #expect(try decode(upper, body: body) == .structured(event))
        #expect(rule([("content-type", "application/cloudevents+avro")]) == .unsupportedFormat)
        #expect(rule([("content-type", "application/cloudevents")]) == .unsupportedFormat)
        #expect(rule([("content-type", "application/json")], body: "{}") == .notAnEvent)
        #expect(rule([]) == .notAnEvent)
        #expect(rule([("ce-id", "1")]) == .missing)
    }

    @Test func `a batch may be limited`() throws {
        let event = try CloudEvent(id: "1", source: "/s", type: "t")
        for message in [
            CloudEventHTTPBinding.encodeBatch([event, event]),
            CloudEventHTTPMessage(
                headers: [.init(name: "content-type", value: CloudEventXMLFormat.batchContentType)],
                body: try CloudEventXMLFormat.encodeBatch([event, event])),
        ] {
            #expect(throws: CloudEventError(.tooManyEvents(limit: 1))) {
                var decoder = CloudEventHTTPDecoder(eventCountMax: 1)
                for header in message.headers {
                    try Array(header.name.utf8).withUnsafeBytes { name in
                        try Array(header.value.utf8).withUnsafeBytes {
                            try decoder.header(name: name, value: $0)
                        }
                    }
                }
                _ = try decoder.content(body: message.body)
            }
            #expect(try CloudEventHTTPBinding.decode(message).events.count == 2)
        }
    }

    @Test func `structured mode leaves repeated headers aside`() throws {
        let event = try CloudEvent(id: "body", source: "/s", type: "t")
        let message = CloudEventHTTPBinding.encodeStructured(event)
        let headers = head + message.headers.map { ($0.name, $0.value) }
        let content = try decode(headers, body: String(decoding: message.body, as: UTF8.self))
        #expect(content == .structured(event))
    }

    @Test func `an event that carries an event goes in structured mode`() throws {
        let event = try CloudEvent(
            id: "1", source: "/s", type: "t", dataContentType: "application/cloudevents+json",
            data: CloudEventData(text: "{}"))
        let message = CloudEventHTTPBinding.encode(event)
        #expect(message.headers.map(\.value) == ["application/cloudevents+json"])
        #expect(try CloudEventHTTPBinding.decode(message) == .structured(event))
    }

    @Test func `borrowed headers decode without copies`() throws {
        let names = head.map { Array($0.0.utf8) }
        let values = head.map { Array($0.1.utf8) }
        var decoder = CloudEventHTTPDecoder()
        for (name, value) in zip(names, values) {
            try name.withUnsafeBytes { name in
                try value.withUnsafeBytes { try decoder.header(name: name, value: $0) }
            }
        }
        #expect(try decoder.binaryEvent(body: []) == CloudEvent(id: "1", source: "/s", type: "t"))
    }
}

@Suite struct KafkaBindingTests {
    private func message(_ headers: [(String, String)], value: String? = nil) -> CloudEventKafkaMessage {
        CloudEventKafkaMessage(
            headers: headers.map { CloudEventKafkaMessage.Header(name: $0.0, value: Array($0.1.utf8)) },
            value: value.map { Array($0.utf8) })
    }

    private let head = [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/s"), ("ce_type", "t")]

    @Test func `values are plain UTF-8`() throws {
        let event = try CloudEvent(
            id: "é %41 \"x\"", source: "/s", type: "t", dataContentType: "text/plain",
            extensions: CloudEventExtensions([("rate", 3)]), data: CloudEventData(text: "d"))
        let message = CloudEventKafkaBinding.encode(event)
        let expected = [
            ("ce_specversion", "1.0"), ("ce_id", "é %41 \"x\""), ("ce_source", "/s"), ("ce_type", "t"),
            ("ce_rate", "3"),
            ("content-type", "text/plain"),
        ]
        #expect(message == self.message(expected, value: "d"))
    }

    @Test func `no data and empty data differ`() throws {
        let event = try #require(try CloudEventKafkaBinding.decode(message(head)))
        #expect(event.data == nil)
        #expect(CloudEventKafkaBinding.encode(event).value == nil)
        let empty = try #require(try CloudEventKafkaBinding.decode(message(head, value: "")))
        #expect(empty.data?.bytes == [])
        #expect(CloudEventKafkaBinding.encode(empty).value == [])
    }

    @Test func `a record without attributes is no event`() throws {
        #expect(try CloudEventKafkaBinding.decode(message([], value: "x")) == nil)
        #expect(
            try CloudEventKafkaBinding.decode(message([("content-type", "not a type"), ("x", "y")])) == nil)
        #expect(throws: CloudEventError(.missing, attribute: "specversion")) {
            try CloudEventKafkaBinding.decode(message([("ce_x", "y")]))
        }
    }

    @Test func `names are taken as they are written`() {
        #expect(throws: CloudEventError(.invalidName, attribute: "X")) {
            try CloudEventKafkaBinding.decode(message(head + [("ce_X", "y")]))
        }
        #expect(throws: CloudEventError(.invalidName, attribute: "ID")) {
            try CloudEventKafkaBinding.decode(message(head + [("ce_ID", "y")]))
        }
        #expect(throws: CloudEventError(.duplicate, attribute: "id")) {
            try CloudEventKafkaBinding.decode(message(head + [("ce_id", "1")]))
        }
    }

    @Test func `structured mode is told by the content type`() throws {
        let event = try CloudEvent(id: "1", source: "/s", type: "t", data: CloudEventData([7]))
        let json = CloudEventKafkaMessage(
            headers: [
                .init(name: "content-type", value: Array("application/CloudEvents+json; charset=UTF-8".utf8))
            ],
            value: CloudEventJSONFormat.encode(event))
        #expect(try CloudEventKafkaBinding.decode(json) == event)
        let batch = message([("content-type", "application/cloudevents-batch+json")], value: "[]")
        #expect(throws: CloudEventError.self) { try CloudEventKafkaBinding.decode(batch) }
    }
}
