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

    private static let folder =
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
                .shareFetch,
                .shareAcknowledge,
            ])
    }
}
