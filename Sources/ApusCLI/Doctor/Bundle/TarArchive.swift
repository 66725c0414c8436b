// SPDX-License-Identifier: Apache-2.0

// A tar archive (POSIX ustar) of a few small files, made in memory: what every system can open.

/// Files, one behind the other, as tar has them.
package struct TarArchive: Sendable {
    private static let block = 512

    /// The archive so far, without its end.
    private var blocks: [UInt8] = []
    /// When the files were made, in seconds since 1970.
    private let time: Int64

    /// An archive without files.
    package init(time: Int64) { self.time = time }

    /// Adds a file, readable by its owner only. Names are ASCII and shorter than 100 characters, folders in them divided by slashes.
    package mutating func add(_ name: String, _ content: [UInt8]) {
        precondition(name.utf8.count < 100 && name.utf8.allSatisfy { $0 < 0x80 })
        var header = [UInt8](repeating: 0, count: TarArchive.block)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: Array(text.utf8))
        }
        put(name, at: 0)
        put("0000600", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(TarArchive.octal(Int64(content.count), digits: 11), at: 124)
        put(TarArchive.octal(time, digits: 11), at: 136)
        // The checksum is made with spaces in its own place.
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar\u{0}00", at: 257)
        let sum = header.reduce(Int64(0)) { $0 + Int64($1) }
        put(TarArchive.octal(sum, digits: 6) + "\u{0} ", at: 148)
        blocks += header
        blocks += content
        let rest = content.count % TarArchive.block
        if rest > 0 { blocks += [UInt8](repeating: 0, count: TarArchive.block - rest) }
    }

    /// The whole archive.
    package var bytes: [UInt8] { blocks + [UInt8](repeating: 0, count: 2 * TarArchive.block) }

    private static func octal(_ value: Int64, digits: Int) -> String {
        let text = String(max(0, value), radix: 8)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
