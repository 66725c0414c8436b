// SPDX-License-Identifier: Apache-2.0

// Binary data in JSON, both ways: what `publish` reads and `--data-only` writes.

/// Base64 (RFC 4648 section 4).
enum Base64 {
    /// The bytes of a text with padding; nil if it is none.
    static func decode(_ text: String) -> [UInt8]? {
        let symbols = Array(text.utf8)
        let padding = symbols.suffix(2).count { $0 == 0x3D }
        guard symbols.count.isMultiple(of: 4) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(symbols.count / 4 * 3)
        var word = 0
        for (index, symbol) in symbols.enumerated() {
            let isPadding = index >= symbols.count - padding
            guard let value = isPadding ? 0 : alphabet.firstIndex(of: symbol) else { return nil }
            word = word << 6 | value
            guard index % 4 == 3 else { continue }
            bytes += [
                UInt8(truncatingIfNeeded: word >> 16), UInt8(truncatingIfNeeded: word >> 8),
                UInt8(truncatingIfNeeded: word),
            ]
            word = 0
        }
        bytes.removeLast(padding)
        return bytes
    }

    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let group = bytes[index..<min(index + 3, bytes.count)]
            let padded = Array(group) + Array(repeating: 0, count: 3 - group.count)
            let word = Int(padded[0]) << 16 | Int(padded[1]) << 8 | Int(padded[2])
            for place in 0..<4 {
                text.append(place > group.count ? 0x3D : alphabet[word >> (18 - 6 * place) & 63])
            }
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }
}
