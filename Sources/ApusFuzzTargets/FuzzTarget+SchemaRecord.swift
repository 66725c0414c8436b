// SPDX-License-Identifier: Apache-2.0

// Records for a topic that has its events judged by schemas. Which schema judges is decided by what stands in the record, the wire format of
// Confluent's serializers among it: a zero byte and the id of a schema in four before the data. A slow reading of the same rules says the same,
// wherever in a batch the record stands and however the batch is compressed.
//
// The first byte of the input says what headers the record has, the rest is its value.

import ApusCompression
import ApusEngine
import ApusModel
import ApusSchemas
import ApusStorage
import ApusTesting
import JSONSchema
import JSONText
import Logging

func fuzzSchemaRecord(_ input: [UInt8]) {
    guard let door = SchemaDoor.shared else { preconditionFailure("an engine on memory does not open") }
    guard let first = input.first else { return }
    let value = Array(input.dropFirst())
    let headers = SchemaDoor.headers(first)
    let alone = door.refused([(headers, value)])
    if let expected = door.expected(headers, value) {
        precondition(alone.isEmpty == expected, "a slow reading of the record says otherwise")
    }
    let isRefused = !alone.isEmpty
    // Between others, and twice: what is remembered of the record before must make no difference.
    let others = [([], SchemaDoor.good), ([("ce_type", "stock.moved")], SchemaDoor.bad), (headers, value)]
    let places = door.refused(others + [(headers, value)] + others.prefix(1))
    precondition(places == [1] + (isRefused ? [2, 3] : []), "a record's place in its batch decides")
    precondition(
        door.refused([(headers, value)], compressed: true) == alone,
        "a compressed record is judged differently")
}

/// A topic on memory whose events are judged: by the schema `orders-value`, those of type `stock.moved` by `stock`.
private final class SchemaDoor: Sendable {
    static let shared: SchemaDoor? = try? SchemaDoor()
    static let good = Array("{\"id\":1}".utf8)
    static let bad = Array("{\"id\":1}".utf8)

    typealias Header = (name: String, value: String)

    private static let texts = ["{\"required\":[\"id\"]}", "{\"required\":[\"sku\"]}"]

    private let engine: Engine
    private let topic: ResourceName
    private let validators: [SchemaValidator]

    private init() throws {
        engine = try Engine(
            store: MemoryLogStore(), clock: ManualClock(), entropy: Entropy(seed: 7),
            options: EngineOptions(),
            logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }, dispatcher: ScriptedTarget(),
            isDriven: true)
        topic = try ResourceName("orders")
        validators = try SchemaDoor.texts.map { try Schema.compile(JSONValue(parsing: Array($0.utf8))) }
        let (engine, topic, stock) = (engine, topic, try SubjectName("stock"))
        let names = try ["orders-value", "stock"].map { try SubjectName($0) }
        // Nothing of this waits for anything but the engine's own turns.
        let executor = DrivenExecutor()
        let isReady = executor.run(turning: { _ = engine.turn() }) { () async -> Bool in
            do {
                for (name, text) in zip(names, SchemaDoor.texts) {
                    _ = try await engine.registerSchema(SchemaContent(.json, text), under: name, at: nil)
                }
                _ = try await engine.configureSchemas(
                    stock, SubjectSettingsChange(eventTypes: ["stock.moved"]))
                var settings = TopicSettings()
                settings.schema = SchemaSettings(.enforce)
                _ = try await engine.createTopic(topic, settings)
                return true
            } catch { return false }
        }
        guard isReady == true else { throw BrokerError.unavailable(.stopping) }
    }

    /// Headers that a byte stands for.
    static func headers(_ byte: UInt8) -> [Header] {
        switch byte & 0x0F {
        case 0: []
        case 1: [("ce_type", "stock.moved")]
        case 2: [("ce_type", "order.placed"), ("ce_source", "/s")]
        case 3: [("content-type", "application/json")]
        case 4: [("content-type", "text/plain")]
        case 5: [("content-type", "application/cloudevents+json")]
        case 6: [("ce_dataschema", "/v1/schemas/stock/versions/1")]
        case 7: [("ce_dataschema", "/v1/schemas/ids/2"), ("ce_type", "stock.moved")]
        case 8: [("ce_dataschema", "/v1/schemas/none/versions/1")]
        case 9: [("ce_dataschema", "https://example.com/elsewhere")]
        default: []
        }
    }

    /// Which records of a batch are refused.
    func refused(_ records: [([Header], [UInt8])], compressed: Bool = false) -> [Int] {
        var builder = RecordBatchBuilder()
        for (headers, value) in records {
            for (name, value) in headers { builder.addHeader(name, value) }
            builder.append(timestamp: Timestamp(milliseconds: 1_000), key: nil, value: value)
        }
        guard let batch = compressed ? try? builder.finish(compressing: .gzip) : builder.finish() else {
            preconditionFailure("a batch of records is none")
        }
        do throws(BatchError) {
            let refusal = try engine.refusal(of: batch, by: topic)
            let places = refusal?.violations.map(\.index) ?? []
            precondition(refusal?.refused ?? 0 == places.count, "what is refused is not told")
            precondition(
                refusal?.violations.allSatisfy { !$0.violations.isEmpty } ?? true, "refused without a reason")
            return places
        } catch {
            preconditionFailure("a batch that was built cannot be judged: \(error)")
        }
    }

    /// Whether a record should be accepted, by reading the rules slowly; nil where they ask for more than that.
    func expected(_ headers: [Header], _ value: [UInt8]) -> Bool? {
        if value.count >= 5, value[0] == 0 {
            let id = value[1...4].reduce(0) { $0 * 256 + Int($1) }
            if id > 0, id <= Int(Int32.max) {
                guard id <= validators.count else { return false }
                return accepts(validators[id - 1], Array(value.dropFirst(5)))
            }
        }
        switch headers.first?.name {
        case nil: return accepts(validators[0], value)
        case "ce_type": return accepts(validators[headers[0].value == "stock.moved" ? 1 : 0], value)
        case "content-type":
            switch headers[0].value {
            case "application/json": return accepts(validators[0], value)
            case "text/plain": return false
            default: return nil
            }
        default:
            switch headers[0].value {
            case "/v1/schemas/stock/versions/1": return accepts(validators[1], value)
            case "/v1/schemas/none/versions/1": return false
            case "https://example.com/elsewhere": return accepts(validators[0], value)
            default: return nil
            }
        }
    }

    private func accepts(_ validator: SchemaValidator, _ data: [UInt8]) -> Bool {
        (try? validator.accepts(data)) ?? false
    }
}
