// SPDX-License-Identifier: Apache-2.0

// Schemas and documents that are made to do harm: each ends in an error that says why, soon.

import ApusXSD
import TestThreads
import Testing

@Suite(.ownThread) struct HostileXSDTests {
    private static func refusal(_ text: [UInt8]) -> XSDError? {
        do throws(XSDError) {
            _ = try XSDSchema(text)
            return nil
        } catch {
            return error
        }
    }

    private static func refusal(_ document: String, by schema: XSDSchema) -> XSDError? {
        do throws(XSDError) {
            _ = try schema.violations(Array(document.utf8))
            return nil
        } catch {
            return error
        }
    }

    private static func anything() throws -> XSDSchema {
        try XSDSchema(schema(#"<xs:element name="r" type="xs:anyType"/>"#))
    }

    private static func patternSchema(_ pattern: String) -> [UInt8] {
        schema(
            """
            <xs:simpleType name="t"><xs:restriction base="xs:string"><xs:pattern value="\(pattern)"/></xs:restriction></xs:simpleType>
            <xs:element name="a" type="t"/><xs:element name="l"><xs:simpleType><xs:list itemType="t"/></xs:simpleType></xs:element>
            """)
    }

    private static func isTooCostly(_ error: XSDError?) -> Bool {
        if case .tooCostly = error { return true }
        return false
    }

    @Test func `documents with document types are refused, whatever these declare`() throws {
        let compiled = try Self.anything()
        var entities = #"<!ENTITY a0 "ha">"#
        for index in 1...40 { entities += #"<!ENTITY a\#(index) "&a\#(index - 1);&a\#(index - 1);">"# }
        let documents = [
            "<!DOCTYPE r [\(entities)]><r>&a40;</r>",
            #"<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r>&f;</r>"#,
            #"<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd"><r/>"#,
            "<r>&unknown;</r>",
            #"<?xml version="1.0" encoding="UTF-16"?><r/>"#,
            #"<?xml version="1.0" encoding="ebcdic-cp-us"?><r/>"#,
        ]
        for document in documents {
            guard case .notXML = Self.refusal(document, by: compiled) else {
                Issue.record("accepted: \(document.prefix(60))")
                continue
            }
        }
        for document in documents.prefix(3) {
            let text = document.replacing(
                "<r", with: #"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><r"#)
            #expect(Self.refusal(Array(text.utf8)) != nil)
        }
    }

    @Test func `nesting of 100,000 elements is refused, in documents and in schemas`() throws {
        let compiled = try Self.anything()
        let deep = String(repeating: "<a>", count: 100_000)
        guard case .notXML(let reason, _) = Self.refusal("<r>" + deep, by: compiled) else {
            Issue.record("accepted")
            return
        }
        #expect(reason.contains("deep"))
        #expect(Self.refusal(schema(String(repeating: "<xs:sequence>", count: 60_000))) != nil)
    }

    @Test func `what is too large is refused before it is read`() throws {
        let compiled = try Self.anything()
        guard case .tooLarge = Self.refusal(String(repeating: " ", count: 2 << 20) + "<r/>", by: compiled),
            case .tooLarge = Self.refusal(schema(String(repeating: " ", count: 2 << 20)))
        else {
            Issue.record("accepted")
            return
        }
    }

    @Test func `files and addresses are never read`() throws {
        for kind in ["include", "import namespace='urn:x'", "redefine"] {
            for location in ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/a.xsd", "apus-xsd:0"] {
                let text = schema(#"<xs:\#(kind) schemaLocation="\#(location)"/><xs:element name="r"/>"#)
                guard case .reference = Self.refusal(text) else {
                    Issue.record("\(kind) of \(location) is not refused as a reference")
                    continue
                }
            }
        }
        // What a document says of where its schema is, is not looked at.
        let compiled = try Self.anything()
        let document = #"""
            <r xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:noNamespaceSchemaLocation="file:///etc/passwd"
            i:schemaLocation="urn:x file:///etc/passwd"><x xmlns="urn:x"/></r>
            """#
        #expect(try compiled.violations(Array(document.utf8)) == [])
    }

    @Test func `content models that take years to compile are refused`() {
        func nested(_ depth: Int, _ count: inout Int, _ occurs: String) -> String {
            guard depth > 0 else {
                count += 1
                return #"<xs:element name="e\#(count)" minOccurs="0"/>"#
            }
            let parts = nested(depth - 1, &count, occurs) + nested(depth - 1, &count, occurs)
            return "<xs:sequence \(occurs)>\(parts)</xs:sequence>"
        }
        var models: [String] = []
        var count = 0
        models.append(nested(7, &count, #"minOccurs="0" maxOccurs="unbounded""#))
        models.append(nested(6, &count, #"minOccurs="2" maxOccurs="5""#))
        models.append(
            "<xs:sequence>" + (0..<2000).map { #"<xs:element name="e\#($0)" minOccurs="0"/>"# }.joined()
                + "</xs:sequence>")
        models.append(#"<xs:group ref="g40"/>"#)
        var groups = #"<xs:group name="g0"><xs:sequence><xs:element name="x"/></xs:sequence></xs:group>"#
        for index in 1...40 {
            let one = #"<xs:group ref="g\#(index - 1)"/>"#
            groups += #"<xs:group name="g\#(index)"><xs:sequence>\#(one)\#(one)</xs:sequence></xs:group>"#
        }
        for model in models {
            let text = schema(
                #"<xs:element name="r"><xs:complexType>\#(model)</xs:complexType></xs:element>\#(groups)"#)
            #expect(Self.isTooCostly(Self.refusal(text)), "\(model.prefix(80))")
        }
        let chain = (1...1500).map {
            #"<xs:complexType name="t\#($0)"><xs:complexContent><xs:extension base="t\#($0 - 1)"><xs:sequence>"#
                + #"<xs:element name="x\#($0)"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>"#
        }
        guard case .tooLarge = Self.refusal(schema(#"<xs:complexType name="t0"/>"# + chain.joined())) else {
            Issue.record("a chain of 1,500 extensions is accepted")
            return
        }
    }

    @Test func `schemas that people write are not taken for those`() throws {
        let options = (0..<150).map {
            #"<xs:element name="e\#($0)" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>"#
        }
        let choices = (0..<300).map { #"<xs:element name="c\#($0)" type="xs:string"/>"# }
        let text = schema(
            """
            <xs:element name="a"><xs:complexType><xs:sequence>\(options.joined())</xs:sequence></xs:complexType></xs:element>
            <xs:element name="b"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">\(choices.joined())</xs:choice>
            </xs:complexType></xs:element>
            """)
        #expect(try XSDSchema(text).violations(Array("<b><c299/><c0/></b>".utf8)) == [])
    }

    @Test(arguments: [
        ("(a|aa)*b", String(repeating: "a", count: 400)),
        (#"\d+\d+\d+x"#, String(repeating: "1", count: 100_000)),
        (".*.*.*.*x", String(repeating: "a", count: 2_000)),
        ("(a*)*(a*)*(a*)*b", String(repeating: "a", count: 3_000)),
        ("(a{1,100}){1,19}b", String(repeating: "a", count: 1_000)),
    ]) func `regular expressions that would try too many ways are stopped before they begin`(
        pattern: String, value: String
    ) throws {
        let compiled = try XSDSchema(Self.patternSchema(pattern))
        #expect(Self.isTooCostly(Self.refusal("<a>\(value)</a>", by: compiled)))
        // The words of a list are values, too.
        #expect(Self.isTooCostly(Self.refusal("<l>b \(value)</l>", by: compiled)))
    }

    @Test func `usual regular expressions are not stopped`() throws {
        let patterns = [
            #"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"#:
                "somebody.of.note@mail.of.somewhere.example.org",
            #"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?"#: "2026-01-01T00:00",
            #"([a-z]+\.)*[a-z]+"#: "a.b.c",
            #"[\i-[:]][\c-[:]]*"#: "name",
            #"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*"#: "en-GB",
            #".{1,2000}"#: String(repeating: "x", count: 1900),
            #"[^&lt;\]]*"#: "[",
        ]
        for (pattern, value) in patterns {
            let compiled = try XSDSchema(Self.patternSchema(pattern))
            #expect(try compiled.violations(Array("<a>\(value)</a>".utf8)) == [], "\(pattern)")
            // A long text that has nothing to do with it.
            let prose = String(repeating: "Apus sleeps on the wing, and nobody knows how. ", count: 2_000)
            #expect(throws: Never.self, "\(pattern)") {
                try compiled.violations(Array("<a>\(prose)</a>".utf8))
            }
        }
    }

    @Test func `processor time is looked at between elements`() throws {
        var limits = XSDLimits()
        limits.processorTime = .zero
        let compiled = try XSDSchema(schema(#"<xs:element name="r" type="xs:anyType"/>"#), limits: limits)
        #expect(Self.isTooCostly(Self.refusal("<r><a/></r>", by: compiled)))
    }
}
