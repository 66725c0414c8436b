// SPDX-License-Identifier: Apache-2.0

// What is told of events that are not what their schema says.

import ApusModel
import Testing

@testable import ApusEngine
@testable import ApusHTTPGateway

@Suite struct SchemaDriftTests {
    private let now = RecorderBroker.created

    private func publisher(
        _ source: String, _ topic: ResourceName, _ events: Int64, ago: Duration
    ) -> InvalidPublisher {
        InvalidPublisher(
            source: source, topic: topic, events: events, reason: "/card: got '4711'",
            last: now.advanced(by: .zero - ago))
    }

    private func findings(
        _ publishers: [InvalidPublisher], _ settings: [ResourceName: SchemaSettings]
    ) -> [Finding] {
        SchemaDriftFindings.findings(publishers, now: now) { settings[$0] }
    }

    @Test func `each topic is told once, with what became of the events and what to do`() {
        let found = findings(
            [
                publisher("/till/7", "orders", 3, ago: .seconds(5)),
                publisher("/till/8", "orders", 4, ago: .seconds(50)),
                publisher("/web", "bills", 1, ago: .zero), publisher("/web", "carts", 2, ago: .zero),
            ],
            [
                "orders": SchemaSettings(.warn), "bills": SchemaSettings(.enforce),
                "carts": SchemaSettings(.enforce, quarantine: "odd"),
            ])
        #expect(found.map(\.subject) == ["topic bills", "topic carts", "topic orders"])
        #expect(
            found.map(\.text) == [
                "1 event was not as their schema has it, and refused; from one source",
                "2 events were not as their schema has it, and put aside in topic 'odd'; from one source",
                "7 events were not as their schema has it, and let pass; from 2 sources",
            ])
        #expect(found.map { $0.hint.contains("'apus schema infer --topic ") } == [false, false, true])
    }

    @Test func `what is over is not told, and never the data`() {
        let settings: [ResourceName: SchemaSettings] = [
            "orders": SchemaSettings(.warn), "quiet": SchemaSettings(.off),
        ]
        #expect(findings([publisher("/till", "orders", 3, ago: .seconds(3601))], settings).isEmpty)
        #expect(findings([publisher("/till", "gone", 3, ago: .zero)], settings).isEmpty)
        #expect(findings([publisher("/till", "quiet", 3, ago: .zero)], settings).isEmpty)
        let found = findings([publisher("/till", "orders", 3, ago: .seconds(3600))], settings)
        #expect(found.count == 1 && !found[0].text.contains("4711") && !found[0].hint.contains("4711"))
    }
}
