// SPDX-License-Identifier: Apache-2.0

// What XML Schema accepts and refuses, told with place and rule.

import ApusXSD
import TestThreads
import Testing

/// A schema around declarations.
func schema(_ declarations: String, attributes: String = "") -> [UInt8] {
    Array(
        #"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" \#(attributes)>\#(declarations)</xs:schema>"#
            .utf8)
}

let orderSchema = schema(
    """
    <xs:element name="order"><xs:complexType><xs:sequence>
    <xs:element name="line" maxOccurs="unbounded"><xs:complexType><xs:sequence>
    <xs:element name="quantity" type="xs:positiveInteger"/><xs:element name="note" type="xs:string" minOccurs="0"/>
    </xs:sequence><xs:attribute name="sku" use="required"><xs:simpleType><xs:restriction base="xs:string">
    <xs:pattern value="[A-Z]{2}-\\d{4}"/></xs:restriction></xs:simpleType></xs:attribute></xs:complexType></xs:element>
    </xs:sequence></xs:complexType></xs:element>
    """)

@Suite(.ownThread) struct XSDTests {
    @Test func `a document that fits is accepted`() throws {
        let order = try XSDSchema(orderSchema)
        let document = #"<order><line sku="AB-1234"><quantity>2</quantity></line></order>"#
        #expect(try order.violations(Array(document.utf8)) == [])
    }

    @Test func `what is wrong is told with path, line and rule`() throws {
        let order = try XSDSchema(orderSchema)
        let document = """
            <order>
              <line sku="AB-1234"><quantity>2</quantity></line>
              <line sku="ab-1"><quantity>0</quantity>
                <note>x</note></line>
              <other/>
            </order>
            """
        let violations = try order.violations(Array(document.utf8))
        let found = violations.map { "\($0.path) \($0.line) \($0.rule)" }
        #expect(found.contains("/order/line[2] 3 cvc-pattern-valid"))
        #expect(found.contains("/order/line[2]/quantity 3 cvc-datatype-valid.1.2.1"), "\(violations)")
        #expect(found.contains("/order/other 5 cvc-complex-type.2.4"))
    }

    @Test func `no more violations are told than the limit`() throws {
        var limits = XSDLimits()
        limits.violations = 3
        let order = try XSDSchema(orderSchema, limits: limits)
        let lines = String(repeating: "<line><quantity>x</quantity></line>", count: 100)
        #expect(try order.violations(Array("<order>\(lines)</order>".utf8)).count == 3)
    }

    @Test func `a missing element is told at the element that lacks it`() throws {
        let order = try XSDSchema(orderSchema)
        let violations = try order.violations(Array("<order></order>".utf8))
        #expect(violations.map(\.path) == ["/order"])
        #expect(try order.violations(Array("<nothing/>".utf8)).map(\.rule) == ["cvc-elt.1"])
    }

    @Test func `namespaces, types named in documents and identity constraints hold`() throws {
        let text = schema(
            """
            <xs:complexType name="base"><xs:sequence><xs:element name="a" type="xs:date"/></xs:sequence></xs:complexType>
            <xs:complexType name="more"><xs:complexContent><xs:extension base="t:base"><xs:sequence>
            <xs:element name="b" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
            <xs:element name="r"><xs:complexType><xs:sequence><xs:element name="x" type="t:base" maxOccurs="9"/></xs:sequence>
            </xs:complexType><xs:unique name="u"><xs:selector xpath="t:x"/><xs:field xpath="t:a"/></xs:unique></xs:element>
            """,
            attributes: #"targetNamespace="urn:t" xmlns:t="urn:t" elementFormDefault="qualified""#)
        let compiled = try XSDSchema(text)
        func check(_ content: String) throws -> [String] {
            try compiled.violations(
                Array(
                    #"<r xmlns="urn:t" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">\#(content)</r>"#
                        .utf8)
            ).map(\.rule)
        }
        #expect(try check("<x><a>2026-01-02</a></x>") == [])
        #expect(try check(#"<x i:type="more"><a>2026-01-02</a><b>7</b></x>"#) == [])
        #expect(try check(#"<x><a>2026-01-02</a><b>7</b></x>"#) == ["cvc-complex-type.2.4"])
        #expect(try check("<x><a>2026-01-02</a></x><x><a>2026-01-02</a></x>") == ["cvc-identity-constraint"])
        #expect(try check("<x><a>2026-02-30</a></x>").first == "cvc-datatype-valid.1.2.1")
    }

    @Test func `references handed in are included and imported, also through each other`() throws {
        let main = schema(
            """
            <xs:include schemaLocation="part.xsd"/><xs:import namespace="urn:other" schemaLocation='other.xsd'/>
            <xs:import namespace="http://www.w3.org/XML/1998/namespace" schemaLocation="http://www.w3.org/2001/xml.xsd"/>
            <xs:element name="r"><xs:complexType><xs:sequence><xs:element name="p" type="code"/>
            <xs:element ref="o:thing"/></xs:sequence><xs:attribute ref="xml:lang"/></xs:complexType></xs:element>
            """, attributes: #"xmlns:o="urn:other""#)
        let references = [
            XSDReference(
                name: "part.xsd",
                bytes: schema(#"<xs:include schemaLocation="deep.xsd"/>"#)),
            XSDReference(
                name: "deep.xsd",
                bytes: schema(
                    #"<xs:simpleType name="code"><xs:restriction base="xs:string"><xs:length value="3"/></xs:restriction></xs:simpleType>"#
                )),
            XSDReference(
                name: "other.xsd",
                bytes: schema(
                    #"<xs:element name="thing" type="xs:boolean"/>"#,
                    attributes: #"targetNamespace="urn:other""#)),
        ]
        let compiled = try XSDSchema(main, references: references)
        let good = #"<r xml:lang="en"><p>abc</p><thing xmlns="urn:other">true</thing></r>"#
        #expect(try compiled.violations(Array(good.utf8)) == [])
        let bad = #"<r><p>abcd</p><thing xmlns="urn:other">maybe</thing></r>"#
        #expect(try compiled.violations(Array(bad.utf8)).count >= 2)
        #expect(throws: XSDError.self) { try XSDSchema(main, references: [references[0], references[2]]) }
    }

    @Test func `a schema that is wrong is refused with its line`() {
        let text = schema("\n<xs:element name='r' type='missing'/>")
        let error = #expect(throws: XSDError.self) { try XSDSchema(text) }
        guard case .notASchema(let reason, let line) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(line == 2)
        #expect(reason.contains("missing"))
        for text in ["", "<a/>", "{}", "<xs:schema/>"] {
            #expect(throws: XSDError.self) { try XSDSchema(Array(text.utf8)) }
        }
    }

    @Test func `a regular expression that is wrong prints nothing and is refused`() {
        for pattern in ["(", "[z-a]", "a{2,1}", #"\p{Nothing}"#] {
            let text = schema(
                "<xs:simpleType name='t'><xs:restriction base='xs:string'><xs:pattern value='\(pattern)'/></xs:restriction></xs:simpleType>"
            )
            #expect(throws: XSDError.self, "\(pattern)") { try XSDSchema(text) }
        }
    }

    @Test func `many threads judge by one schema`() async throws {
        let order = try XSDSchema(orderSchema)
        let good = Array(#"<order><line sku="AB-1234"><quantity>2</quantity></line></order>"#.utf8)
        let bad = Array(#"<order><line sku="AB-123"><quantity>2</quantity></line></order>"#.utf8)
        await withTaskGroup(of: Bool.self) { group in
            for index in 0..<8 {
                group.addTask {
                    (0..<200).allSatisfy {
                        (try? order.accepts($0 % 8 == index ? bad : good)) == ($0 % 8 != index)
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
