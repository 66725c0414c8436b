// SPDX-License-Identifier: Apache-2.0

// Properties: any valid event survives every format and binding, and no bytes crash a decoder.

import CloudEvents
import TestThreads
import Testing

@Suite(.ownThread) struct RoundTripTests {
    private static let seeds = Array(UInt64(1)...8)
    private static let eventsPerSeed = casesToTry(of: 150)

    private func forEachEvent(_ seed: UInt64, _ body: (CloudEvent, inout SplitMix64) throws -> Void) throws {
        var generator = SplitMix64(state: seed)
        for _ in 0..<Self.eventsPerSeed { try body(try generator.event(), &generator) }
    }

    /// JSON data loses the white space around it in JSON; nothing else changes.
    private func trimmed(_ event: CloudEvent) -> CloudEvent {
        var event = event
        if event.data?.bytes == Array(" {} ".utf8) { event.data = CloudEventData(text: "{}") }
        return event
    }

    @Test(arguments: seeds) func `events survive JSON`(_ seed: UInt64) throws {
        try forEachEvent(seed) { event, _ in
            let expected = trimmed(try event.withJSONExtensions())
            #expect(try CloudEventJSONFormat.decode(CloudEventJSONFormat.encode(event)) == expected)
        }
    }

    @Test(arguments: seeds) func `batches survive JSON and XML`(_ seed: UInt64) throws {
        var generator = SplitMix64(state: seed)
        let events = try (0..<20).map { _ in try generator.event() }
        let expected = try events.map { trimmed(try $0.withJSONExtensions()) }
        #expect(try CloudEventJSONFormat.decodeBatch(CloudEventJSONFormat.encodeBatch(events)) == expected)
        #expect(try CloudEventXMLFormat.decodeBatch(CloudEventXMLFormat.encodeBatch(events)) == events)
    }

    @Test(arguments: seeds) func `events survive XML with all their types`(_ seed: UInt64) throws {
        try forEachEvent(seed) { event, _ in
            let decoded = try CloudEventXMLFormat.decode(CloudEventXMLFormat.encode(event))
            #expect(decoded == event)
        }
    }

    @Test(arguments: seeds) func `events survive HTTP headers`(_ seed: UInt64) throws {
        try forEachEvent(seed) { event, _ in
            let message = CloudEventHTTPBinding.encode(event)
            for header in message.headers where header.name.hasPrefix("ce-") {
                #expect(header.value.utf8.allSatisfy { (0x21...0x7E).contains($0) })
            }
            switch try CloudEventHTTPBinding.decode(message) {
            case .binary(let decoded):
                var expected = try event.withTextExtensions()
                if expected.data?.bytes.isEmpty == true { expected.data = nil }
                #expect(decoded == expected)
            case .structured(let decoded):
                #expect(event.dataContentType == "application/cloudevents+json")
                #expect(try decoded == trimmed(event.withJSONExtensions()))
            case .batch: Issue.record("one event became a batch")
            }
        }
    }

    @Test(arguments: seeds) func `events survive Kafka records, byte for byte`(_ seed: UInt64) throws {
        try forEachEvent(seed) { event, _ in
            let message = CloudEventKafkaBinding.encode(event)
            let isStructured = event.dataContentType == "application/cloudevents+json"
            let expected = try isStructured ? event.withJSONExtensions() : event.withTextExtensions()
            #expect(try CloudEventKafkaBinding.decode(message) == expected)
        }
    }

    @Test(arguments: seeds) func `mutated bytes decode or throw`(_ seed: UInt64) throws {
        try forEachEvent(seed) { event, generator in
            var json = CloudEventJSONFormat.encode(event)
            var xml = try CloudEventXMLFormat.encode(event)
            var kafka = CloudEventKafkaBinding.encode(event)
            for _ in 0..<4 {
                generator.mutate(&json)
                generator.mutate(&xml)
                let header = generator.below(kafka.headers.count)
                generator.mutate(&kafka.headers[header].value)
            }
            // A decoder accepts only what it can write and read again.
            if let decoded = try? CloudEventJSONFormat.decode(json) {
                #expect(try CloudEventJSONFormat.decode(CloudEventJSONFormat.encode(decoded)) == decoded)
            }
            if let decoded = try? CloudEventXMLFormat.decode(xml) {
                #expect(try CloudEventXMLFormat.decode(CloudEventXMLFormat.encode(decoded)) == decoded)
            }
            if let decoded = try? CloudEventKafkaBinding.decode(kafka) {
                #expect(throws: Never.self) { try decoded.validate() }
            }
        }
    }

    @Test func `random bytes and header values decode or throw`() {
        var generator = SplitMix64(state: 99)
        for _ in 0..<casesToTry(of: 3_000) {
            let bytes = generator.bytes()
            _ = try? CloudEventJSONFormat.decode(bytes)
            _ = try? CloudEventJSONFormat.decodeBatch([0x5B] + bytes)
            _ = try? CloudEventXMLFormat.decode(bytes)
            _ = try? CloudEventXMLFormat.decode([0x3C] + bytes)
            bytes.withUnsafeBytes { bytes in
                for name in ["ce-id", "ce-time", "ce-source", "ce-dataschema", "content-type", "ce-x"] {
                    Array(name.utf8).withUnsafeBytes { name in
                        var decoder = CloudEventHTTPDecoder()
                        try? decoder.header(name: name, value: bytes)
                        var reversed = CloudEventHTTPDecoder()
                        try? reversed.header(name: bytes, value: name)
                    }
                }
            }
        }
    }
}

extension SplitMix64 {
    fileprivate mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let place = below(bytes.count)
        switch below(3) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &self)
        case 1: bytes.remove(at: place)
        default: bytes.insert(pick(Array(#"{}[]",:<>/&;%= \0"#.utf8)), at: place)
        }
    }
}
