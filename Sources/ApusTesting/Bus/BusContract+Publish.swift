// SPDX-License-Identifier: Apache-2.0

// What is promised of publishing, and of events on their way.

import ApusBus
import CloudEvents

extension BusContract {
    static let publishing = [
        Promise("one receipt for each event, in order") { run in
            let receipts = try await run.bus.publish(run.events(0..<5), to: run.topic())
            try expect(receipts.count == 5, "5 receipts, not \(receipts.count)")
            try expect(receipts.allSatisfy { $0.topic == run.topic() }, "they name the topic")
            let durability = run.bus.capabilities.durability
            try expect(
                receipts.allSatisfy { $0.durability == durability },
                "they promise \(durability): \(receipts.map(\.durability))")
            let none = try await run.bus.publish([], to: run.topic())
            try expect(none.isEmpty, "no receipt for no event")
        },
        Promise("receipts say where an event is", needs: .offsets) { run in
            let subscription = run.subscription()
            let receiver = try await run.bus.subscribe(subscription)
            let receipts = try await run.bus.publish(run.events(0..<5), to: run.topic())
            let taken = try await run.take(5, from: receiver)
            for event in taken {
                guard let index = Int(event.event.id) else { continue }
                try expect(
                    event.partition == receipts[index].partition && event.offset == receipts[index].offset,
                    "event \(index) is at \(receipts[index]), not at \(event.partition ?? -1)/\(event.offset ?? -1)"
                )
            }
        },
        Promise("an event that is published twice is recognised", needs: .deduplication) { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            let first = try await run.bus.publish([run.event("1")], to: run.topic())
            let second = try await run.bus.publish([run.event("1")], to: run.topic())
            try expect(first.first?.isDuplicate == false, "the first is none")
            if run.features.contains(.offsets) {
                try expect(
                    second.first?.isDuplicate == true && second.first?.offset == first.first?.offset,
                    "the second is told the place of the first: \(second)")
            }
            _ = try await run.bus.publish([run.event("2")], to: run.topic())
            try expectSame(try await run.take(2, from: receiver), ["1", "2"])
        },
        Promise("an event that is too large is refused by size") { run in
            guard let limit = run.bus.capabilities.eventBytesMax, limit <= 64 << 20 else { return }
            let large = try run.event("large", data: CloudEventData([UInt8](repeating: 1, count: limit + 1)))
            try await expectError("an event beyond \(limit) bytes is too large") {
                if case .tooLarge = $0 { true } else { false }
            } _: {
                _ = try await run.bus.publish([large], to: run.topic())
            }
        },
        Promise("a topic without a name is refused") { run in
            try await expectError("an empty name is invalid") {
                if case .invalid = $0 { true } else { false }
            } _: {
                _ = try await run.bus.publish([run.event("1")], to: "")
            }
        },
    ]

    static let roundTrips = [
        Promise("events arrive as they were published") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            let samples = try run.samples()
            _ = try await run.bus.publish(samples, to: run.topic())
            let taken = try await run.take(samples.count, from: receiver)
            try expectSame(taken, samples.map(\.id))
            for sample in samples {
                guard let event = taken.first(where: { $0.event.id == sample.id }) else { continue }
                try expect(event.problem == nil, "\(sample.id) is whole: \(event.problem ?? "")")
                try expect(event.topic == run.topic(), "\(sample.id) says its topic, not \(event.topic)")
                try expect(event.attempt == 1, "\(sample.id) comes for the first time: \(event.attempt)")
                try expectSame(event.event, sample)
            }
        },
        Promise("large events arrive whole") { run in
            let receiver = try await run.bus.subscribe(run.subscription())
            let size = min(1 << 20, (run.bus.capabilities.eventBytesMax ?? .max) / 2)
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            let events = try (0..<5).map { try run.event("\($0)", data: CloudEventData(bytes)) }
            for event in events { _ = try await run.bus.publish([event], to: run.topic()) }
            let taken = try await run.take(5, from: receiver)
            try expectSame(taken, ["0", "1", "2", "3", "4"])
            for event in taken {
                try expect(event.event.data?.bytes == bytes, "event \(event.event.id) has all its bytes")
            }
        },
    ]

    /// The same event, as far as every binding keeps it: extensions may have become text, and empty data none.
    private static func expectSame(_ event: CloudEvent, _ sample: CloudEvent) throws {
        let id = sample.id
        try expect(event.source == sample.source, "\(id): source is \(sample.source), not \(event.source)")
        try expect(event.type == sample.type, "\(id): type is \(sample.type), not \(event.type)")
        try expect(
            event.subject == sample.subject,
            "\(id): subject is \(sample.subject ?? "nil"), not \(event.subject ?? "nil")")
        try expect(
            event.time == sample.time,
            "\(id): time is \(sample.time?.description ?? "nil"), not \(event.time?.description ?? "nil")")
        try expect(
            event.dataContentType == sample.dataContentType,
            "\(id): type of data is \(sample.dataContentType ?? "nil"), not \(event.dataContentType ?? "nil")"
        )
        try expect(event.dataSchema == sample.dataSchema, "\(id): schema is kept")
        let (extensions, expected) = (event.extensions, sample.extensions)
        for element in expected {
            try expect(
                extensions[element.name]?.text == element.value.text,
                "\(id): extension \(element.name) is '\(element.value.text)', not '\(extensions[element.name]?.text ?? "nil")'"
            )
        }
        try expect(
            extensions.count == expected.count,
            "\(id): no extensions are added: \(extensions.map(\.name)), not \(expected.map(\.name))")
        try expect(
            event.data?.bytes ?? [] == sample.data?.bytes ?? [],
            "\(id): the data is \(sample.data?.bytes.count ?? 0) bytes as they were published, not \(event.data?.bytes.count ?? 0) others"
        )
    }
}

extension BusContract.Run {
    /// One event of every kind.
    func samples() throws -> [CloudEvent] {
        let source = "/\(prefix)"
        let type = "contract.sample"
        var extensions = CloudEventExtensions()
        try extensions.set("partitionkey", to: .string("o-1"))
        try extensions.set(
            "traceparent", to: .string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
        try extensions.set("sequence", to: .integer(42))
        try extensions.set("isurgent", to: .boolean(true))
        try extensions.set("note", to: .string("größer als „100 %“ – 東京 🐦"))
        return [
            try CloudEvent(id: "least", source: source, type: type),
            try CloudEvent(
                id: "json", source: source, type: type, dataContentType: "application/json",
                data: CloudEventData(text: #"{"total": 12.50, "name": "Zoë 🐦"}"#)),
            try CloudEvent(
                id: "xml", source: source, type: type, dataContentType: "application/xml; charset=utf-8",
                data: CloudEventData(text: "<?xml version=\"1.0\"?>\n<order id='1'><ä>&amp;</ä></order>")),
            try CloudEvent(
                id: "binary", source: source, type: type, dataContentType: "application/octet-stream",
                data: CloudEventData((0...255).map { UInt8($0) } + [0, 0, 255])),
            try CloudEvent(
                id: "text", source: source, type: type, dataContentType: "text/plain",
                data: CloudEventData(text: "Grüße, 世界\r\n\tund\u{0}so")),
            try CloudEvent(id: "untyped", source: source, type: type, data: CloudEventData([0xFF, 0xFE])),
            try CloudEvent(
                id: "empty", source: source, type: type, dataContentType: "text/plain",
                data: CloudEventData([])),
            try CloudEvent(
                id: "most", source: "https://shop.example/\(prefix)?a=b#c", type: type,
                subject: "orders/ü 1",
                time: CloudEventTimestamp("2026-02-28T23:59:59.123456789+01:30"),
                dataContentType: "application/vnd.shop.order+json",
                dataSchema: "https://shop.example/schemas/order.json", extensions: extensions,
                data: CloudEventData(text: "[]")),
        ]
    }
}
