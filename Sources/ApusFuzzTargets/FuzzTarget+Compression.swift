// SPDX-License-Identifier: Apache-2.0

// Decompression: the first byte chooses the codec, the rest is what a client sent. Whatever it is, no more comes out than the limits
// allow, twice the same, and what came out can be compressed and opened again.

import ApusCompression

func fuzzCompression(_ input: [UInt8]) {
    guard let first = input.first, let codec = CompressionCodec(rawValue: first % 4 + 1) else { return }
    // The corpus names codecs by Kafka's numbers.
    let chosen = CompressionCodec(rawValue: first) ?? codec
    let data = Array(input.dropFirst())
    let limits = DecompressionLimits(bytesMax: 1 << 20, ratioMax: 100, freeBytes: 4096)
    guard let output = try? Compression.decompress(data, chosen, limits: limits) else { return }
    precondition(output.count <= limits.ceiling(for: data.count), "more comes out than may")
    let again = try? Compression.decompress(data, chosen, limits: limits)
    precondition(again == output, "the same data opens to something else")
    let compressed = try? Compression.compress(output, chosen)
    let back = compressed.flatMap {
        try? Compression.decompress($0, chosen, limits: DecompressionLimits(freeBytes: 2 << 20))
    }
    precondition(back == output, "what was compressed does not come back")
}
