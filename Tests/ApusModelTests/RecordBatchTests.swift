// SPDX-License-Identifier: Apache-2.0

// The on-disk format, checked against Kafka's own numbers and against damage.

import ApusModel
import NIOCore
import Testing

@Suite struct RecordBatchTests {
    private func batch(_ records: Int, headers: Int = 2, valueBytes: Int = 10) throws -> RecordBatch {
        var builder = RecordBatchBuilder()
        for index in 0..<records {
            builder.append(
                timestamp: Timestamp(milliseconds: 1_000 + Int64(index)), key: [UInt8(index & 0xff)],
                value: [UInt8](repeating: UInt8(index & 0xff), count: valueBytes),
                headers: (0..<headers).map { Record.Header(name: "h\($0)", value: [UInt8($0 & 0xff)]) })
        }
        let batch = builder.finish()
        return try #require(batch)
    }

    @Test(arguments: [(1, 0, 0), (1, 63, 10), (2, 64, 10), (3, 200, 1_000), (1, 1, 70_000), (500, 2, 1)])
    func `records come back as they were added`(records: Int, headers: Int, valueBytes: Int) throws {
        let built = try batch(records, headers: headers, valueBytes: valueBytes)
        let read = try RecordBatch(verifying: built.bytes)
        let list = try read.records()
        #expect(list.count == records)
        for (index, record) in list.enumerated() {
            #expect(record.offset == Offset(Int64(index)))
            #expect(record.timestamp.rawValue == 1_000 + Int64(index))
            #expect(record.key == [UInt8(index & 0xff)])
            #expect(record.value?.count == valueBytes)
            #expect(record.headers.count == headers)
        }
    }

    @Test func `placing a batch leaves Kafka's checksum valid`() throws {
        var built = try batch(3)
        let before = built.headerChecksum
        built.baseOffset = Offset(41)
        #expect(built.nextOffset == Offset(44))
        #expect(built.headerChecksum != before)
        #expect(try RecordBatch(verifying: built.bytes).records().map(\.offset.rawValue) == [41, 42, 43])
    }

    @Test func `a flipped bit is detected wherever it is`() throws {
        let built = try batch(3)
        let headerChecksum = built.headerChecksum
        for position in 0..<built.length {
            for bit in 0..<8 {
                var bytes = built.bytes
                let old: UInt8 = try #require(bytes.getInteger(at: position))
                bytes.setInteger(old ^ (1 << UInt8(bit)), at: position)
                let damaged = try? RecordBatch(verifying: bytes)
                #expect(damaged == nil || damaged?.headerChecksum != headerChecksum)
            }
        }
    }

    @Test func `a batch cut short or followed by anything is refused`() throws {
        let built = try batch(2)
        for count in 0..<built.length {
            let prefix = try #require(built.bytes.getSlice(at: 0, length: count))
            #expect(throws: RecordBatchError.self) { try RecordBatch(verifying: prefix) }
        }
        var longer = built.bytes
        longer.writeInteger(UInt8(0))
        #expect(throws: RecordBatchError.self) { try RecordBatch(verifying: longer) }
    }

    @Test func `null keys and values stay null`() throws {
        var builder = RecordBatchBuilder()
        builder.append(timestamp: Timestamp(milliseconds: -5), key: nil, value: nil)
        builder.append(
            timestamp: Timestamp(milliseconds: 7), key: [], value: [],
            headers: [Record.Header(name: "n", value: nil)])
        let batch = builder.finish()
        let records = try #require(batch).records()
        #expect(records[0].key == nil && records[0].value == nil && records[0].timestamp.rawValue == -5)
        #expect(records[1].key == [] && records[1].value == [] && records[1].headers[0].value == nil)
    }

    @Test func `keys find the partitions that Kafka's own clients find`() {
        // Values of org.apache.kafka.common.utils.Utils.murmur2, from Kafka's UtilsTest.
        let known: [(String, Int32)] = [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
        ]
        for (text, hash) in known {
            let bytes = Array(text.utf8)
            #expect(bytes.withUnsafeBytes { Partitioner.murmur2($0) } == UInt32(bitPattern: hash))
        }
    }

    @Test func `varints have the lengths they say`() {
        for value in [0, 1, -1, 63, 64, -64, -65, 8191, 8192, Int64(Int32.max), .max, .min] {
            var buffer = ByteBuffer()
            buffer.writeVarint(value)
            #expect(buffer.readableBytes == varintLength(value))
            let read = buffer.withUnsafeReadableBytes { raw in
                var reader = ByteReader(raw)
                return reader.varint()
            }
            #expect(read == value)
        }
    }
}
