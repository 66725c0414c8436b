// SPDX-License-Identifier: Apache-2.0

// Whole batches at the door: records are looked at in place, compressed ones opened for as long as that takes. The wire format of Confluent's
// serializers is understood: a zero byte, then the id of the schema in four, then the data.

import ApusModel
import ApusSchemas
import CloudEvents

/// What the record before said about its schema: nearly all records of a batch say the same.
private struct RecordMemory {
    var type: [UInt8] = []
    var dataSchema: [UInt8] = []
    var contentType: [UInt8] = []
    var mediaType: String?
    var target: SchemaTarget?
    /// What judges such a record if it has a value: whatever else is to be asked was asked of the record before.
    var judge: (any DataJudge)?
}

extension SchemaGuard {
    /// What is wrong with the records of a batch.
    func objections(to batch: borrowing RecordBatch) throws(BatchError) -> Objections {
        var objections = Objections()
        let office: SchemaOffice?
        do throws(BrokerError) { office = try self.office() } catch { throw .broker(error) }
        guard let office else { return objections }
        var memory = RecordMemory()
        let base = batch.baseOffset
        do throws(RecordBatchError) {
            try batch.forEachRecord { record in
                let index = Int(record.offset.rawValue - base.rawValue)
                if let objection = objection(
                    to: record, index, told: objections.wants(self), &memory, office)
                {
                    objections.take(objection)
                    noteInvalid(record.source ?? "(a client of Kafka's protocol)", objection)
                }
                return true
            }
        } catch { throw .invalidBatch("\(error)") }
        return conclude(objections, of: batch.recordCount)
    }

    private func objection(
        to record: RecordView, _ index: Int, told: Bool, _ memory: inout RecordMemory, _ office: SchemaOffice
    ) -> EventViolations? {
        if let value = record.value, let id = WireFormat.schemaID(of: value) {
            let data = UnsafeRawBufferPointer(rebasing: value[WireFormat.headerLength...])
            return objection(target(id: id, office), mediaType: nil, data: data, index, told: told)
        }
        var (type, dataSchema, contentType): (Bytes?, Bytes?, Bytes?) = (nil, nil, nil)
        record.forEachHeader { name, value in
            guard let value else { return true }
            switch name.count {
            case 7 where name.elementsEqual("ce_type".utf8): type = value
            case 13 where name.elementsEqual("ce_dataschema".utf8): dataSchema = value
            case 12 where name.elementsEqual("content-type".utf8): contentType = value
            default: break
            }
            return true
        }
        if let contentType, contentType.starts(with: "application/cloudevents".utf8) {
            // The event is in the value with all that belongs to it.
            let event = CloudEvent(record: record, topic: topic, partition: 0)
            return objection(to: event, index, told: told, office)
        }
        if memory.target == nil || !type.isSame(as: memory.type)
            || !dataSchema.isSame(as: memory.dataSchema) || !contentType.isSame(as: memory.contentType)
        {
            memory.type = type.map { Array($0) } ?? []
            memory.dataSchema = dataSchema.map { Array($0) } ?? []
            memory.contentType = contentType.map { Array($0) } ?? []
            memory.mediaType = contentType.map { String(decoding: $0, as: UTF8.self) }
            let target = self.target(
                type: type.map { String(decoding: $0, as: UTF8.self) } ?? "apus.record",
                dataSchema: dataSchema.map { String(decoding: $0, as: UTF8.self) }, office)
            memory.target = target
            memory.judge = target.judge(ofMediaType: memory.mediaType)
        }
        if let judge = memory.judge, let data = record.value {
            guard let violations = refusal(of: data, by: judge, told: told) else { return nil }
            return memory.target.map { objection($0, index, violations) }
        }
        guard let target = memory.target else { return nil }
        return objection(target, mediaType: memory.mediaType, data: record.value, index, told: told)
    }
}

extension SchemaTarget {
    /// What judges data of this type, if nothing else is in the way of it.
    fileprivate func judge(ofMediaType mediaType: String?) -> (any DataJudge)? {
        guard let schema, schema.flaw == nil, let judge = schema.judge else { return nil }
        return judge.isMeant(forMediaType: mediaType) ? judge : nil
    }
}

extension RecordView {
    /// The `source` that its headers name, if they do.
    fileprivate var source: String? {
        var found: String?
        forEachHeader { name, value in
            guard let value, name.elementsEqual("ce_source".utf8) else { return true }
            found = String(decoding: value, as: UTF8.self)
            return false
        }
        return found
    }
}

private typealias Bytes = UnsafeRawBufferPointer

extension Bytes? {
    fileprivate func isSame(as other: [UInt8]) -> Bool {
        guard let self else { return other.isEmpty }
        return self.elementsEqual(other)
    }
}

/// The wire format of Confluent's serializers.
enum WireFormat {
    /// The zero byte and the id.
    static let headerLength = 5

    /// The id that data begins with. No JSON and no XML begins with a zero byte.
    static func schemaID(of value: UnsafeRawBufferPointer) -> SchemaID? {
        guard value.count >= headerLength, value[0] == 0 else { return nil }
        let id = Int32(bigEndian: value.loadUnaligned(fromByteOffset: 1, as: Int32.self))
        return id > 0 ? SchemaID(rawValue: id) : nil
    }
}
