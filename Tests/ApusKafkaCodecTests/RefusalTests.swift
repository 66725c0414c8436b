// SPDX-License-Identifier: Apache-2.0

// Lengths and counts that lie: each is refused with what and where, before anything is reserved.

import ApusKafkaCodec
import NIOCore
import Testing

@Suite struct RefusalTests {
    private func error(of api: APIKey, _ version: Int16, _ parts: String...) -> KafkaCodecError? {
        do throws(KafkaCodecError) {
            _ = try KafkaRequest(reading: bytes(parts.joined()), of: api, version: version)
            return nil
        } catch {
            return error
        }
    }

    @Test func `an array that cannot be there`() {
        #expect(
            error(of: .metadata, 1, "7fffffff 0001 61")
                == KafkaCodecError(.countBeyondEnd(count: 0x7fff_ffff, bytesLeft: 3), in: "topics", at: 4))
        #expect(
            error(of: .metadata, 1, "fffffffe")
                == KafkaCodecError(.negativeLength(-2), in: "topics", at: 4))
        #expect(
            error(of: .metadata, 0, "ffffffff") == KafkaCodecError(.unexpectedNull, in: "topics", at: 4))
        #expect(
            error(of: .metadata, 9, "ffffffff0f 00")
                == KafkaCodecError(
                    .countBeyondEnd(count: 0xffff_fffe, bytesLeft: 1), in: "topics", at: 5))
        // Elements of four bytes: three of them are not in eleven.
        #expect(
            error(
                of: .addPartitionsToTxn, 0,
                "0000 0000000000000000 0000 00000001 0001 61 00000003 0000000000000000000000")
                == KafkaCodecError(.countBeyondEnd(count: 3, bytesLeft: 11), in: "partitions", at: 23))
    }

    @Test func `text that is longer than the message, or no text`() {
        #expect(
            error(of: .saslHandshake, 0, "0005 61")
                == KafkaCodecError(.truncated(needed: 5, left: 1), in: "mechanism", at: 2))
        #expect(
            error(of: .saslHandshake, 0, "8000")
                == KafkaCodecError(.negativeLength(-32768), in: "mechanism", at: 2))
        #expect(
            error(of: .saslHandshake, 0, "ffff") == KafkaCodecError(.unexpectedNull, in: "mechanism", at: 2))
        #expect(
            error(of: .saslHandshake, 0, "0002 c328") == KafkaCodecError(.invalidText, in: "mechanism", at: 2)
        )
    }

    @Test func `compact lengths that do not end`() {
        #expect(
            error(of: .saslAuthenticate, 2, "ffffffffff 00")
                == KafkaCodecError(.invalidVarint, in: "authBytes", at: 5))
        #expect(
            error(of: .saslAuthenticate, 2, "ffffffff1f 00")
                == KafkaCodecError(.invalidVarint, in: "authBytes", at: 5))
        #expect(
            error(of: .saslAuthenticate, 2, "ff")
                == KafkaCodecError(.truncated(needed: 1, left: 0), in: "authBytes", at: 1))
    }

    @Test func `record data that is longer than the message`() {
        #expect(
            error(of: .produce, 3, "ffff ffff 00000001 00000001 0001 61 00000001 00000000 7fffffff 00")
                == KafkaCodecError(.truncated(needed: 0x7fff_ffff, left: 1), in: "records", at: 27))
    }

    @Test func `tags that are not in order, or not as long as they say`() {
        // ListGroups 3 has nothing but tags.
        #expect(error(of: .listGroups, 3, "02 00 00 01 00") == nil)
        #expect(
            error(of: .listGroups, 3, "02 01 00 01 00")?.reason == .tagsOutOfOrder)
        #expect(
            error(of: .listGroups, 3, "02 01 00 00 00")?.reason == .tagsOutOfOrder)
        #expect(
            error(of: .listGroups, 3, "01 00 05 00")?.reason == .truncated(needed: 5, left: 1))
        #expect(
            error(of: .listGroups, 3, "ffffffff0f 00")?.reason
                == .countBeyondEnd(count: 0xffff_ffff, bytesLeft: 1))
        // Fetch 12 with a cluster id, tag 0, of one letter, in three bytes.
        let fetch = "ffffffff 00000000 00000000 00000000 00 00000000 ffffffff 01 01 01"
        #expect(error(of: .fetch, 12, fetch, "01 00 02 0261") == nil)
        #expect(
            error(of: .fetch, 12, fetch, "01 00 03 026100")
                == KafkaCodecError(.tagLength(said: 3, was: 2), in: "clusterID", at: 33))
    }

    @Test func `bytes after the end of a response`() {
        #expect(throws: KafkaCodecError(.trailingBytes(1), in: "end", at: 2)) {
            try KafkaResponse(reading: bytes("0000 00"), of: .heartbeat, version: 0)
        }
    }

    @Test func `bytes after the end of a request are nothing to us`() throws {
        // librdkafka's request for all topics: four bytes of zero for a compact array that takes one.
        let request = try KafkaRequest(reading: bytes("00 000000 01 00 00"), of: .metadata, version: 13)
        guard case .metadata(let metadata) = request else {
            Issue.record("another request")
            return
        }
        #expect(metadata.topics == nil)
    }

    @Test func `more elements than a message may have`() throws {
        let request = KafkaRequest.deleteGroups(
            DeleteGroupsRequest { $0.groupsNames = Array(repeating: "", count: 101) })
        let body = joined(try request.body(version: 2))
        let limits = KafkaCodecLimits(elementsMax: 100)
        #expect(throws: KafkaCodecError(.tooManyElements(max: 100), in: "groupsNames", at: 1)) {
            try KafkaRequest(reading: body, of: .deleteGroups, version: 2, limits: limits)
        }
        #expect(try KafkaRequest(reading: body, of: .deleteGroups, version: 2) == request)
    }

    @Test func `what a version cannot express is not written`() {
        let long = String(repeating: "a", count: 40_000)
        let group = KafkaRequest.heartbeat(HeartbeatRequest { $0.groupID = long })
        #expect(throws: KafkaCodecError(.tooLong(length: 40_000, max: 32_767), in: "groupID", at: 0)) {
            try group.body(version: 3)
        }
        #expect(throws: Never.self) { try group.body(version: 4) }
        let all = KafkaRequest.metadata(MetadataRequest { $0.topics = nil })
        #expect(throws: KafkaCodecError(.unexpectedNull, in: "topics", at: 0)) { try all.body(version: 0) }
    }

    @Test func `errors say what is wrong and where`() {
        #expect(
            error(of: .saslHandshake, 0, "0005 61")?.description
                == "mechanism at byte 2: needs 5 bytes, 1 are left")
    }

    @Test func `a code that nobody knows is an unknown error`() throws {
        let response = try KafkaResponse(reading: bytes("7000"), of: .heartbeat, version: 0)
        #expect(response == .heartbeat(HeartbeatResponse { $0.errorCode = .unknownServerError }))
        #expect(KafkaErrorCode.allCases.count == 135)
        #expect(KafkaErrorCode.notCoordinator.isRetriable)
        #expect(!KafkaErrorCode.illegalGeneration.isRetriable)
        #expect(KafkaErrorCode.illegalSASLState.name == "ILLEGAL_SASL_STATE")
    }
}
