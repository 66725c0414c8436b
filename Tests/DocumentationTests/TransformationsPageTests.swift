// SPDX-License-Identifier: Apache-2.0

// The page about transformations: its limits are those of the code, its examples are accepted and come out as it says.

import ApusTransform
import CloudEvents
import JSONText
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct TransformationsPageTests {
    private func page() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs/transformations.md"), encoding: .utf8)
    }

    /// The JSON examples, in order.
    private func examples() throws -> [JSONValue] {
        try page().split(separator: "```json\n").dropFirst().map { part in
            try JSONValue(parsing: String(part.split(separator: "```").first ?? ""))
        }
    }

    private func apply(_ transformation: JSONValue, _ data: String) throws -> CloudEvent {
        let event = try CloudEvent(
            id: "1", source: "/s", type: "order.placed", dataContentType: "application/json",
            extensions: CloudEventExtensions([("tenant", "t"), ("internalref", "r")]),
            data: CloudEventData(text: data))
        return try Transformation(transformation).apply(
            to: event,
            in: TransformationContext(
                rule: "r", topic: "orders", arrived: CloudEventTimestamp(millisecondsSinceEpoch: 0)))
    }

    @Test func `the limits are the defaults`() throws {
        let page = try page().replacing(",", with: "")
        let limits = TransformationLimits()
        for (name, value) in [
            ("length of the transformation's text", limits.textBytesMax), ("variables", limits.variablesMax),
            ("length of a variable's name", limits.variableNameBytesMax),
            ("length of a path", limits.pathBytesMax), ("steps of a path", limits.pathStepsMax),
            ("length of a template or constant", limits.templateBytesMax),
            ("nesting of a template", limits.templateDepthMax),
            ("changes of attributes", limits.attributesMax),
            ("length of what comes out", limits.outputBytesMax),
        ] {
            #expect(page.contains("| \(name) | \(value)"), "\(name)")
        }
    }

    @Test func `the examples come out as the page says`() throws {
        let examples = try examples()
        #expect(examples.count == 3)
        let first = try #require(examples[0]["targets"]?.array?.first?["transformation"])
        let result = try apply(
            first, #"{"customer": {"name": "Ada"}, "total": 99.50, "items": [{"sku": "a"}, {"sku": "b"}]}"#)
        let text = try #require(result.data?.text)
        #expect(try page().contains("`\(text)`"))
        #expect(result.type == "mail.order")
        let xml = try apply(examples[1], #"{"sku": "a&b", "name": "<x>"}"#)
        #expect(xml.data?.text == #"<item sku="a&amp;b">&lt;x&gt;</item>"#)
        let changed = try apply(examples[2], #"{"region": "eu"}"#)
        #expect(changed.type == "order.eu")
        #expect(changed.subject == "orders/eu")
        #expect(changed.extensions == (try CloudEventExtensions([("customer", "t")])))
    }
}
