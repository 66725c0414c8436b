// SPDX-License-Identifier: Apache-2.0

// Compressed batches as a Kafka client writes them, opened, checked, thinned and compressed again.

import ApusCompression
import ApusModel
import NIOCore
import Testing

@Suite struct CompressedBatchTests {
    /// Twenty records by kafka-python, of its four codecs: "key N", "value N " three times, a header.
    private static let written: [(codec: CompressionCodec, hex: String)] = [
        (
            .gzip,
            "00000000000000000000011600000000029d730bac0001000000130000018bcfe568000000018bcfe56813ffffffffff"
                + "ffffffffffffffffff000000141f8b0800ea62076b02ff5d91cd0a825010852f170991100911119141a4b5f663f512ae"
                + "7a81164250dba2de3eb89e8999599db3f8e01be64cceb9e4317fa9efdfb7e76ba69e6c7a7ff79fc9791fb801dc4036c1"
                + "4551e076e0766413dc6aa5bc7bb2092e8e95f74036c12589f21ec926b8f55a7947b2092e4d95f74436c16599f29ec926"
                + "b8cd46792f6433705797e78b77c45f7908598016c5a266f4bf852840cb72b133ca73c802b4aaf401bc882c40eb5a1fc0"
                + "a3c802b469f401bc8b2c4089f4013c8d2c40db561fc0ebc802b4ebf4013c902c40b75b7d006f244b407fa3c68ef53e03"
                + "0000"
        ),
        (
            .snappy,
            "0000000000000000000001920000000002750a037d0002000000130000018bcfe568000000018bcfe56813ffffffffff"
                + "ffffffffffffffffff0000001482534e415050590000000001000000010000014dbe06484e0000000a6b657920303076"
                + "616c75652030203e08002002026802784e000202052800310d2800310d2819080d28040404052800320d2800320d2819"
                + "080d280406060528117800330d2819080d280408080528117800340d2819080d28040a0a0528117800350d2819080d28"
                + "040c0c0528117800360d2819080d28040e0e052800310dc800370d2819080d28041010052800320d2800380d2819080d"
                + "280412120528117800390d28190805280c54001414052804313629880431300d292e09000d2b041616052b0032112b35"
                + "8c1d090d2b041818052b0030112b318f2e09000d2b041a1a052b158131922e09000d2b041c1c052b1581003411ac1d09"
                + "0d2b041e1e052b15810035112b1d090d2b042020052b1581319b2e09000d2b042222052b1581319e2e09000d2b042424"
                + "052b158131a12e09000d2b042626052b1581003911ac1d09100202680278"
        ),
        (
            .lz4,
            "0000000000000000000001be00000000029c2075e80003000000130000018bcfe568000000018bcfe56813ffffffffff"
                + "ffffffffffffffffff0000001404224d1868403e030000000000007d76010000fc044e0000000a6b657920303076616c"
                + "756520302008009102026802784e00020228001331280013312800060800032800210404280013322800133228000608"
                + "00032800210606280004780013332800060800032800210808280004780013342800060800032800210a0a2800047800"
                + "13352800060800032800210c0c280004780013362800060800032800210e0e2800047800133728000608000328002110"
                + "102800047800133828000608000328002112122800047800133928000608000128004154001414280022313688011431"
                + "9101080900032b002116162b0014322b00058c01070900032b002118182b0014302b00048f01080900032b00211a1a2b"
                + "00058100049201080900032b00211c1c2b00058100049501080900032b00211e1e2b00058100049801080900032b0021"
                + "20202b00058100049b01080900032b002122222b00058100049e01080900032b002124242b0005810004a10108090003"
                + "2b002126262b0005810004a40108090050020268027800000000"
        ),
        (
            .zstd,
            "0000000000000000000000eb0000000002fce121fa0004000000130000018bcfe568000000018bcfe56813ffffffffff"
                + "ffffffffffffffffff0000001428b52ffd603e02850500e246181a60c53a048c73fd41b0860c21f9204d320e6d888e74"
                + "3443aca4329d72aad825e97214590b41f110567e1e6a1d677ad3ac19e6bb2c8f5794d43027c9b50862fd38a20da3daf7"
                + "a817c56482d81d865f35b34e395568b80d0400820d0b5be06566165fa891691d36f60ce095610d1042b22eb0e6e8778e"
                + "32cf5173396a9ea3cc73d45c8e9ae728f31c35eb4ee6b98572d0deea34261eb944001104102100110288208008018810"
                + "0ccc9240bdb4ab"
        ),
    ]

    private static func bytes(_ hex: String) -> ByteBuffer {
        let digits = hex.utf8.map { UInt8($0 > 0x39 ? $0 - 0x57 : $0 - 0x30) }
        return ByteBuffer(
            bytes: stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
    }

    private static func plain(_ count: Int, valueBytes: Int = 10) throws -> RecordBatch {
        var builder = RecordBatchBuilder(producerID: 77, producerEpoch: 3, baseSequence: 100)
        for index in 0..<count {
            builder.append(
                timestamp: Timestamp(milliseconds: 1_000 + Int64(index)), key: [UInt8(index & 3)],
                value: [UInt8](repeating: UInt8(index & 0xff), count: valueBytes))
        }
        let batch = builder.finish()
        return try #require(batch)
    }

    @Test func `batches of a Kafka client are read as if they were not compressed`() throws {
        for (codec, hex) in Self.written {
            var batch = try RecordBatch(verifying: Self.bytes(hex))
            #expect(batch.codec == codec)
            try batch.validateRecords(opensCompressed: true, needsKeys: true)
            batch.baseOffset = Offset(500)
            let records = try batch.records()
            #expect(records.map(\.offset.rawValue) == Array(500..<520))
            for (index, record) in records.enumerated() {
                #expect(record.key == Array("key \(index % 3)".utf8))
                #expect(record.value == Array(String(repeating: "value \(index) ", count: 3).utf8))
                #expect(record.timestamp.rawValue == 1_700_000_000_000 + Int64(index))
                #expect(record.header("h") == "x")
            }
            let opened = try batch.opened()
            #expect(opened.compression == 0)
            #expect(try RecordBatch(verifying: opened.bytes).records() == records)
        }
    }

    @Test(arguments: CompressionCodec.allCases)
    func `a batch that is compressed keeps what its header says`(codec: CompressionCodec) throws {
        let plain = try Self.plain(50)
        let batch = try RecordBatch(verifying: try plain.compressed(with: codec).bytes)
        #expect(batch.compression == codec.rawValue && batch.length < plain.length)
        #expect(batch.producerID == 77 && batch.producerEpoch == 3 && batch.baseSequence == 100)
        #expect(batch.lastOffsetDelta == 49 && batch.recordCount == 50)
        #expect(try batch.records() == plain.records())
        #expect(try batch.opened() == plain)
    }

    @Test(arguments: [nil] + CompressionCodec.allCases.map(Optional.some))
    func `a batch that is thinned keeps its place, its producer and its codec`(
        codec: CompressionCodec?
    ) throws {
        var batch = try Self.plain(50).compressed(with: codec)
        batch.baseOffset = Offset(1000)
        let whole = try batch.records()
        let thin = try RecordBatch(verifying: try batch.keeping { $0.offset.rawValue % 7 == 0 }.bytes)
        #expect(try thin.records() == whole.filter { $0.offset.rawValue % 7 == 0 })
        #expect(thin.baseOffset == batch.baseOffset && thin.nextOffset == batch.nextOffset)
        #expect(thin.codec == codec && thin.producerID == 77 && thin.baseSequence == 100)
        #expect(thin.maxTimestamp == Timestamp(milliseconds: 1_043))
        let empty = try RecordBatch(verifying: try batch.keeping { _ in false }.bytes)
        #expect(empty.length == RecordBatch.headerLength && empty.recordCount == 0)
        #expect(empty.nextOffset == batch.nextOffset && empty.maxTimestamp == batch.maxTimestamp)
        #expect(try empty.records().isEmpty)
        #expect(try batch.keeping { _ in true } == batch)
    }

    @Test func `a batch that lies about its records is told`() throws {
        let good = try Self.plain(3)
        try good.validateRecords()
        var gap = try good.keeping { $0.offset.rawValue != 1 }
        #expect(throws: RecordBatchError.self) { try gap.validateRecords() }
        // The same with a last offset delta that fits the count.
        gap = try Self.with(gap) { $0.setInteger(Int32(1), at: 23) }
        #expect(throws: RecordBatchError.self) { try gap.validateRecords() }
        #expect(throws: RecordBatchError.self) { try gap.records() }
        let few = try Self.with(good) {
            $0.setInteger(Int32(1), at: 23)
            $0.setInteger(Int32(2), at: 57)
        }
        #expect(throws: RecordBatchError.self) { try few.validateRecords() }
        let many = try Self.with(good) {
            $0.setInteger(Int32(3), at: 23)
            $0.setInteger(Int32(4), at: 57)
        }
        #expect(throws: RecordBatchError.self) { try many.validateRecords() }
        let hole = RecordBatchBuilder.hole(of: 3, timestamp: Timestamp(milliseconds: 0))
        #expect(throws: RecordBatchError.self) { try hole.validateRecords() }
        let compressed = try few.compressed(with: .lz4)
        try compressed.validateRecords()
        #expect(throws: RecordBatchError.self) { try compressed.validateRecords(opensCompressed: true) }
    }

    @Test func `records without a key are told where keys are needed`() throws {
        var builder = RecordBatchBuilder()
        builder.append(timestamp: Timestamp(milliseconds: 0), key: [1], value: nil)
        builder.append(timestamp: Timestamp(milliseconds: 0), key: nil, value: [1])
        let built = builder.finish()
        let batch = try #require(built)
        try batch.validateRecords()
        #expect(throws: RecordBatchError.malformed("a record without a key")) {
            try batch.validateRecords(needsKeys: true)
        }
        // Keys can only be seen by opening.
        let compressed = try batch.compressed(with: .zstd)
        #expect(throws: RecordBatchError.malformed("a record without a key")) {
            try compressed.validateRecords(needsKeys: true)
        }
    }

    @Test func `codecs that nobody knows, damage and bombs have errors of their own`() throws {
        let unknown = try Self.with(try Self.plain(2)) { $0.setInteger(UInt16(5), at: 21) }
        #expect(unknown.openingObstacle == .compressed(5, reason: "no such codec is known"))
        #expect(throws: RecordBatchError.compressed(5, reason: "no such codec is known")) {
            try unknown.records()
        }
        let damaged = try Self.with(try Self.plain(2)) { $0.setInteger(UInt16(4), at: 21) }
        #expect(damaged.openingObstacle == nil)
        #expect(throws: RecordBatchError.self) { try damaged.records() }
        let bomb = try Self.plain(2, valueBytes: 1 << 20).compressed(with: .zstd)
        #expect(throws: RecordBatchError.self) { try bomb.records() }
        let limits = DecompressionLimits(freeBytes: 3 << 20)
        #expect(try bomb.records(limits: limits).count == 2)
    }

    /// The batch with its bytes changed, and its checksum put right as a client would.
    private static func with(_ batch: RecordBatch, _ change: (inout ByteBuffer) -> Void) throws -> RecordBatch
    {
        var bytes = batch.bytes
        change(&bytes)
        do throws(RecordBatchError) { return try RecordBatch(verifying: bytes) } catch {
            guard case .checksumMismatch(_, let computed) = error else { throw error }
            bytes.setInteger(computed, at: 17)
            return try RecordBatch(verifying: bytes)
        }
    }
}
