// SPDX-License-Identifier: Apache-2.0

import Apus
import ApusTesting
import ApusXML
import Foundation
import Testing

private struct Shipped: Event, Equatable {
    static let type = "com.example.order.shipped", topic = "shipments"
    static let codec: any EventCodec = XMLEventCodec(
        root: "shipped", namespace: "urn:shop", attributes: ["carrier"])

    enum Service: String, Codable { case express, standard }
    struct Weight: Codable, Equatable {
        @AsAttribute var unit: String
        @AsText var value: Double
    }

    @AsAttribute var orderID: String
    @AsAttribute var priority: Int?
    var carrier: String
    var service: Service
    var weight: Weight
    var parcels: [String]
    var note: String?
    var at: Date
    var label: Data
    var site: URL
    var total: Decimal
    var insured: Bool
    var token: UUID
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

private func reason(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "nothing"
    } catch let error as DecodingError {
        switch error {
        case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
            .valueNotFound(_, let context):
            return context.debugDescription
        @unknown default: return "\(error)"
        }
    } catch let error as EncodingError {
        if case .invalidValue(_, let context) = error { return context.debugDescription }
        return "\(error)"
    } catch { return "\(error)" }
}

@Suite struct XMLEventCodecTests {
    private static let token = UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))

    private static func shipped(note: String? = nil) throws -> Shipped {
        Shipped(
            orderID: "o-1", priority: nil, carrier: "post & co", service: .express,
            weight: .init(unit: "kg", value: 1.5), parcels: ["p-1", "<2>"], note: note,
            at: Date(timeIntervalSince1970: 1_795_678_200.25), label: Data([0, 255]),
            site: try #require(URL(string: "https://example.com/a?b=c")),
            total: try #require(Decimal(string: "12.10")), insured: true, token: token)
    }

    @Test func `fields are elements, attributes and text, as they say`() throws {
        let value = try Self.shipped()
        let document = try Shipped.codec.encode(value)
        #expect(
            text(document) == """
                <shipped xmlns="urn:shop" orderID="o-1" carrier="post &amp; co"><service>express</service>\
                <weight unit="kg">1.5</weight><parcels>p-1</parcels><parcels>&lt;2&gt;</parcels>\
                <at>2026-11-26T07:30:00.250Z</at><label>AP8=</label><site>https://example.com/a?b=c</site>\
                <total>12.1</total><insured>true</insured><token>01020304-0506-0708-090A-0B0C0D0E0F10</token></shipped>
                """)
        #expect(try Shipped.codec.decode(Shipped.self, from: document, contentType: "text/xml") == value)
    }

    @Test func `an event in XML goes over the bus and comes back`() async throws {
        let test = try await TestBus()
        let bus = Bus(testing: test)
        let consumer = try bus.consumer(group: "g") { Handle(Shipped.self) { _, _ in } }
        let sent = try Self.shipped(note: " a\r\n\tb ]]> ")
        try await test.running(consumer) {
            try await bus.publish(sent)
            try await test.settle()
        }
        let consumed = try test.consumed(Shipped.self)
        #expect(consumed.map(\.event) == [sent])
    }

    @Test func `lists are repeated or wrapped, and empty ones come back`() throws {
        struct Basket: Codable, Equatable {
            var items: [String]
            var rows: [[Int]]
            var more: [String: Int]?
        }
        let full = Basket(items: ["a", ""], rows: [[1, 2], []], more: ["x": 1])
        let empty = Basket(items: [], rows: [], more: nil)
        let repeated = XMLEventCodec()
        let wrapped = XMLEventCodec(arrays: .wrapped(item: "item"))
        #expect(
            text(try repeated.encode(full))
                == "<Basket><items>a</items><items/><rows><item>1</item><item>2</item></rows><rows/><more><x>1</x></more></Basket>"
        )
        #expect(text(try repeated.encode(empty)) == "<Basket/>")
        #expect(
            text(try wrapped.encode(full))
                == "<Basket><items><item>a</item><item/></items><rows><item><item>1</item><item>2</item></item><item/></rows><more><x>1</x></more></Basket>"
        )
        for codec in [repeated, wrapped] {
            for basket in [full, empty] {
                #expect(try codec.decode(Basket.self, from: codec.encode(basket), contentType: nil) == basket)
            }
            #expect(try codec.decode([Int].self, from: codec.encode([1, 2]), contentType: nil) == [1, 2])
        }
    }

    @Test func `documents of others are read by local name, with what they have beside`() throws {
        struct Note: Codable, Equatable {
            @AsAttribute var id: Int
            var body: String
            var isRead: Bool?
        }
        let codec = XMLEventCodec()
        let document = """
            <?xml version="1.0" encoding="UTF-8"?>
            <!-- from elsewhere -->
            <n:note xmlns:n="urn:n" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
              <n:id> 7 </n:id><other/>
              <n:body><![CDATA[<b>]]> &#x41;</n:body>
              <n:isRead xsi:nil="true"/>
            </n:note>
            """
        let note = try codec.decode(Note.self, from: Array(document.utf8), contentType: nil)
        #expect(note == Note(id: 7, body: "<b> A", isRead: nil))
    }

    @Test func `what cannot be read is told with line, place and what was expected`() throws {
        struct Line: Codable { var price: Double, count: UInt8 }
        struct Order: Codable { var lines: [Line] }
        func reading(_ document: String, as codec: XMLEventCodec = XMLEventCodec()) -> String {
            reason { _ = try codec.decode(Order.self, from: Array(document.utf8), contentType: nil) }
        }
        #expect(
            reading(
                "<order>\n<lines><price>1</price><count>2</count></lines>\n<lines>\n<price>x</price></lines></order>"
            )
                == "line 4, lines/1/price: 'x' is not a number")
        #expect(
            reading("<order>\n<lines><price>1</price><count>256</count></lines></order>")
                == "line 2, lines/0/count: '256' is not a whole number that UInt8 holds")
        #expect(reading("<order>\n<lines><price>1</price></lines></order>") == "line 2: 'lines' has no count")
        #expect(
            reading("<order>\n<lines><price><a/></price></lines></order>")
                == "line 2, lines/0/price: 'price' has elements in it where text is expected")
        #expect(reading("<order>\n</ordre>") == "line 2: an end tag does not match the start tag")
        #expect(reading("") == "there is no data")
        #expect(
            reading("<!DOCTYPE order [<!ENTITY a \"b\">]><order/>")
                == "line 1: document type declarations are not accepted")
        #expect(reading("<order>&a;</order>") == "line 1: the reference &a; is not known")
        #expect(
            reading("<order xmlns='urn:a'/>", as: XMLEventCodec(namespace: "urn:b"))
                == "line 1: the document is in the namespace 'urn:a', not 'urn:b'")
        #expect(
            reading(String(repeating: "<a>", count: 101))
                == "line 1: nested deeper than 100 elements")
        #expect(
            reading("<a>" + String(repeating: "<b/>", count: 100_000) + "</a>")
                == "line 1: more than 100000 elements")
        #expect(
            reason { _ = try XMLEventCodec().decode(Order.self, from: [1], contentType: "application/json") }
                == "the data is application/json, not XML")
    }

    @Test func `what XML cannot hold is refused when it is written`() {
        struct Odd: Codable {
            var texts: [String?] = []
            var byName: [String: String] = [:]
            @AsAttribute var list: [Int]? = nil
        }
        func writing(_ odd: Odd) -> String { reason { _ = try XMLEventCodec().encode(odd) } }
        #expect(
            writing(Odd(texts: [nil]))
                == "Odd: there is no value for 'texts', and XML cannot say nil in a list")
        #expect(writing(Odd(texts: ["a\u{1}"])) == "Odd/texts: the character U+1 cannot be in XML")
        #expect(writing(Odd(byName: ["1 a": ""])) == "Odd/byName: '1 a' cannot be a name in XML")
        #expect(
            writing(Odd(list: [1]))
                == "Odd: 'list' is more than one value, which an attribute or a text cannot hold")
    }

    @Test func `a value that nests without end is refused and not followed`() {
        final class Node: Encodable { var next: Node? }
        let node = Node()
        node.next = node
        #expect(reason { _ = try XMLEventCodec().encode(node) } == "nested deeper than 100 elements")
        node.next = nil
    }
}
