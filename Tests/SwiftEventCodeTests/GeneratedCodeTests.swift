// SPDX-License-Identifier: Apache-2.0

// The files in Generated/ are what the generator makes of Schemas/, and events of them go through JSON and back as the schema has them.

import Apus
import JSONSchema
import JSONText
import SwiftEventCode
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

private func file(_ path: String) throws -> String {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    return try String(contentsOf: folder.appending(path: path), encoding: .utf8)
}

private let example: [String: SwiftEventCode.Options] = {
    var order = SwiftEventCode.Options(name: "OrderPlaced", type: "com.shop.order.placed", topic: "orders")
    order.version = 2
    order.key = "order_id"
    var sensor = SwiftEventCode.Options(name: "SensorRead", type: "com.plant.sensor.read", topic: "sensors")
    sensor.isPublic = false
    return ["OrderPlaced": order, "SensorRead": sensor]
}()

@Suite("Events written from schemas")
struct GeneratedCodeTests {
    /// With `APUS_WRITE_GENERATED=1` the files are written anew.
    @Test("are in step with the generator", arguments: ["OrderPlaced", "SensorRead"])
    func step(name: String) throws {
        let schema = try JSONValue(parsing: try file("Schemas/\(name).json"))
        let text = try SwiftEventCode.generate(schema, options: try #require(example[name]))
        let path = "Generated/\(name).swift"
        let licence = "// SPDX-License-Identifier: Apache-2.0\n\n"
        if ProcessInfo.processInfo.environment["APUS_WRITE_GENERATED"] == "1" {
            let folder = URL(filePath: #filePath).deletingLastPathComponent()
            try Data((licence + text).utf8).write(to: folder.appending(path: path))
        }
        #expect(try file(path) == licence + text)
        #expect(try SwiftEventCode.generate(schema, options: try #require(example[name])) == text)
    }

    @Test("go through JSON and back, and their schema accepts them")
    func roundTrip() throws {
        let order = OrderPlaced(
            orderId: "123e4567-e89b-12d3-a456-426614174000", total: 12.5, state: .inDelivery,
            priority: .minus1,
            note: nil, keyValue: true,
            lines: [
                OrderPlaced.OrderLine(
                    sku: "a", quantity: 2, parts: [OrderPlaced.OrderLine(sku: "b", quantity: 1)])
            ],
            payment: .invoice(OrderPlaced.Invoice(kind: .prepaid, days: 14)), reference: .integer(7),
            labels: ["gift": "yes"], class: "x",
            extra: .object(["a": .array([.null, .bool(true), .integer(1), .number(1.5), .string("s")])]),
            address: OrderPlaced.Address(city: "Bern", _2ndLine: "c/o", street: "Gasse"))
        let bytes = try JSONEncoder().encode(order)
        #expect(try JSONDecoder().decode(OrderPlaced.self, from: bytes) == order)
        let value = try JSONValue(parsing: bytes)
        #expect(value["note"] == .null)
        #expect(value["shadow"] == nil)
        #expect(value["order_id"] == "123e4567-e89b-12d3-a456-426614174000")
        #expect(value["key"] == true)
        let validator = try Schema.compile(Array(try file("Schemas/OrderPlaced.json").utf8))
        #expect(try validator.violations([UInt8](bytes)) == [])
        #expect(order.key == order.orderId)
        #expect(OrderPlaced.type == "com.shop.order.placed")
        #expect(OrderPlaced.version == 2)
        let text = #"{"kind":"card","number":"1"}"#
        let payment = try JSONDecoder().decode(OrderPlaced.Payment.self, from: Data(text.utf8))
        #expect(payment == .card(OrderPlaced.Card(kind: .card, number: "1")))
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(OrderPlaced.Payment.self, from: Data(#"{"kind":"cash"}"#.utf8))
        }
    }

    @Test("without public access, too")
    func sensor() throws {
        let read = SensorRead(sensor: "s1", values: [1, 2.5])
        let bytes = try JSONEncoder().encode(read)
        #expect(try JSONDecoder().decode(SensorRead.self, from: bytes) == read)
        #expect(read.key == nil)
    }

    @Test(
        "are refused where Swift has no counterpart, with the place",
        arguments: [
            (#"{"type":"string"}"#, "#"),
            (#"{"properties":{"a":{"type":["string","integer"]}}}"#, "#/properties/a/type"),
            (
                #"{"properties":{"a":{"oneOf":[{"type":"object"},{"type":"object"}]}}}"#,
                "#/properties/a/oneOf"
            ),
            (#"{"properties":{"a":{"prefixItems":[true],"type":"array"}}}"#, "#/properties/a"),
            (
                #"{"properties":{"a":{"patternProperties":{"x":{"type":"string"}},"type":"object"}}}"#,
                "#/properties/a/patternProperties"
            ),
            (#"{"properties":{"a":{"enum":["x",1]}}}"#, "#/properties/a/enum"),
            (##"{"properties":{"a":{"$ref":"#"}}}"##, "#"),
            (#"{"properties":{"a":{}},"additionalProperties":{"type":"string"}}"#, "#/additionalProperties"),
            (#"{"properties":{"a":{"type":"null"}}}"#, "#/properties/a/type"),
            (#"{"type":"text"}"#, "#/type"),
        ])
    func refused(schema: String, place: String) throws {
        let value = try JSONValue(parsing: schema)
        let error = #expect(throws: SwiftCodeError.self) {
            try SwiftEventCode.generate(
                value, options: SwiftEventCode.Options(name: "A", type: "a", topic: "a"))
        }
        #expect(error?.location == place, "\(String(describing: error))")
    }

    @Test("give their schema back by samples")
    func samples() throws {
        let full = SensorRead(sensor: "s1", values: [1, 2.5], ok: true)
        let bare = SensorRead(sensor: "s2", values: [])
        let schema = try EventSchema.of([full, bare])
        #expect(
            schema
                == (try JSONValue(
                    parsing:
                        #"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"ok":{"type":"boolean"},"sensor":{"type":"string"},"values":{"type":"array","items":{"type":"number"}}},"required":["sensor","values"]}"#
                )))
        for sample in [full, bare] {
            #expect(try Schema.compile(schema).isValid([UInt8](JSONEncoder().encode(sample))))
        }
    }

    @Test("names that are keywords, alike, or no names at all get others")
    func names() throws {
        let schema = try JSONValue(
            parsing:
                #"{"properties":{"a-b":{"type":"string"},"aB":{"type":"string"},"":{"type":"string"},"é":{"type":"string"},"in":{"type":"string"},"String":{"type":"object","properties":{"x":{"type":"string"}}}}}"#
        )
        let text = try SwiftEventCode.generate(
            schema, options: SwiftEventCode.Options(name: "A", type: "a", topic: "a"))
        for line in [
            "case aB = \"a-b\"", "case aB2 = \"aB\"", "case value = \"\"", "case value2 = \"é\"", "case `in`",
            "public var string: String2?", "public struct String2: Codable, Sendable, Hashable {",
        ] {
            #expect(text.contains(line), "\(line): \(text)")
        }
    }
}
