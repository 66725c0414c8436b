// SPDX-License-Identifier: Apache-2.0

// Media types (RFC 2046, grammar in RFC 2045 section 5.1): valid or not, what kind of data they announce, and
// which charset they name.

/// A media type with parameters, looked at in place.
enum MediaType {
    /// Whether the bytes are `type/subtype` followed by parameters.
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = endOfToken(bytes, 0)
        guard index > 0, index < bytes.count, bytes[index] == 0x2F else { return false }
        let subtype = index + 1
        index = endOfToken(bytes, subtype)
        guard index > subtype else { return false }
        while index < bytes.count {
            guard let next = endOfParameter(bytes, index)?.end else { return false }
            index = next
        }
        return true
    }

    /// What kind of data a valid media type announces.
    static func kind(of bytes: UnsafeRawBufferPointer) -> CloudEventDataKind {
        let essence = essence(of: bytes)
        guard let slash = essence.firstIndex(of: 0x2F) else { return .binary }
        let subtype = essence.slice(slash + 1..<essence.count)
        if subtype.hasFormat("json", suffix: "+json") { return .json }
        if subtype.hasFormat("xml", suffix: "+xml") { return .xml }
        return essence.slice(0..<slash).equalsIgnoringCase("text") ? .text : .binary
    }

    /// `type/subtype`, without parameters.
    static func essence(of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let end = bytes.firstIndex(of: 0x3B) ?? bytes.count
        return bytes.slice(0..<end).trimmed
    }

    /// Whether text of this valid media type is UTF-8: no charset is named, or UTF-8 or its subset ASCII is.
    static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = bytes.firstIndex(of: 0x3B) ?? bytes.count
        while index < bytes.count, let parameter = endOfParameter(bytes, index) {
            if bytes.slice(parameter.name).equalsIgnoringCase("charset") {
                let value = bytes.slice(parameter.value)
                return value.equalsIgnoringCase("utf-8") || value.equalsIgnoringCase("us-ascii")
            }
            index = parameter.end
        }
        return true
    }

    // MARK: - Grammar

    private struct Parameter {
        let name: Range<Int>
        /// Without quotes; escapes inside are not resolved.
        let value: Range<Int>
        let end: Int
    }

    /// Reads `; name=value` from `start`, nil if it is not that.
    private static func endOfParameter(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Parameter? {
        var index = endOfSpace(bytes, start)
        guard index < bytes.count, bytes[index] == 0x3B else { return nil }
        let name = endOfSpace(bytes, index + 1)
        index = endOfToken(bytes, name)
        guard index > name, index < bytes.count, bytes[index] == 0x3D else { return nil }
        let equals = index
        let value = equals + 1
        if value < bytes.count, bytes[value] == 0x22 {
            guard let close = closingQuote(bytes, value + 1) else { return nil }
            return Parameter(
                name: name..<equals, value: value + 1..<close, end: endOfSpaceAtEnd(bytes, close + 1))
        }
        index = endOfToken(bytes, value)
        guard index > value else { return nil }
        return Parameter(name: name..<equals, value: value..<index, end: endOfSpaceAtEnd(bytes, index))
    }

    private static func closingQuote(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case 0x22: return index
            case 0x5C:
                index += 1
                guard index < bytes.count, (0x20...0x7E).contains(bytes[index]) else { return nil }
                index += 1
            case 0x20...0x7E: index += 1
            default: return nil
            }
        }
        return nil
    }

    private static func endOfSpace(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] == 0x20 { index += 1 }
        return index
    }

    /// Like `endOfSpace`, but only moves if nothing follows: space at the end is tolerated.
    private static func endOfSpaceAtEnd(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int {
        let end = endOfSpace(bytes, start)
        return end == bytes.count ? end : start
    }

    @inline(__always)
    private static func endOfToken(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int {
        var index = start
        while index < bytes.count, isToken(bytes[index]) { index += 1 }
        return index
    }

    @inline(__always)
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39: true
        case 0x21, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7B, 0x7C, 0x7D,
            0x7E:
            true
        default: false
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether a subtype is `name` or ends with `suffix`.
    fileprivate func hasFormat(_ name: StaticString, suffix: StaticString) -> Bool {
        if equalsIgnoringCase(name) { return true }
        let length = suffix.utf8CodeUnitCount
        return count > length && slice(count - length..<count).equalsIgnoringCase(suffix)
    }
}
