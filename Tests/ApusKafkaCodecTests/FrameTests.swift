// SPDX-License-Identifier: Apache-2.0

// Frames and headers, and what is refused.

import ApusKafkaCodec
import NIOCore
import TestThreads
import Testing

@Suite struct FrameTests {
    @Test func `headers of both versions`() throws {
        // Metadata 1: header 1.
        var frame = bytes("0003 0001 00000007 0002 6d65 aa")
        var header = try KafkaRequestHeader(reading: &frame)
        #expect(header == KafkaRequestHeader(.metadata, version: 1, correlationID: 7, clientID: "me"))
        #expect(frame == bytes("aa"))
        // Metadata 9: header 2 with a tag that nobody knows.
        frame = bytes("0003 0009 00000007 ffff 01 05 02 1234 aa")
        header = try KafkaRequestHeader(reading: &frame)
        #expect(header == KafkaRequestHeader(.metadata, version: 9, correlationID: 7))
        #expect(frame == bytes("aa"))
    }

    @Test func `what is not spoken still has a header`() throws {
        var frame = bytes("0012 0063 00000007 ffff 0bad")
        let future = try KafkaRequestHeader(reading: &frame)
        #expect(future.api == .apiVersions)
        #expect(!future.isSupported)
        #expect(future.correlationID == 7)
        #expect(throws: KafkaCodecError(.unsupportedVersion(.apiVersions, version: 99), in: "version", at: 0))
        {
            try KafkaRequest(reading: frame, after: future)
        }
        frame = bytes("03e7 0000 00000007 ffff")
        let unknown = try KafkaRequestHeader(reading: &frame)
        #expect(unknown.api == nil)
        #expect(throws: KafkaCodecError(.unknownAPI(key: 999), in: "apiKey", at: 0)) {
            try KafkaRequest(reading: frame, after: unknown)
        }
    }

    @Test func `half a header is refused`() {
        let whole = bytes("0003 0009 00000007 0002 6d65 01 05 02 1234")
        for length in 0..<whole.readableBytes {
            var cut = whole.getSlice(at: 0, length: length) ?? ByteBuffer()
            #expect(throws: KafkaCodecError.self) { try KafkaRequestHeader(reading: &cut) }
        }
        var negative = bytes("0003 0001 00000007 fffe")
        #expect(throws: KafkaCodecError(.negativeLength(-2), in: "clientID", at: 8)) {
            try KafkaRequestHeader(reading: &negative)
        }
    }

    @Test func `responses of ApiVersions have the oldest header in each version`() throws {
        let answer = KafkaResponse.apiVersions(APIVersionsResponse { $0.errorCode = .unsupportedVersion })
        for version in SupportedVersions[.apiVersions].all {
            var frame = joined(try answer.frame(version: version, correlationID: 5))
            #expect(frame.readInteger(as: Int32.self).map(Int.init) == frame.readableBytes)
            #expect(frame.getInteger(at: frame.readerIndex + 4, as: Int16.self) == 35)
        }
    }

    @Test func `record data goes out in buffers of its own`() throws {
        let long = ByteBuffer(repeating: 1, count: 5000)
        let short = ByteBuffer(repeating: 2, count: 10)
        let fetch = KafkaResponse.fetch(
            FetchResponse {
                $0.responses = [
                    FetchResponse.Topic {
                        $0.partitions = [RecordData.bytes(long), .bytes(short), .pieces([long, long])].map {
                            data in
                            FetchResponse.Topic.Partition { $0.records = data }
                        }
                    }
                ]
            })
        let pieces = try fetch.frame(version: 12, correlationID: 1)
        #expect(pieces.filter { $0 == long }.count == 3)
        #expect(pieces.count == 6)
        var frame = joined(pieces)
        #expect(frame.readInteger(as: Int32.self).map(Int.init) == frame.readableBytes)
        _ = try KafkaResponseHeader(reading: &frame, of: .fetch, version: 12)
        #expect(try KafkaResponse(reading: frame, of: .fetch, version: 12) == fetch)
    }
}
