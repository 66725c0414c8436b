// SPDX-License-Identifier: Apache-2.0

// The codecs against data that others have written, against bombs, and against damage at every place.

import ApusCompression
import TestThreads
import Testing

@Suite(.ownThread) struct CompressionTests {
    private static let text = Array(String(repeating: "Apus sleeps on the wing. ", count: 8).utf8)

    /// The text as Python's libraries compress it: gzip and zlib, python-snappy, lz4, zstandard.
    private static let written: [(CompressionCodec, String)] = [
        (
            .gzip,
            "1f8b0800000000000203732c282d5628ce494d2d2856c8cf5328c9485528cfcc4bd753701c5a1200d4d96628c8000000"
        ),
        (
            .gzip,
            "1f8b0800000000000203732c282d5628ce494d2d2856c8cf5328c9485528cfcc4bd75370a49e040019cdcced64000000"
                + "1f8b0800000000000203732c282d5628ce494d2d2856c8cf5328c9485528cfcc4bd75370a49e040019cdcced64000000"
        ),
        (
            .snappy,
            "c801604170757320736c65657073206f6e207468652077696e672e20fe1900fe1900ba1900"
        ),
        (
            .snappy,
            "82534e415050590000000001000000010000001e40604170757320736c65657073206f6e207468652077696e672e209a"
                + "19000000001e4060207468652077696e672e204170757320736c65657073206f6e9a19000000001e40607320736c6565"
                + "7073206f6e207468652077696e672e204170759a19000000000a081c652077696e672e20"
        ),
        (
            .lz4,
            "04224d186840c800000000000000d424000000ff0a4170757320736c65657073206f6e207468652077696e672e201900"
                + "9750696e672e2000000000"
        ),
        (
            .lz4,
            "04224d186440a724000000ff0a4170757320736c65657073206f6e207468652077696e672e2019009750696e672e2000"
                + "000000e72c9232"
        ),
        (
            .zstd,
            "28b52ffd20c8050100c84170757320736c65657073206f6e207468652077696e672e200100b1989a63"
        ),
        (
            .zstd,
            "28b52ffd00680d0100d04170757320736c65657073206f6e207468652077696e672e20410100ae989a63"
        ),
    ]

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.map { UInt8($0 > 0x39 ? $0 - 0x57 : $0 - 0x30) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// Bytes that do not compress well, the same each time.
    private static func noise(_ count: Int) -> [UInt8] {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    @Test func `what others have written is opened`() throws {
        for (codec, hex) in Self.written {
            #expect(try Compression.decompress(Self.bytes(hex), codec) == Self.text)
        }
    }

    @Test(arguments: CompressionCodec.allCases)
    func `what is compressed comes back`(codec: CompressionCodec) throws {
        for count in [0, 1, 2, 100, 4096, 70_000, 1 << 20, 3 << 20] {
            let noise = Self.noise(count)
            #expect(try Compression.decompress(try Compression.compress(noise, codec), codec) == noise)
            let plain = [UInt8](repeating: 7, count: count)
            let limits = DecompressionLimits(freeBytes: 4 << 20)
            #expect(
                try Compression.decompress(try Compression.compress(plain, codec), codec, limits: limits)
                    == plain)
        }
    }

    @Test(arguments: CompressionCodec.allCases)
    func `a bomb stops at the ceiling, and exactly as much is let through`(codec: CompressionCodec) throws {
        let plain = [UInt8](repeating: 0, count: 1 << 20)
        let bomb = try Compression.compress(plain, codec)
        let enough = DecompressionLimits(bytesMax: plain.count, ratioMax: 1, freeBytes: plain.count)
        #expect(try Compression.decompress(bomb, codec, limits: enough).count == plain.count)
        let absolute = DecompressionLimits(bytesMax: plain.count - 1, freeBytes: plain.count)
        #expect(throws: CompressionError.tooLarge(limit: plain.count - 1)) {
            try Compression.decompress(bomb, codec, limits: absolute)
        }
        // Two bytes for each that goes in: less than any of the codecs saves here.
        let relative = DecompressionLimits(ratioMax: 2, freeBytes: 0)
        #expect(throws: CompressionError.tooLarge(limit: 2 * bomb.count)) {
            try Compression.decompress(bomb, codec, limits: relative)
        }
    }

    @Test func `no ratio reaches beyond what the largest batch may have`() {
        let limits = DecompressionLimits()
        #expect(limits.ceiling(for: 0) == 1 << 20)
        #expect(limits.ceiling(for: 100) == 100_000 + (1 << 20))
        #expect(limits.ceiling(for: 1 << 20) == 64 << 20)
        #expect(limits.ceiling(for: .max) == 64 << 20)
    }

    @Test func `a claim to be large takes no memory`() {
        // A snappy block that says it holds 4 GiB - 1, and one of 60 MiB in three bytes.
        for claim: [UInt8] in [[0xff, 0xff, 0xff, 0xff, 0x0f, 0], [0x80, 0x80, 0x80, 0x1e, 0, 0]] {
            #expect(throws: CompressionError.corrupt(.snappy)) { try Compression.decompress(claim, .snappy) }
        }
        // A zstd frame whose header claims 2^62 bytes.
        let zstd: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x58, 0, 0, 0, 0, 0, 0, 0, 0x40, 9, 0, 0, 7]
        #expect(throws: CompressionError.self) { try Compression.decompress(zstd, .zstd) }
    }

    @Test func `data cut short is told, wherever it ends`() {
        for (codec, hex) in Self.written {
            let whole = Self.bytes(hex)
            for count in 0..<whole.count {
                let opened = try? Compression.decompress(whole[..<count], codec)
                // A frame, a member or a chunk less is a beginning of the text; anything else is damage.
                #expect(opened.map { $0.count < Self.text.count && Self.text.starts(with: $0) } ?? true)
            }
            #expect(throws: CompressionError.corrupt(codec)) {
                try Compression.decompress(whole + [1, 2, 3], codec)
            }
        }
    }

    @Test func `flipped bits do no harm`() {
        for (codec, hex) in Self.written {
            let whole = Self.bytes(hex)
            for place in 0..<8 * whole.count {
                var damaged = whole
                damaged[place / 8] ^= 1 << UInt8(place % 8)
                _ = try? Compression.decompress(damaged, codec)
            }
        }
    }

    @Test func `many threads can open the same at once`() async throws {
        let same = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                let (codec, hex) = Self.written[number % Self.written.count]
                group.addTask {
                    (0..<20).allSatisfy { _ in
                        (try? Compression.decompress(Self.bytes(hex), codec)) == Self.text
                    }
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(same)
    }

    @Test func `what is missing is named with its package`() {
        let error = CompressionError.libraryMissing(name: "libsnappy.so.1", debianPackage: "libsnappy1v5")
        #expect(error.description.contains("libsnappy.so.1") && error.description.contains("libsnappy1v5"))
        #expect(CompressionCodec.allCases.allSatisfy { $0.isAvailable })
    }
}
