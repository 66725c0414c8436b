// SPDX-License-Identifier: Apache-2.0

// The files inside the program: `CApusDashboard` has their bytes, put there by the C compiler, so that nothing lies beside the program.

internal import CApusDashboard

/// One file inside the program.
struct AssetFile: Sendable {
    /// Its path, such as `lib/api.js`.
    var path: String
    /// What is in it.
    var bytes: [UInt8]

    /// All files.
    static let all: [AssetFile] = (0..<capus_asset_count()).map { index in
        let asset = capus_asset_at(index)
        let bytes = UnsafeBufferPointer(start: asset.bytes, count: asset.count)
        return AssetFile(path: String(cString: asset.path), bytes: Array(bytes))
    }

    /// What stands in the document where the version belongs.
    private static let placeholder = "@VERSION@"

    /// The bytes with the version in place of its placeholder.
    func bytes(version: String) -> [UInt8] {
        let parts = String(decoding: bytes, as: UTF8.self).split(
            separator: Self.placeholder, omittingEmptySubsequences: false)
        return Array(parts.joined(separator: version).utf8)
    }

    /// A word that is another one when any file is.
    static func version(of files: [AssetFile]) -> String {
        let all = files.map { "\($0.path) \(hash($0.bytes))" }.joined(separator: "\n")
        return String(hash(Array(all.utf8)), radix: 36)
    }

    /// FNV-1a with 64 bits: tells versions of our own files apart, and is no protection from anybody.
    static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
