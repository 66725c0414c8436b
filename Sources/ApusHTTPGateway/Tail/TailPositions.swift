// SPDX-License-Identifier: Apache-2.0

// Where a tail stands in every partition that it follows, and the opaque token that carries it to the client and back. Topics are
// named by identity in it: a topic that was deleted and made again is another one, and starts from its beginning.
//
// Token: base64url of a version byte, then for each topic the first 64 bits of its identity, the number of partitions, and for
// each partition its number and its position as variable-length integers; a position's lowest bit tells an offset (0) from a
// time in milliseconds (1).

internal import ApusEngine
internal import ApusModel

/// One partition of one life of a topic.
struct TailPartition: Sendable, Hashable {
    var topic: ResourceName
    var id: LogID
    var number: Int
}

/// Where a tail stands.
struct TailPositions: Sendable {
    /// A place that can be written into a token.
    enum Place: Sendable, Hashable {
        case offset(Offset)
        case time(Timestamp)

        var start: StartPosition {
            switch self {
            case .offset(let offset): .offset(offset)
            case .time(let time): .time(time)
            }
        }
    }

    private(set) var places: [TailPartition: Place] = [:]

    subscript(partition: TailPartition) -> Place? {
        get { places[partition] }
        set { places[partition] = newValue }
    }

    // MARK: Token

    private static let version: UInt8 = 1

    /// The positions as text that goes into `id:` and comes back as `Last-Event-ID`.
    var token: String {
        var bytes = [Self.version]
        let topics = Dictionary(grouping: places) { $0.key.id.high }
        for (id, partitions) in topics.sorted(by: { $0.key < $1.key }) {
            withUnsafeBytes(of: id.bigEndian) { bytes.append(contentsOf: $0) }
            bytes.append(varint: UInt64(partitions.count))
            for (partition, place) in partitions.sorted(by: { $0.key.number < $1.key.number }) {
                bytes.append(varint: UInt64(partition.number))
                switch place {
                case .offset(let offset): bytes.append(varint: UInt64(max(offset.rawValue, 0)) << 1)
                case .time(let time): bytes.append(varint: UInt64(max(time.rawValue, 0)) << 1 | 1)
                }
            }
        }
        return Base64URL.encode(bytes)
    }

    /// What a token says, by the first half of topics' identities and partition numbers; nil if it is none.
    static func parse(_ token: String) -> [UInt64: [Int: Place]]? {
        guard let bytes = Base64URL.decode(token), bytes.first == version else { return nil }
        var reader = ByteReader(bytes: bytes[1...])
        var result: [UInt64: [Int: Place]] = [:]
        while !reader.isAtEnd {
            guard let id = reader.uint64(), let count = reader.varint(), count <= 10_000 else { return nil }
            for _ in 0..<count {
                guard let number = reader.varint(), number < 10_000, let value = reader.varint() else {
                    return nil
                }
                let magnitude = Int64(value >> 1)
                result[id, default: [:]][Int(number)] =
                    value & 1 == 0 ? .offset(Offset(magnitude)) : .time(Timestamp(milliseconds: magnitude))
            }
        }
        return result
    }
}

// MARK: - Bytes

extension [UInt8] {
    /// Appends seven bits at a time, the lowest first; the high bit of a byte says that more follow.
    fileprivate mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}

/// Reads what ``TailPositions/token`` wrote, from anybody.
private struct ByteReader {
    var bytes: ArraySlice<UInt8>

    var isAtEnd: Bool { bytes.isEmpty }

    mutating func uint64() -> UInt64? {
        guard bytes.count >= 8 else { return nil }
        defer { bytes = bytes.dropFirst(8) }
        return bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            // Of the tenth byte only one bit fits.
            guard let byte = bytes.popFirst(), shift < 63 || byte <= 1 else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}

/// Base64 with the alphabet for URLs, without padding (RFC 4648 section 5).
private enum Base64URL {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var (bits, count): (UInt32, Int) = (0, 0)
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> UInt32(count) & 0x3F)])
            }
        }
        if count > 0 { text.append(alphabet[Int(bits << UInt32(6 - count) & 0x3F)]) }
        return String(decoding: text, as: UTF8.self)
    }

    static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (bits, count): (UInt32, Int) = (0, 0)
        for character in text.utf8 {
            guard let value = value(character) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }

    private static func value(_ character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character) - 0x41
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character) - 0x61 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character) - 0x30 + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
