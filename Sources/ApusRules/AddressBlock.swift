// SPDX-License-Identifier: Apache-2.0

// IP addresses and blocks of them, for `cidr`. An IPv4 block holds no IPv6 address, mapped ones included.

/// A block of IP addresses: those that share the first `length` bits.
struct AddressBlock: Sendable, Hashable {
    /// As written.
    let text: [UInt8]
    /// The first address of the block.
    let address: Address
    /// The number of bits that count.
    let length: Int

    /// Parses `address/length`; nil if it is not that. Bits after the length may be set and are ignored.
    init?(_ text: [UInt8]) {
        guard let slash = text.firstIndex(of: 0x2F) else { return nil }
        let digits = text[(slash + 1)...]
        guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        let length = digits.reduce(0) { $0 * 10 + Int($1 & 0xF) }
        let parsed = text[..<slash].withUnsafeBytes { Address($0) }
        guard let parsed, length <= parsed.bitCount, digits.count == 1 || digits.first != 0x30 else {
            return nil
        }
        self.text = text
        self.address = parsed.masked(to: length)
        self.length = length
    }

    /// Whether the block holds an address.
    func contains(_ other: Address) -> Bool { other.masked(to: length) == address }
}

/// An IPv4 or IPv6 address.
struct Address: Sendable, Hashable {
    /// The address, in the low 32 bits for IPv4.
    private(set) var bits: UInt128
    /// 32 or 128.
    let bitCount: Int

    /// The address with only its first `length` bits kept.
    func masked(to length: Int) -> Address {
        var copy = self
        copy.bits = length == 0 ? 0 : bits & (UInt128.max << UInt128(bitCount - length))
        return copy
    }

    /// The bytes, most significant first.
    var bytes: [UInt8] {
        stride(from: bitCount - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: bits >> UInt128($0)) }
    }

    /// Parses four decimal numbers with dots, or the text form of IPv6 (RFC 4291 section 2.2).
    init?(_ text: UnsafeRawBufferPointer) {
        // The longest form is six groups and an IPv4 address: 45 characters.
        guard !text.isEmpty, text.count <= 45 else { return nil }
        if text.contains(0x3A) {
            guard let bits = Self.version6(text) else { return nil }
            self.bits = bits
            self.bitCount = 128
        } else {
            guard let bits = Self.version4(text[...]) else { return nil }
            self.bits = UInt128(bits)
            self.bitCount = 32
        }
    }

    private static func version4(_ text: Slice<UnsafeRawBufferPointer>) -> UInt32? {
        let parts = text.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != 0x30 else { return nil }
            var value: UInt32 = 0
            for byte in part {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + UInt32(byte & 0xF)
            }
            guard value <= 255 else { return nil }
            bits = bits << 8 | value
        }
        return bits
    }

    private static func version6(_ text: UnsafeRawBufferPointer) -> UInt128? {
        var groups: [UInt16] = []
        var gap: Int?
        var index = 0
        if text.starts(with: [0x3A, 0x3A]) {
            gap = 0
            index = 2
        }
        while index < text.count {
            let end = text[index...].firstIndex(of: 0x3A) ?? text.count
            let part = text[index..<end]
            if end == text.count, part.contains(0x2E) {
                guard let low = version4(part) else { return nil }
                groups += [UInt16(truncatingIfNeeded: low >> 16), UInt16(truncatingIfNeeded: low)]
                break
            }
            guard let group = hexGroup(part) else { return nil }
            groups.append(group)
            guard end < text.count else { break }
            index = end + 1
            guard index < text.count else { return nil }
            if text[index] == 0x3A {
                guard gap == nil else { return nil }
                gap = groups.count
                index += 1
            }
        }
        return joined(groups, gap: gap)
    }

    private static func hexGroup(_ text: Slice<UnsafeRawBufferPointer>) -> UInt16? {
        guard (1...4).contains(text.count) else { return nil }
        var value: UInt16 = 0
        for byte in text {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt16(byte - 0x30)
            case 0x41...0x46, 0x61...0x66: value = value << 4 | UInt16((byte | 0x20) - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }

    private static func joined(_ groups: [UInt16], gap: Int?) -> UInt128? {
        var all = groups
        if let gap {
            guard groups.count < 8 else { return nil }
            all.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard all.count == 8 else { return nil }
        return all.reduce(0) { $0 << 16 | UInt128($1) }
    }
}
