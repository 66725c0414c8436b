// SPDX-License-Identifier: Apache-2.0

// How the network divides what a client sends makes no difference: requests in pieces, and several in one.

import ApusKafkaCodec
import NIOCore
import Testing

@testable import ApusKafkaGateway

@Suite(.timeLimit(.minutes(10))) struct DividedRequestTests {
    @Test func `requests come to the same in whatever pieces they arrive`() async throws {
        try await KafkaRig.run { rig, client in
            try await rig.topic("t")
            var stream = ByteBuffer()
            var expected: [ByteBuffer] = []
            for version: Int16 in [0, 1, 9, 12] {
                let request = KafkaRequest.metadata(
                    MetadataRequest { $0.topics = [MetadataRequest.Topic { $0.name = "t" }] })
                var frame = ByteBuffer()
                for piece in try request.frame(version: version, correlationID: 7) {
                    frame.writeImmutableBuffer(piece)
                }
                expected.append(try await client.ask(frame))
                stream.writeImmutableBuffer(frame)
            }
            for length in [1, 3, 7, 64, stream.readableBytes] {
                #expect(try await rig.connect().ask(stream, inPiecesOf: length, answers: 4) == expected)
            }
        }
    }
}
