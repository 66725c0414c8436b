// SPDX-License-Identifier: Apache-2.0

// The rules for attributes, both sides of each (specification, sections 3.1 to 3.4).

import CloudEvents
import Testing

private func rule(_ body: () throws -> Void) -> CloudEventError.Rule? {
    do {
        try body()
        return nil
    } catch {
        return (error as? CloudEventError)?.rule
    }
}

@Suite struct AttributeRuleTests {
    @Test func `required attributes must not be empty`() {
        #expect(rule { _ = try CloudEvent(id: "1", source: "/", type: "t") } == nil)
        #expect(rule { _ = try CloudEvent(id: "", source: "/", type: "t") } == .empty)
        #expect(rule { _ = try CloudEvent(id: "1", source: "", type: "t") } == .empty)
        #expect(rule { _ = try CloudEvent(id: "1", source: "/", type: "") } == .empty)
        #expect(rule { _ = try CloudEvent(id: "1", source: "/", type: "t", subject: "") } == .empty)
        #expect(rule { _ = try CloudEvent(id: "1", source: "/", type: "t", dataSchema: "") } == .empty)
        #expect(rule { _ = try CloudEvent(id: "1", source: "/", type: "t", dataContentType: "") } == .empty)
    }

    @Test(arguments: ["\u{0}", "\u{1F}", "\u{7F}", "\u{80}", "\u{9F}", "abcdefgh\u{85}"])
    func `control characters are refused`(_ text: String) {
        #expect(rule { _ = try CloudEvent(id: text, source: "/", type: "t") } == .controlCharacter)
    }

    @Test(arguments: [0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF] as [UInt32])
    func `noncharacters are refused`(_ value: UInt32) throws {
        let text = String(Character(try #require(Unicode.Scalar(value))))
        #expect(rule { _ = try CloudEvent(id: "12345678" + text, source: "/", type: "t") } == .noncharacter)
    }

    @Test(arguments: [
        " ", "~", "\u{A0}", "\u{FDCF}", "\u{FDF0}", "\u{FFFD}", "\u{10FFFD}", "\u{E000}", "\u{D7FF}",
    ])
    func `characters next to the forbidden ones are accepted`(_ text: String) {
        #expect(rule { _ = try CloudEvent(id: "1234567" + text, source: "/", type: "t") } == nil)
    }

    @Test(arguments: [
        "/", "a", "a/b:c", "?", "#", "http://h", "http://h:80/p?q#f", "urn:a:b", "//h", "//u:p@h:1/",
        "http://[::1]/", "%41",
        "a%2Fb", "1-555", "/a?b?c/d", "/a#b?c", "x:/[".dropLast().description, "http://h:", "@", "./a:b",
        "!$&'()*+,;=",
    ])
    func `URI-references are accepted as source`(_ text: String) {
        #expect(rule { _ = try CloudEvent(id: "1", source: text, type: "t") } == nil)
    }

    @Test(arguments: [
        " ", "a b", "a\\b", "<a>", "\"", "^", "`", "{x}", "|", "%", "%4", "%4G", "a#b#c", ":a", "1:2",
        "a_b:c", "é",
        "http://[::1", "http://::1]/", "http://h:8a/", "/[", "?]", "http://a[b]/", "http://[]/", "//h:1:2/",
    ])
    func `other text is refused as source`(_ text: String) {
        #expect(rule { _ = try CloudEvent(id: "1", source: text, type: "t") } == .notURIReference)
    }

    @Test func `a schema needs a scheme`() {
        #expect(rule { _ = try CloudEvent(id: "1", source: "/", type: "t", dataSchema: "a:b") } == nil)
        for text in ["/a", "a", "//h/a", "a/b:c", ":", "1a:b"] {
            #expect(rule { _ = try CloudEvent(id: "1", source: "/", type: "t", dataSchema: text) } == .notURI)
        }
    }

    @Test(arguments: [
        "a/b", "text/plain;charset=utf-8", "TEXT/Plain ; CharSet=\"utf-8\"",
        "application/x; a=b; c=\"d;\\\"e\"",
        "application/vnd.a+json", "a/b; c=d ",
    ])
    func `media types are accepted`(_ text: String) {
        #expect(rule { _ = try CloudEvent(id: "1", source: "/", type: "t", dataContentType: text) } == nil)
    }

    @Test(arguments: [
        "a", "a/", "/b", "a/b/c", "a b/c", "a/b;", "a/b; c", "a/b; c=", "a/b; =d", "a/b; c=\"d", "a/b; c=d e",
        "a/b c=d",
        "a/b, c/d", " a/b", "a/é",
    ])
    func `other text is refused as media type`(_ text: String) {
        #expect(
            rule { _ = try CloudEvent(id: "1", source: "/", type: "t", dataContentType: text) }
                == .notMediaType)
    }

    @Test func `content types tell the kind of data`() throws {
        func kind(_ type: String?) throws -> CloudEventDataKind {
            try CloudEvent(id: "1", source: "/", type: "t", dataContentType: type).dataKind
        }
        for type in ["application/json", "text/JSON; x=y", "a/vnd.b+json"] {
            #expect(try kind(type) == .json)
        }
        for type in ["application/xml", "text/xml", "image/svg+xml"] { #expect(try kind(type) == .xml) }
        #expect(try kind("text/plain") == .text)
        for type in [nil, "application/jsonx", "application/x-json", "a/+jso", "image/png"] {
            #expect(try kind(type) == .binary)
        }
    }

    @Test func `a changed event can be validated again`() throws {
        var event = try CloudEvent(id: "1", source: "/", type: "t")
        event.subject = ""
        let error = #expect(throws: CloudEventError.self) { try event.validate() }
        #expect(error?.attribute == "subject")
        #expect(
            error?.description == "subject must not be empty, found \"\" [CloudEvents, Context Attributes]")
    }

    @Test func `an error shows the beginning of a long value`() {
        let error = #expect(throws: CloudEventError.self) {
            try CloudEvent(id: "1", source: String(repeating: " ", count: 1000), type: "t")
        }
        #expect(error?.seen?.count == 64)
    }
}

@Suite struct ExtensionTests {
    @Test(arguments: ["a", "z0", "0", "abcdefghijklmnopqrstuvwxyz0123456789"])
    func `names of small letters and digits are accepted`(_ name: String) {
        #expect(rule { _ = try CloudEventExtensions([(name, 1)]) } == nil)
    }

    @Test(arguments: ["A", "a_b", "a-b", "a b", "é", "a.b", "a/", "`", "{", ":", "@", "["])
    func `other names are refused`(_ name: String) {
        #expect(rule { _ = try CloudEventExtensions([(name, 1)]) } == .invalidName)
    }

    @Test(arguments: [
        "id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "data",
    ])
    func `names of the specification are refused`(_ name: String) {
        #expect(rule { _ = try CloudEventExtensions([(name, 1)]) } == .reservedName)
    }

    @Test func `values follow the rule of their type`() {
        #expect(rule { _ = try CloudEventExtensions([("", 1)]) } == .empty)
        #expect(rule { _ = try CloudEventExtensions([("a", "")]) } == nil)
        #expect(rule { _ = try CloudEventExtensions([("a", "\n")]) } == .controlCharacter)
        #expect(rule { _ = try CloudEventExtensions([("a", .uri("/x"))]) } == .notURI)
        #expect(rule { _ = try CloudEventExtensions([("a", .uriReference("a b"))]) } == .notURIReference)
        #expect(rule { _ = try CloudEventExtensions([("a", 1), ("a", 2)]) } == .duplicate)
    }

    @Test func `attributes are kept by name, replaced and removed`() throws {
        var extensions = try CloudEventExtensions([("b", 1), ("c", true), ("a", "x")])
        #expect(extensions.map(\.name) == ["a", "b", "c"])
        #expect(try extensions == CloudEventExtensions([("a", "x"), ("c", true), ("b", 1)]))
        try extensions.set("b", to: "y")
        try extensions.set("c", to: nil)
        #expect(extensions.map(\.value) == ["x", "y"])
        #expect(extensions["b"] == "y")
        #expect(extensions["z"] == nil)
    }

    @Test func `documented extensions read typed values and text alike`() throws {
        let instant = CloudEventTimestamp(millisecondsSinceEpoch: 1_000)
        var typed = CloudEventExtensions()
        try typed.set(.sampledRate, to: 30)
        try typed.set(.expiryTime, to: instant)
        try typed.set(.deprecated, to: true)
        try typed.set(.verificationMaterial, to: [1, 2, 3])
        try typed.set(.dataReference, to: "/claim/1")
        try typed.set(.traceParent, to: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        let text = try CloudEventExtensions(typed.map { ($0.name, .string($0.value.text)) })
        for extensions in [typed, text] {
            #expect(extensions[.sampledRate] == 30)
            #expect(extensions[.expiryTime] == instant)
            #expect(extensions[.deprecated] == true)
            #expect(extensions[.verificationMaterial] == [1, 2, 3])
            #expect(extensions[.dataReference] == "/claim/1")
            #expect(extensions[.traceParent]?.hasPrefix("00-") == true)
            #expect(extensions[.partitionKey] == nil)
        }
    }

    @Test func `values outside the documented range read as absent`() throws {
        #expect(try CloudEventExtensions([("sampledrate", 0)])[.sampledRate] == nil)
        #expect(try CloudEventExtensions([("sampledrate", "01")])[.sampledRate] == nil)
        #expect(try CloudEventExtensions([("severitynumber", 0)])[.severityNumber] == 0)
        #expect(try CloudEventExtensions([("severitynumber", -1)])[.severityNumber] == nil)
        #expect(try CloudEventExtensions([("deprecated", "True")])[.deprecated] == nil)
        #expect(throws: CloudEventError.self) {
            var extensions = CloudEventExtensions()
            try extensions.set(.deprecationMigration, to: "not absolute")
        }
    }
}
