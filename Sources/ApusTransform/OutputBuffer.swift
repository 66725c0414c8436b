// SPDX-License-Identifier: Apache-2.0

// What comes out, as it grows up to its limit, and the ways in which text and JSON are written into it.

import JSONText

/// Bytes that come out of a template.
struct OutputBuffer {
    /// Why nothing more can be written.
    enum Refusal: Error {
        case tooLarge, tooDeep, notXMLText
    }

    private(set) var bytes: [UInt8] = []
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    mutating func append(_ text: some Collection<UInt8>) throws(Refusal) {
        guard text.count <= limit - bytes.count else { throw .tooLarge }
        bytes.append(contentsOf: text)
    }

    private mutating func append(_ byte: UInt8) throws(Refusal) {
        guard bytes.count < limit else { throw .tooLarge }
        bytes.append(byte)
    }

    /// Writes text as the content of a JSON string; `quoted` adds the quotes.
    mutating func appendJSONString(_ text: ArraySlice<UInt8>, quoted: Bool) throws(Refusal) {
        var writer = JSONWriter(capacity: text.count + 2)
        text.withUnsafeBytes { writer.string(utf8: $0) }
        try append(quoted ? writer.bytes[...] : writer.bytes.dropFirst().dropLast())
    }

    /// Writes one valid JSON value without white space between values, and returns how deep it is nested.
    mutating func appendCompact(_ json: ArraySlice<UInt8>) throws(Refusal) -> Int {
        var depth = 0
        var deepest = 0
        var start = json.startIndex
        var index = start
        while index < json.endIndex {
            switch json[index] {
            case 0x20, 0x09, 0x0A, 0x0D:
                try append(json[start..<index])
                while index < json.endIndex, json[index] <= 0x20 { index += 1 }
                start = index
                continue
            case 0x22:
                index = Self.endOfString(json, from: index)
                continue
            case 0x7B, 0x5B:
                depth += 1
                deepest = max(deepest, depth)
            case 0x7D, 0x5D: depth -= 1
            default: break
            }
            index += 1
        }
        try append(json[start...])
        return deepest
    }

    /// The place after the string that begins at `index`.
    private static func endOfString(_ json: ArraySlice<UInt8>, from index: Int) -> Int {
        json.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return json.endIndex }
            let end = JSONBytes.endOfTrustedString(base, index - json.startIndex + 1, bytes.count)
            return min(json.startIndex + end.closingQuote + 1, json.endIndex)
        }
    }

    /// Writes JSON without the quotes of its strings. What is between them stays as it is, so that the result can stand in a string.
    mutating func appendWithoutQuotes(_ json: ArraySlice<UInt8>) throws(Refusal) {
        var start = json.startIndex
        var index = start
        while index < json.endIndex {
            switch json[index] {
            case 0x5C: index += 2
            case 0x22:
                try append(json[start..<index])
                index += 1
                start = index
            default: index += 1
            }
        }
        try append(json[start...])
    }

    /// Writes text so that XML reads it back as it is.
    mutating func appendXML(_ text: ArraySlice<UInt8>, isAttribute: Bool) throws(Refusal) {
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            switch byte {
            case 0x26: try append("&amp;".utf8)
            case 0x3C: try append("&lt;".utf8)
            case 0x3E: try append("&gt;".utf8)
            case 0x22 where isAttribute: try append("&quot;".utf8)
            case 0x27 where isAttribute: try append("&apos;".utf8)
            case 0x0D: try append("&#13;".utf8)
            case 0x09 where isAttribute: try append("&#9;".utf8)
            case 0x0A where isAttribute: try append("&#10;".utf8)
            case 0x09, 0x0A: try append(byte)
            case 0x00..<0x20: throw .notXMLText
            // U+FFFE and U+FFFF.
            case 0xEF
            where text[index...].starts(with: [0xEF, 0xBF, 0xBE])
                || text[index...].starts(with: [0xEF, 0xBF, 0xBF]):
                throw .notXMLText
            default: try append(byte)
            }
            index += 1
        }
    }
}
