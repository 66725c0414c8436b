// SPDX-License-Identifier: Apache-2.0

// Bodies by length and in chunks, requests behind requests, and the parser's indifference to how bytes are
// split and damaged.

import ApusHTTPCodec
import NIOCore
import TestThreads
import Testing

@Suite struct RequestBodyTests {
    private let chunkedHead = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test func `a body within one read shares its memory`() throws {
        var parser = HTTPRequestParser()
        var input = ByteBuffer(string: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET")
        guard case .head = try parser.next(from: &input), case .body(let body) = try parser.next(from: &input)
        else {
            Issue.record("no head and body")
            return
        }
        #expect(String(buffer: body) == "hello")
        #expect(String(buffer: input) == "GET")
        let bodyAddress = body.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        let restAddress = input.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(bodyAddress + 5 == restAddress)
    }

    @Test func `chunks are joined, extensions and trailers dropped`() {
        let text = chunkedHead + "3\r\nabc\r\n0A ; x=y\r\n0123456789\r\n000\r\nT: v\r\nU: w\r\n\r\n"
        let result = transcript(text)
        #expect(result.error == nil)
        #expect(result.requests.first?.hasSuffix(" body:abc0123456789") == true)
        #expect(!result.isCut)
    }

    @Test(arguments: [
        ("x\r\n", HTTPRequestError.invalidChunk), ("\r\n", .invalidChunk), ("-1\r\n", .invalidChunk),
        ("3 \r\nabc\r\n", .invalidChunk), ("3 x\r\nabc\r\n", .invalidChunk), ("3\nabc\r\n", .invalidChunk),
        ("3\r\nabcd\r\n", .invalidChunk), ("3\r\nabc\n", .invalidChunk), ("3;\u{1}\r\n", .invalidChunk),
        ("0x3\r\nabc\r\n", .invalidChunk), ("\n", .invalidChunk),
        ("FFFFFFFFFFFFFFFF\r\n", .bodyTooLarge), ("7FFFFFFFFFFFFFFF\r\n", .bodyTooLarge),
        ("10000000000000000\r\n", .bodyTooLarge), ("0\r\nA\r\n\r\n", .invalidTrailer),
        ("0\r\n A: b\r\n\r\n", .invalidTrailer), ("0\r\nA: b\n\r\n", .bareLineFeed),
    ])
    func `bad chunks are refused`(body: String, expected: HTTPRequestError) {
        #expect(error(chunkedHead + body) == expected)
    }

    @Test func `long extensions and trailers are refused`() {
        let long = String(repeating: "x", count: 600)
        #expect(error(chunkedHead + "3;\(long)\r\n") == .invalidChunk)
        let many = String(repeating: "1;\(long.prefix(400))\r\nx\r\n", count: 100)
        #expect(error(chunkedHead + many) == .invalidChunk)
        let plain = String(repeating: "1\r\nx\r\n", count: 40_000)
        #expect(error(chunkedHead + plain) == nil)
        let trailers = String(repeating: "A: \(long)\r\n", count: 60)
        #expect(error(chunkedHead + "0\r\n" + trailers) == .headerTooLarge)
        let fields = String(repeating: "A: b\r\n", count: 101)
        #expect(error(chunkedHead + "0\r\n" + fields) == .tooManyHeaderFields)
    }

    @Test func `a body beyond the limit is refused by its announcement or its chunks`() {
        let limits = HTTPLimits(bodyBytesMax: 5)
        let head = "POST / HTTP/1.1\r\nHost: a\r\n"
        #expect(error(head + "Content-Length: 6\r\n\r\n", limits: limits) == .bodyTooLarge)
        #expect(error(head + "Content-Length: 5\r\n\r\nabcde", limits: limits) == nil)
        #expect(error(chunkedHead + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", limits: limits) == nil)
        #expect(error(chunkedHead + "3\r\nabc\r\n3\r\n", limits: limits) == .bodyTooLarge)
    }

    @Test func `an error is final`() {
        var parser = HTTPRequestParser()
        var input = ByteBuffer(string: "bad\r\n")
        #expect(throws: HTTPRequestError.malformedRequestLine) { try parser.next(from: &input) }
        input = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(throws: HTTPRequestError.malformedRequestLine) { try parser.next(from: &input) }
    }

    @Test func `every sample reads the same byte by byte as at once`() {
        for sample in samples {
            let whole = transcript(sample)
            #expect(transcript(sample.utf8.map { [$0] }) == whole, "\(sample.debugDescription)")
        }
    }

    @Test func `every sample reads the same in random splits`() {
        var random = SplitMix64(seed: 7)
        for sample in samples {
            let whole = transcript(sample)
            for _ in 0..<50 {
                let pieces = split(Array(sample.utf8), with: &random)
                #expect(transcript(pieces) == whole, "\(sample.debugDescription)")
            }
        }
    }

    @Test func `all samples behind each other read like each alone`() {
        let good = samples.filter { error($0) == nil && !transcript($0).isCut }
        #expect(transcript(good.joined()).requests == good.flatMap { transcript($0).requests })
    }

    @Test func `damaged samples never crash and read the same in any split`() {
        var random = SplitMix64(seed: 11)
        for round in 0..<casesToTry(of: 20_000) {
            var bytes = Array(samples[round % (samples.count - 1)].utf8)
            for _ in 0...Int.random(in: 0..<4, using: &random) { damage(&bytes, with: &random) }
            let whole = transcript([bytes])
            let parts = transcript(split(bytes, with: &random))
            #expect(whole == parts, "\(bytes)")
        }
    }

    private func split(_ bytes: [UInt8], with random: inout SplitMix64) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...min(rest.count, 40), using: &random)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    private func damage(_ bytes: inout [UInt8], with random: inout SplitMix64) {
        guard !bytes.isEmpty else { return }
        let index = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        case 2:
            bytes.insert(
                [0x0d, 0x0a, 0x20, 0x3a, 0x30, 0xff][Int.random(in: 0..<6, using: &random)], at: index)
        default: bytes.append(contentsOf: bytes[index...])
        }
    }
}

/// A small seeded generator, so that a failure can be repeated.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
