// SPDX-License-Identifier: Apache-2.0

// Every message in every version that the table names: what is written is read as the same, and what is cut off
// or damaged is refused and does no harm.

import ApusKafkaCodec
import NIOCore
import TestThreads
import Testing

/// A version of an API.
struct SpokenVersion: Sendable, CustomTestStringConvertible {
    var api: APIKey
    var version: Int16
    var isFlexible: Bool { SupportedVersions[api].isFlexible(version) }
    var testDescription: String { "\(api) \(version)" }

    static let all = APIKey.allCases.flatMap { api in
        SupportedVersions[api].all.map {
            SpokenVersion(api: api, version: $0)
        }
    }

    func request(seed: UInt64) throws -> KafkaRequest {
        var request = KafkaRequest(api)
        var filler = RandomFiller(version: version, isFlexible: isFlexible, seed: seed)
        try request.code(with: &filler)
        return request
    }

    func response(seed: UInt64) throws -> KafkaResponse {
        var response = KafkaResponse(api)
        var filler = RandomFiller(version: version, isFlexible: isFlexible, seed: seed)
        try response.code(with: &filler)
        return response
    }
}

@Suite(.ownThread) struct RoundTripTests {
    @Test(arguments: SpokenVersion.all)
    func `what is written is read as the same`(spoken: SpokenVersion) throws {
        let version = spoken.version
        for seed in seedsToTry(block: 0, of: 200) {
            let request = try spoken.request(seed: seed)
            let body = joined(try request.body(version: version))
            #expect(
                try KafkaRequest(reading: body, of: spoken.api, version: version) == request, "seed \(seed)")
            let response = try spoken.response(seed: seed)
            let answer = joined(try response.body(version: version))
            #expect(
                try KafkaResponse(reading: answer, of: spoken.api, version: version) == response,
                "seed \(seed)")
        }
    }

    @Test(arguments: SpokenVersion.all)
    func `a message with its defaults is read as the same`(spoken: SpokenVersion) throws {
        let request = KafkaRequest(spoken.api)
        let body = joined(try request.body(version: spoken.version))
        #expect(try KafkaRequest(reading: body, of: spoken.api, version: spoken.version) == request)
        let response = KafkaResponse(spoken.api)
        let answer = joined(try response.body(version: spoken.version))
        #expect(try KafkaResponse(reading: answer, of: spoken.api, version: spoken.version) == response)
    }

    @Test(arguments: SpokenVersion.all)
    func `a message cut off anywhere is refused`(spoken: SpokenVersion) throws {
        for seed in seedsToTry(block: 1, of: 20) {
            let body = joined(try spoken.request(seed: seed).body(version: spoken.version))
            for length in placesToTry(0..<body.readableBytes) {
                let cut = body.getSlice(at: 0, length: length) ?? ByteBuffer()
                #expect(throws: KafkaCodecError.self) {
                    try KafkaRequest(reading: cut, of: spoken.api, version: spoken.version)
                }
            }
            let answer = joined(try spoken.response(seed: seed).body(version: spoken.version))
            for length in placesToTry(0..<answer.readableBytes) {
                let cut = answer.getSlice(at: 0, length: length) ?? ByteBuffer()
                #expect(throws: KafkaCodecError.self) {
                    try KafkaResponse(reading: cut, of: spoken.api, version: spoken.version)
                }
            }
        }
    }

    @Test(arguments: SpokenVersion.all)
    func `damage does no harm, and what is still read can be written`(spoken: SpokenVersion) throws {
        var generator = SeededGenerator(seed: 7)
        for seed in seedsToTry(block: 2, of: 40) {
            var body = joined(try spoken.request(seed: seed).body(version: spoken.version))
            var answer = joined(try spoken.response(seed: seed).body(version: spoken.version))
            for _ in 0..<20 {
                damage(&body, using: &generator)
                damage(&answer, using: &generator)
                if let request = try? KafkaRequest(
                    reading: body, of: spoken.api, version: spoken.version)
                {
                    let again = joined(try request.body(version: spoken.version))
                    #expect(
                        try KafkaRequest(reading: again, of: spoken.api, version: spoken.version) == request)
                }
                if let response = try? KafkaResponse(
                    reading: answer, of: spoken.api, version: spoken.version)
                {
                    let again = joined(try response.body(version: spoken.version))
                    #expect(
                        try KafkaResponse(reading: again, of: spoken.api, version: spoken.version) == response
                    )
                }
            }
        }
    }

    private func damage(_ bytes: inout ByteBuffer, using generator: inout SeededGenerator) {
        guard bytes.readableBytes > 0 else { return }
        let place = Int.random(in: 0..<bytes.readableBytes, using: &generator)
        let worst: [UInt8] = [0, 1, 0x7f, 0x80, 0xff]
        bytes.setInteger(
            worst.randomElement(using: &generator) ?? 0, at: bytes.readerIndex + place, as: UInt8.self)
    }

    @Test(arguments: SpokenVersion.all)
    func `frames carry header and body, both ways`(spoken: SpokenVersion) throws {
        let version = spoken.version
        for seed in seedsToTry(block: 3, of: 20) {
            var frames = ByteBuffer()
            let request = try spoken.request(seed: seed)
            let response = try spoken.response(seed: seed)
            for piece in try request.frame(version: version, correlationID: 77, clientID: "me") {
                frames.writeImmutableBuffer(piece)
            }
            for piece in try response.frame(version: version, correlationID: 78) {
                frames.writeImmutableBuffer(piece)
            }
            let both = (0..<2).map { _ in frames.readLengthPrefixedSlice(as: Int32.self) }
            var first = try #require(both[0])
            let header = try KafkaRequestHeader(reading: &first)
            #expect(
                header == KafkaRequestHeader(spoken.api, version: version, correlationID: 77, clientID: "me"))
            #expect(header.isSupported)
            #expect(try KafkaRequest(reading: first, after: header) == request)
            var second = try #require(both[1])
            let answered = try KafkaResponseHeader(reading: &second, of: spoken.api, version: version)
            #expect(answered.correlationID == 78)
            #expect(try KafkaResponse(reading: second, of: spoken.api, version: version) == response)
            #expect(frames.readableBytes == 0)
        }
    }
}
