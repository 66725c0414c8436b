// SPDX-License-Identifier: Apache-2.0

// The XML format and its reader, rule by rule.

import CloudEvents
import Testing

private let namespaces =
    "xmlns:ce=\"http://cloudevents.io/xmlformat/V1\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
    + "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\""
private let head = "<ce:id>1</ce:id><ce:source>/s</ce:source><ce:type>t</ce:type>"

private func document(_ content: String) -> [UInt8] {
    Array("<ce:event \(namespaces) specversion=\"1.0\">\(head)\(content)</ce:event>".utf8)
}

private func decode(_ content: String) throws -> CloudEvent {
    try CloudEventXMLFormat.decode(document(content))
}

private func rule(_ content: String) -> CloudEventError.Rule? {
    do {
        _ = try decode(content)
        return nil
    } catch { return (error as? CloudEventError)?.rule }
}

private func data(_ event: CloudEvent) -> String? { event.data?.text }

@Suite struct XMLFormatTests {
    @Test func `an event with a default namespace and undeclared type prefixes is read`() throws {
        let text = """
            <?xml version="1.0" encoding="UTF-8" standalone="no"?>
            <!-- before --><?pi x?>
            <event xmlns="http://cloudevents.io/xmlformat/V1" specversion="1.0"
                   xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
                <time>2020-03-19T12:54:00-07:00</time>
                <datacontenttype>image/png</datacontenttype>
                <id>000-1111-2222</id>
                <source>urn:uuid:123e4567-e89b-12d3-a456-426614174000</source>
                <type>SOME.<![CDATA[EVENT]]>.&#84;YPE</type>
                <myboolean i:type="ce:boolean">false</myboolean>
                <other xmlns="urn:other"><deep/>text</other>
                <data i:type="xs:base64Binary">
                    AP8=
                </data>
            </event>
            <!-- after -->
            """
        let event = try CloudEventXMLFormat.decode(Array(text.utf8))
        #expect(event.type == "SOME.EVENT.TYPE")
        #expect(event.time?.offsetMinutes == -420)
        #expect(event.extensions.map(\.value) == [false])
        #expect(event.data?.bytes == [0, 255])
    }

    @Test func `types are kept`() throws {
        let event = try decode(
            "<ce:b xsi:type=\"ce:boolean\">true</ce:b><ce:i xsi:type=\"ce:integer\">-5</ce:i>"
                + "<ce:s xsi:type=\"ce:string\"> x </ce:s><ce:y xsi:type=\"ce:binary\">AQI=</ce:y>"
                + "<ce:u xsi:type=\"ce:uri\">a:b</ce:u><ce:r xsi:type=\"ce:uriRef\">/b</ce:r>"
                + "<ce:t xsi:type=\"ce:timestamp\">1970-01-01T00:00:00Z</ce:t>")
        let zero = try #require(CloudEventTimestamp(secondsSinceEpoch: 0))
        let expected: [CloudEventValue] = [
            true, -5, .uriReference("/b"), " x ", .timestamp(zero), .uri("a:b"), .binary([1, 2]),
        ]
        #expect(event.extensions.map(\.value) == expected)
    }

    @Test func `attributes that break a rule are refused`() {
        #expect(rule("<ce:x>v</ce:x>") == .wrongValueType)
        #expect(rule("<ce:x xsi:type=\"ce:text\">v</ce:x>") == .wrongValueType)
        #expect(rule("<ce:x xsi:type=\"xs:string\">v</ce:x>") == .wrongValueType)
        #expect(rule("<ce:x xsi:type=\"ce:integer\"> 1</ce:x>") == .notInteger)
        #expect(rule("<ce:x xsi:type=\"ce:integer\">01</ce:x>") == .notInteger)
        #expect(rule("<ce:x xsi:type=\"ce:boolean\">1</ce:x>") == .notBoolean)
        #expect(rule("<ce:x xsi:type=\"ce:binary\">A</ce:x>") == .notBase64)
        #expect(rule("<ce:x xsi:type=\"ce:uri\">/a</ce:x>") == .notURI)
        #expect(rule("<ce:x xsi:type=\"ce:string\">a\nb</ce:x>") == .controlCharacter)
        #expect(rule("<ce:x xsi:type=\"ce:string\">a&#10;b</ce:x>") == .controlCharacter)
        #expect(rule("<ce:x xsi:type=\"ce:string\"><a/></ce:x>") == .wrongValueType)
        #expect(rule("<ce:subject xsi:type=\"ce:uri\">a</ce:subject>") == .wrongValueType)
        #expect(rule("<ce:subject xsi:type=\"ce:string\">a</ce:subject>") == nil)
        #expect(rule("<ce:subject/>") == .empty)
        #expect(rule("<ce:id>2</ce:id>") == .duplicate)
        #expect(rule("<ce:X xsi:type=\"ce:string\">v</ce:X>") == .invalidName)
        #expect(rule("<ce:specversion xsi:type=\"ce:string\">1.0</ce:specversion>") == .reservedName)
    }

    @Test func `data comes as text, bytes or an element`() throws {
        #expect(
            try data(decode("<ce:data xsi:type=\"xs:string\">a&lt;\r\n<![CDATA[<b>]]>&#13;</ce:data>"))
                == "a<\n<b>\r")
        #expect(
            try data(decode("<ce:data xsi:type=\"xs:any\"> <a b='c'><!--d--> </a>\n</ce:data>"))
                == "<a b='c'><!--d--> </a>")
        #expect(rule("<ce:data>x</ce:data>") == .wrongValueType)
        #expect(rule("<ce:data xsi:type=\"xs:int\">1</ce:data>") == .wrongValueType)
        #expect(rule("<ce:data xsi:type=\"xs:string\"/><ce:data xsi:type=\"xs:string\"/>") == .ambiguousData)
        for content in ["", "<a/><b/>", "x<a/>", "x"] {
            #expect(rule("<ce:data xsi:type=\"xs:any\">\(content)</ce:data>") != nil)
        }
    }

    @Test func `an element takes along the namespaces it relies on`() throws {
        let geo =
            "<ce:event \(namespaces) xmlns:geo=\"http://g/?a=1&amp;b\" xmlns:no=\"urn:no\" specversion=\"1.0\">\(head)"
        func cut(_ element: String) throws -> String? {
            let text = geo + "<ce:data xsi:type=\"xs:any\">\(element)</ce:data></ce:event>"
            return try data(CloudEventXMLFormat.decode(Array(text.utf8)))
        }
        #expect(try cut("<geo:L/>") == "<geo:L xmlns:geo=\"http://g/?a=1&amp;b\"/>")
        #expect(try cut("<a><geo:L/></a>") == "<a xmlns:geo=\"http://g/?a=1&amp;b\"><geo:L/></a>")
        #expect(try cut("<geo:L xmlns:geo=\"urn:own\"/>") == "<geo:L xmlns:geo=\"urn:own\"/>")
        #expect(try cut("<a t=\"no:x\"/>") == "<a xmlns:no=\"urn:no\" t=\"no:x\"/>")
        #expect(try cut("<a t=\"http://x\"/>") == "<a t=\"http://x\"/>")
    }

    @Test(arguments: [
        "<!DOCTYPE a><a/>", "<a>&b;</a>", "<a", "<a>", "<a></b>", "<a/><b/>", "x<a/>", "<a/>x", "<a b=c/>",
        "<a b='c' b='d'/>",
        "<a b='<'/>", "<p:a/>", "<a p:b=''/>", "<a>]]></a>", "<a>&#0;</a>", "<a>&#xFFFE;</a>",
        "<a>&#xD800;</a>", "<a>&#+65;</a>",
        "<!-- -- --><a/>", "<a><?xml version='1.0'?></a>", "<1/>", "<a:/>", "<:a/>", "<a:b:c/>",
        "<a b='c'd='e'/>", "<a>\u{1}</a>",
        "<a>\u{FFFF}</a>", "<?xml version='1.1'?><a/>", "<?xml version='1.0' encoding='UTF-16'?><a/>",
        "<a xmlns:p=''/>", "< a/>",
        "<a xmlns:xmlns='u'/>", "<a xmlns:xml='u'/>", "<a xmlns:p='u' xmlns:q='u' p:x='' q:x=''/>",
        "<a><![CDATA[</a>", "",
        "<a xmlns='u' xmlns='v'/>", "<![CDATA[x]]><a/>", "<a>& </a>", "</a>", "<?xml?><a/>", "<a>&#;</a>",
        "<a>&#x;</a>",
    ])
    func `documents that are not well-formed, or use what is refused, are refused`(_ text: String) {
        let error = #expect(throws: CloudEventError.self) { try CloudEventXMLFormat.decode(Array(text.utf8)) }
        guard case .malformedXML = error?.rule else {
            Issue.record("\(text): \(String(describing: error))")
            return
        }
    }

    @Test func `nesting, attributes and namespaces are limited`() {
        func nested(_ depth: Int) -> String {
            "<ce:data xsi:type=\"xs:any\">" + String(repeating: "<a>", count: depth)
                + String(repeating: "</a>", count: depth) + "</ce:data>"
        }
        // Two levels are taken by event and data.
        #expect(rule(nested(126)) == nil)
        #expect(rule(nested(127)) != nil)
        #expect(rule(nested(100_000)) != nil)
        func attributes(_ count: Int) -> String {
            "<a " + (0..<count).map { "a\($0)='' " }.joined() + "/>"
        }
        #expect(rule(attributes(64)) == nil)
        #expect(rule(attributes(65)) != nil)
    }

    @Test func `XML data is written as an element only if it comes back unchanged`() throws {
        func encoded(_ text: String) throws -> String {
            let event = try CloudEvent(
                id: "1", source: "/", type: "t", dataContentType: "application/xml",
                data: CloudEventData(text: text))
            let bytes = try CloudEventXMLFormat.encode(event)
            #expect(try CloudEventXMLFormat.decode(bytes) == event)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(
            try encoded("<a xmlns=\"urn:a\"><b/></a>").contains(
                "\"xs:any\"><a xmlns=\"urn:a\"><b/></a></ce:data>"))
        for text in [
            "<ce:a/>", "<a/> ", "<?xml version=\"1.0\"?><a/>", "<a", "<a/><b/>", "<!--c--><a/>", "</ce:data>",
            "<a t='xs:s'/>",
            "<a></ce:data></ce:event></ce:batch><b></b>",
        ] {
            #expect(try encoded(text).contains("\"xs:string\""))
        }
        #expect(try encoded("\u{1}").contains("\"xs:base64Binary\""))
    }

    @Test func `an extension that starts with a digit cannot be written`() throws {
        let event = try CloudEvent(
            id: "1", source: "/", type: "t", extensions: CloudEventExtensions([("1a", 1)]))
        #expect(throws: CloudEventError(.notXMLName, attribute: "1a")) {
            try CloudEventXMLFormat.encode(event)
        }
    }

    @Test func `a batch tells which event is bad`() throws {
        let event = "<ce:event specversion=\"1.0\">\(head)</ce:event>"
        func batch(_ content: String) throws -> [CloudEvent] {
            try CloudEventXMLFormat.decodeBatch(Array("<ce:batch \(namespaces)>\(content)</ce:batch>".utf8))
        }
        #expect(try batch("").isEmpty)
        #expect(try batch(" \(event)\n<x/>\(event)<!-- -->").count == 2)
        let error = #expect(throws: CloudEventError.self) {
            try batch("\(event)<ce:event>\(head)</ce:event>")
        }
        #expect(error?.eventIndex == 1)
        #expect(error?.rule == .missing)
        #expect(throws: CloudEventError.self) { try batch("<ce:x/>") }
        #expect(throws: CloudEventError.self) { try batch("x") }
        #expect(throws: CloudEventError.self) {
            try CloudEventXMLFormat.decode(Array("<event specversion=\"1.0\"/>".utf8))
        }
    }
}
