// SPDX-License-Identifier: Apache-2.0

// The JSON format, rule by rule.

import CloudEvents
import Testing

private let head = #""specversion":"1.0","id":"1","source":"/s","type":"t""#

private func decode(_ members: String) throws -> CloudEvent {
    try CloudEventJSONFormat.decode(Array("{\(head)\(members.isEmpty ? "" : ",")\(members)}".utf8))
}

private func rule(_ members: String) -> CloudEventError.Rule? {
    do {
        _ = try decode(members)
        return nil
    } catch { return (error as? CloudEventError)?.rule }
}

private func encoded(_ event: CloudEvent) -> String {
    String(decoding: CloudEventJSONFormat.encode(event), as: UTF8.self)
}

@Suite struct JSONFormatTests {
    @Test func `all attributes are read and written`() throws {
        let text =
            "{\(head),"
            + #""subject":"x \"y\"","time":"2026-03-01T12:30:00.10+01:00","datacontenttype":"text/plain","#
            + #""dataschema":"urn:s","flag":true,"name":"v","rate":-3,"data":"é\n"}"#
        let event = try CloudEventJSONFormat.decode(Array(text.utf8))
        #expect(event.subject == "x \"y\"")
        #expect(event.time?.description == "2026-03-01T12:30:00.10+01:00")
        #expect(event.extensions.map(\.value) == [true, "v", -3])
        #expect(event.data?.text == "é\n")
        #expect(encoded(event) == text)
    }

    @Test(arguments: ["specversion", "id", "source", "type"])
    func `required members must be there`(_ name: String) {
        let pairs = [("specversion", "1.0"), ("id", "1"), ("source", "/s"), ("type", "t")].filter {
            $0.0 != name
        }
        let text = "{" + pairs.map { "\"\($0.0)\":\"\($0.1)\"" }.joined(separator: ",") + "}"
        let error = #expect(throws: CloudEventError.self) {
            try CloudEventJSONFormat.decode(Array(text.utf8))
        }
        #expect(error == CloudEventError(.missing, attribute: name))
    }

    @Test func `null is absent`() throws {
        let event = try decode(#""subject":null,"time":null,"ext":null,"data_base64":null"#)
        #expect(event.subject == nil)
        #expect(event.extensions.isEmpty)
        #expect(event.data == nil)
        #expect(rule(#""Bad":null"#) == .invalidName)
    }

    @Test func `null data of JSON type is a payload`() throws {
        #expect(try decode(#""data":null"#).data?.text == "null")
        #expect(rule(#""data":null,"datacontenttype":"text/plain""#) == .wrongValueType)
    }

    @Test(arguments: [
        #""id":"2""#, #""id":null"#, #""x":1,"x":1"#, #""x":null,"x":1"#, #""x":1,"x":null"#,
        #""x":null,"x":null"#,
        #""data":1,"data":1"#, #""data_base64":"","data_base64":"""#, #""\u0069d":"2""#,
    ])
    func `members must not repeat`(_ members: String) {
        #expect(rule(members) == .duplicate)
    }

    @Test func `values must have the attribute's type`() {
        #expect(rule(#""subject":1"#) == .wrongValueType)
        #expect(rule(#""subject":true"#) == .wrongValueType)
        #expect(rule(#""x":{}"#) == .wrongValueType)
        #expect(rule(#""x":[]"#) == .wrongValueType)
        #expect(rule(#""x":1.0"#) == .notInteger)
        #expect(rule(#""x":1e3"#) == .notInteger)
        #expect(rule(#""x":2147483648"#) == .notInteger)
        #expect(rule(#""x":2147483647"#) == nil)
        #expect(rule(#""x":-2147483648"#) == nil)
        #expect(rule(#""x":-2147483649"#) == .notInteger)
        #expect(rule(#""X":1"#) == .invalidName)
        #expect(rule(#""ID":"1""#) == .invalidName)
        #expect(rule(#""x":"\u0001""#) == .controlCharacter)
        #expect(rule(#""time":"today""#) == .notTimestamp)
        #expect(rule(#""data_base64":1"#) == .wrongValueType)
    }

    @Test func `another version is refused`() {
        let error = #expect(throws: CloudEventError.self) {
            try CloudEventJSONFormat.decode(
                Array(#"{"specversion":"0.3","id":"1","source":"/","type":"t"}"#.utf8))
        }
        #expect(error?.rule == .unsupportedVersion)
        #expect(error?.seen == "0.3")
    }

    @Test func `JSON data keeps its bytes`() throws {
        let event = try decode(#""data" : {"b" : 1.0, "a":[ ]} "#)
        #expect(event.data?.text == #"{"b" : 1.0, "a":[ ]}"#)
        #expect(event.dataContentType == "application/json")
        #expect(encoded(event).hasSuffix(#""data":{"b" : 1.0, "a":[ ]}}"#))
    }

    @Test func `a string of JSON type stays JSON`() throws {
        #expect(try decode(#""datacontenttype":"application/json","data":"x""#).data?.text == "\"x\"")
        #expect(try decode(#""data":"x","datacontenttype":"a/b+json""#).data?.text == "\"x\"")
    }

    @Test func `text and XML are strings, wherever the content type stands`() throws {
        #expect(try decode(#""data":"\u003ca/>","datacontenttype":"application/xml""#).data?.text == "<a/>")
        #expect(rule(#""data":{},"datacontenttype":"text/plain""#) == .wrongValueType)
        #expect(
            rule(#""data":"x","datacontenttype":"text/plain; charset=iso-8859-1""#) == .unsupportedCharset)
        #expect(rule(#""data":"x","datacontenttype":"text/plain; charset=\"UTF-8\"""#) == nil)
    }

    @Test func `Base64 is bytes and implies no content type`() throws {
        let event = try decode(#""data_base64":"AP8=""#)
        #expect(event.data?.bytes == [0, 255])
        #expect(event.dataContentType == nil)
        #expect(encoded(event).hasSuffix(#""data_base64":"AP8="}"#))
        for text in ["A", "AP8", "AP8-", "AP9=", "AP8=\\n", "=AP8", "A===", "AB=="] {
            #expect(rule("\"data_base64\":\"\(text)\"") == .notBase64)
        }
        #expect(rule(#""data_base64":"AP8=","data":1"#) == .ambiguousData)
    }

    @Test func `data that is not what it claims to be is written as Base64`() throws {
        let cases: [(String, [UInt8])] = [
            ("application/json", Array("{".utf8)), ("application/json", []), ("text/plain", [0xFF]),
            ("text/plain; charset=latin1", [0x61]), ("image/png", [0x61]),
            (
                "application/json",
                Array(String(repeating: "[", count: 129).utf8) + Array(repeating: 0x5D, count: 129)
            ),
        ]
        for (type, bytes) in cases {
            let event = try CloudEvent(
                id: "1", source: "/", type: "t", dataContentType: type, data: CloudEventData(bytes))
            #expect(encoded(event).contains("data_base64"))
            #expect(try CloudEventJSONFormat.decode(CloudEventJSONFormat.encode(event)) == event)
        }
    }

    @Test func `malformed text is refused with its place`() {
        let error = #expect(throws: CloudEventError.self) {
            try CloudEventJSONFormat.decode(Array("{\"a\":}".utf8))
        }
        guard case .malformedJSON(_, offset: 5) = error?.rule else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(rule(#""data":[1,]"#) != nil)
        for text in ["", "[]", "null", "{\(head)} x"] {
            #expect(throws: CloudEventError.self) { try CloudEventJSONFormat.decode(Array(text.utf8)) }
        }
    }

    @Test func `data may be nested to the limit, alone and in a batch`() throws {
        let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        #expect(try decode("\"data\":\(deep)").data?.text == deep)
        #expect(try CloudEventJSONFormat.decodeBatch(Array("[{\(head),\"data\":\(deep)}]".utf8)).count == 1)
        #expect(rule("\"data\":[\(deep)]") != nil)
    }

    @Test func `a batch tells which event is bad`() {
        #expect(throws: Never.self) { try CloudEventJSONFormat.decodeBatch(Array(" [] ".utf8)) }
        let error = #expect(throws: CloudEventError.self) {
            try CloudEventJSONFormat.decodeBatch(Array("[{\(head)},{\(head),\"x\":[]}]".utf8))
        }
        #expect(error?.eventIndex == 1)
        #expect(error?.attribute == "x")
        #expect(error?.description.hasPrefix("event 1: x ") == true)
        let tooMany = #expect(throws: CloudEventError.self) {
            try CloudEventJSONFormat.decodeBatch(Array("[{\(head)},{\(head)}]".utf8), eventCountMax: 1)
        }
        #expect(tooMany?.rule == .tooManyEvents(limit: 1))
    }
}
