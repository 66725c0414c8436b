// SPDX-License-Identifier: Apache-2.0

// Messages that another implementation wrote: we read them, and write the same bytes.

import ApusKafkaCodec
import FoundationEssentials
import NIOCore
import TestThreads
import Testing

/// The messages of a file in Fixtures/.
struct FixtureFile: Sendable, CustomTestStringConvertible {
    var api: APIKey
    var isRequest: Bool
    var path: String
    var testDescription: String { path.split(separator: "/").last.map(String.init) ?? path }

    static let folder =
        #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Fixtures"

    static let all = APIKey.allCases.flatMap { api in
        [true, false].compactMap { isRequest -> FixtureFile? in
            let path = "\(folder)/\(api).\(isRequest ? "request" : "response").hex"
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            return FixtureFile(api: api, isRequest: isRequest, path: path)
        }
    }

    /// Version and body of each message.
    func messages() throws -> [(version: Int16, body: ByteBuffer)] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        return try text.split(separator: "\n").map { line in
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            let version = try #require(Int16(parts[0]))
            return (version, bytes(String(parts[1])))
        }
    }
}

/// What librdkafka's clients and its mock broker sent each other.
struct RecordedMessage: Sendable, CustomTestStringConvertible {
    var api: APIKey
    var isRequest: Bool
    var version: Int16
    var body: ByteBuffer
    var testDescription: String { "\(api) \(version), \(isRequest ? "request" : "response")" }

    static let all: [RecordedMessage] = {
        let path = FixtureFile.folder + "/librdkafka-2.16.0.hex"
        let text =
            (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            guard let api = APIKey.allCases.first(where: { "\($0)" == parts[0] }),
                let version = Int16(parts[2])
            else { return nil }
            return RecordedMessage(
                api: api, isRequest: parts[1] == "request", version: version, body: bytes(String(parts[3])))
        }
    }()

    func request() throws -> KafkaRequest { try KafkaRequest(reading: body, of: api, version: version) }
    func response() throws -> KafkaResponse { try KafkaResponse(reading: body, of: api, version: version) }
}

@Suite(.ownThread) struct FixtureTests {
    @Test(arguments: FixtureFile.all)
    func `what another implementation writes is read, and written with the same bytes`(
        file: FixtureFile
    ) throws {
        let messages = try file.messages()
        #expect(Set(messages.map(\.version)).count == SupportedVersions[file.api].all.count)
        for (version, body) in messages {
            let written: [ByteBuffer]
            if file.isRequest {
                written = try KafkaRequest(reading: body, of: file.api, version: version).body(
                    version: version)
            } else {
                written = try KafkaResponse(reading: body, of: file.api, version: version).body(
                    version: version)
            }
            #expect(joined(written) == body, "version \(version)")
        }
    }

    @Test func `all APIs but those for clients that are not at hand have examples`() {
        let missing = Set(APIKey.allCases).subtracting(FixtureFile.all.map(\.api))
        #expect(
            missing == [
                .consumerGroupHeartbeat, .consumerGroupDescribe, .shareGroupHeartbeat, .shareGroupDescribe,
                .shareFetch, .shareAcknowledge, .describeShareGroupOffsets, .alterShareGroupOffsets,
                .deleteShareGroupOffsets,
            ])
    }

    @Test(arguments: RecordedMessage.all)
    func `what librdkafka sent is read, and written with the same bytes`(message: RecordedMessage) throws {
        let written =
            message.isRequest
            ? try message.request().body(version: message.version)
            : try message.response().body(version: message.version)
        #expect(joined(written) == message.body)
    }

    @Test func `recorded messages say what their clients did`() throws {
        #expect(RecordedMessage.all.count == 50)
        for message in RecordedMessage.all where message.isRequest {
            switch try message.request() {
            case .joinGroup(let request):
                #expect(request.groupID == "g")
                #expect(request.groupInstanceID == "static-1")
                #expect(request.sessionTimeoutMs == 6000)
                for offer in request.protocols {
                    #expect(try ConsumerSubscription(reading: offer.metadata).topics == ["t"])
                }
            case .produce(let request):
                #expect(request.transactionalID == "tx")
                #expect(request.acks == -1)
                #expect(request.topicData.map(\.name) == ["t"])
            case .consumerGroupHeartbeat(let request):
                #expect(request.groupID == "g848")
            case .shareFetch(let request):
                #expect(request.groupID == "s")
                #expect(request.maxRecords > 0)
            case .txnOffsetCommit(let request):
                #expect(request.topics.first?.partitions.first?.committedOffset == 3)
            default: break
            }
        }
    }
}
