// SPDX-License-Identifier: Apache-2.0

import ApusCompression
import ApusEngine
import ApusModel
import ApusSchemas
import CloudEvents
import Testing

@Suite("Whole batches judged where they come in")
struct SchemaBatchTests {
    private func rig(quarantine: String? = nil) async throws -> EngineRig {
        let rig = try EngineRig()
        try await rig.register("{\"required\":[\"id\"]}", "orders-value")
        try await rig.register("{\"required\":[\"sku\"]}", "stock")
        var topic = TopicSettings()
        topic.schema = SchemaSettings(.enforce, quarantine: try quarantine.map { try ResourceName($0) })
        try await rig.topic("orders", topic)
        return rig
    }

    private func batch(
        _ values: [[UInt8]?], producer: Int64 = -1, sequence: Int32 = -1, codec: CompressionCodec? = nil,
        headers: [(String, String)] = []
    ) throws -> RecordBatch {
        var builder = RecordBatchBuilder(
            producerID: producer, producerEpoch: producer < 0 ? -1 : 0, baseSequence: sequence)
        for value in values {
            for (name, value) in headers { builder.addHeader(name, value) }
            builder.append(
                timestamp: Timestamp(milliseconds: 1_000), key: Array("k".utf8), value: value)
        }
        return try #require(try builder.finish(compressing: codec))
    }

    private func append(
        _ batch: RecordBatch, _ rig: EngineRig
    ) async throws -> Result<BatchReceipt, BatchError> {
        let name = try ResourceName("orders")
        return try await rig.driving { [engine = rig.engine] in
            await withCheckedContinuation { done in
                engine.append(batch, to: name, partition: 0) { done.resume(returning: $0) }
            }
        }
    }

    private func refusal(_ batch: RecordBatch, _ rig: EngineRig) async throws -> SchemaRefusal? {
        guard case .failure(.violations(let refusal)) = try await append(batch, rig) else { return nil }
        return refusal
    }

    private static let good = Array("{\"id\":1}".utf8)
    private static let bad = Array("{\"x\":1}".utf8)

    @Test(
        "a batch with a record that is not accepted is refused whole, and says which",
        arguments: [nil, CompressionCodec.gzip])
    func refused(_ codec: CompressionCodec?) async throws {
        let rig = try await rig()
        guard codec?.isAvailable ?? true else { return }
        #expect(try await append(try batch([Self.good, Self.good], codec: codec), rig).isSuccess)
        let refusal = try await refusal(try batch([Self.good, Self.bad, nil], codec: codec), rig)
        #expect(refusal?.violations.map(\.index) == [1, 2])
        #expect(refusal?.violations.map { $0.violations.map(\.rule) } == [["required"], ["data"]])
        #expect((refusal?.events, refusal?.refused) == (3, 2))
        #expect(try rig.engine.bounds(try ResourceName("orders"), partition: 0).end == Offset(2))
    }

    @Test("a record may name its schema by the id that Confluent's serializers put before the data")
    func wireFormat() async throws {
        let rig = try await rig()
        func framed(_ id: UInt8, _ text: String) -> [UInt8] { [0, 0, 0, 0, id] + Array(text.utf8) }
        #expect(
            try await append(try batch([framed(2, "{\"sku\":1}"), framed(1, "{\"id\":1}")]), rig).isSuccess)
        let refusal = try await refusal(
            try batch([framed(2, "{\"id\":1}"), framed(1, "{"), framed(77, "{}")]), rig)
        #expect(
            refusal?.violations.map { $0.violations.map(\.rule) } == [["required"], ["json"], ["schema"]])
        #expect(refusal?.violations.map(\.schema?.rawValue) == [2, 1, nil])
    }

    @Test("attributes in headers decide as they do for events")
    func headers() async throws {
        let rig = try await rig()
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.configureSchemas(
                try SubjectName("stock"), SubjectSettingsChange(eventTypes: ["stock.moved"]))
        }
        let sku = Array("{\"sku\":1}".utf8)
        #expect(try await append(try batch([sku], headers: [("ce_type", "stock.moved")]), rig).isSuccess)
        #expect(try await refusal(try batch([Self.good], headers: [("ce_type", "stock.moved")]), rig) != nil)
        #expect(
            try await append(
                try batch(
                    [sku], headers: [("ce_type", "x"), ("ce_dataschema", "/v1/schemas/stock/versions/1")]),
                rig
            ).isSuccess)
        #expect(
            try await refusal(try batch([Self.good], headers: [("content-type", "text/plain")]), rig) != nil)
        let whole = Array(
            "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"data\":{\"x\":1}}".utf8)
        let structured = [("content-type", "application/cloudevents+json")]
        #expect(try await refusal(try batch([whole], headers: structured), rig) != nil)
    }

    @Test("with a quarantine topic the rest is stored, and the producer's numbers go on")
    func quarantine() async throws {
        let rig = try await rig(quarantine: "bad")
        let first = try batch([Self.good, Self.bad, Self.good], producer: 7, sequence: 0)
        let receipt = try await append(first, rig).get()
        #expect(receipt.baseOffset == .zero)
        #expect(
            try await append(try batch([Self.bad], producer: 7, sequence: 3), rig).get().baseOffset
                == Offset(3))
        #expect(
            try await append(try batch([Self.good], producer: 7, sequence: 4), rig).get().baseOffset
                == Offset(4))
        #expect(try await append(try batch([Self.good], producer: 7, sequence: 4), rig).get().isDuplicate)
        func stored(_ topic: String) async throws -> [(Int64, [UInt8]?)] {
            try await rig.engine.fetch(
                try ResourceName(topic), partition: 0, from: .earliest, limit: 10, pattern: nil, wait: .zero
            ).events.map { ($0.offset.rawValue, $0.event.data?.bytes) }
        }
        #expect(try await stored("orders").map(\.0) == [0, 2, 4])
        #expect(try await stored("bad").map(\.1) == [Self.bad, Self.bad])
        let next = try rig.restarted()
        #expect(try next.engine.bounds(try ResourceName("orders"), partition: 0).end == Offset(5))
        #expect(try await append(try batch([Self.good], producer: 7, sequence: 5), next).isSuccess)
    }
}

extension Result {
    fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}
