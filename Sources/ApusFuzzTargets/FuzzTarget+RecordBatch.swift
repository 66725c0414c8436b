// SPDX-License-Identifier: Apache-2.0

// Record batches: from disk and from Kafka clients. A fuzzer does not guess checksums, so each input is tried
// as it is and with its length, magic and checksum put right, as an attacker would. Compressed batches are opened.

import ApusModel
import CApus
import NIOCore

func fuzzRecordBatch(_ input: [UInt8]) {
    check(input)
    guard input.count >= RecordBatch.headerLength else { return }
    var repaired = ByteBuffer(bytes: input)
    repaired.setInteger(Int32(truncatingIfNeeded: input.count - RecordBatch.lengthPrefix), at: 8)
    repaired.setInteger(UInt8(2), at: 16)
    let checksum = repaired.withUnsafeReadableBytes { bytes -> UInt32 in
        let checked = UnsafeRawBufferPointer(rebasing: bytes[RecordBatch.uncheckedLength...])
        return checked.baseAddress.map { capus_crc32c(0, $0, checked.count) } ?? 0
    }
    repaired.setInteger(checksum, at: 17)
    check(Array(repaired.readableBytesView))
}

private func check(_ input: [UInt8]) {
    guard let batch = try? RecordBatch(verifying: ByteBuffer(bytes: input)),
        let records = try? batch.records()
    else { return }
    checkRewritten(batch, records)
    precondition(records.count == batch.recordCount, "a batch with another number of records than it says")
    var builder = RecordBatchBuilder()
    for record in records {
        builder.append(
            timestamp: record.timestamp, key: record.key, value: record.value, headers: record.headers)
    }
    guard let rebuilt = builder.finish() else {
        precondition(records.isEmpty, "records are lost")
        return
    }
    let verified = try? RecordBatch(verifying: rebuilt.bytes)
    precondition(verified != nil, "a batch that was built is not valid")
    let again = try? verified?.records()
    precondition(again?.map(content) == records.map(content), "records change when they are built anew")
}

/// What others make of a batch holds the same records, or some of them, at the same offsets.
private func checkRewritten(_ batch: RecordBatch, _ records: [Record]) {
    if let opened = try? batch.opened() {
        let verified = try? RecordBatch(verifying: opened.bytes)
        precondition(verified != nil, "a batch that was opened is not valid")
        let again = try? verified?.records()
        precondition(again == records, "records change when their batch is opened")
    }
    guard let thin = try? batch.keeping({ $0.offset.rawValue % 2 == 0 }) else { return }
    let verified = try? RecordBatch(verifying: thin.bytes)
    precondition(verified?.nextOffset == batch.nextOffset, "a batch that was thinned takes up other offsets")
    let left = try? verified?.records()
    precondition(left == records.filter { $0.offset.rawValue % 2 == 0 }, "a batch loses other records")
}

/// A record without its place, which the log decides.
private func content(of record: Record) -> Record {
    var record = record
    record.offset = Offset(0)
    return record
}
