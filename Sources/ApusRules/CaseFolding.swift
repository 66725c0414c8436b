// SPDX-License-Identifier: Apache-2.0

// What "ignoring case" means: equal after every Unicode scalar is replaced by its lower-case mapping.
// That depends on no locale and never joins or splits scalars, so prefixes stay prefixes.

/// Text made comparable without regard to case.
enum CaseFolding {
    /// The folded form of UTF-8 text.
    static func folded(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        text.withUnsafeBytes { append(folded: $0, to: &result) }
        return result
    }

    /// Appends the folded form of UTF-8 text.
    static func append(folded text: UnsafeRawBufferPointer, to result: inout [UInt8]) {
        guard text.allSatisfy({ $0 < 0x80 }) else {
            for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
                result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
            }
            return
        }
        for byte in text {
            result.append(byte &- 0x41 < 26 ? byte | 0x20 : byte)
        }
    }
}
