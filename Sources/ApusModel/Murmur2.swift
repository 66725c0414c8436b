// SPDX-License-Identifier: Apache-2.0

// From key to partition, as Kafka's default partitioner does it, so that whoever places an event, Apus
// or a Kafka client, finds the same partition for the same key.

/// Kafka's choice of partition for a key.
public enum Partitioner {
    /// The partition of `key` among `count` partitions (at least 1): `toPositive(murmur2(key)) % count`.
    public static func partition(ofKey key: UnsafeRawBufferPointer, count: Int) -> Int {
        guard count > 1 else { return 0 }
        return Int(murmur2(key) & 0x7fff_ffff) % count
    }

    /// The partition of `key` among `count` partitions (at least 1).
    public static func partition(ofKey key: String, count: Int) -> Int {
        var key = key
        return key.withUTF8 { partition(ofKey: UnsafeRawBufferPointer($0), count: count) }
    }

    /// MurmurHash2 with Kafka's seed.
    public static func murmur2(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let multiplier: UInt32 = 0x5bd1_e995
        var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
        var index = 0
        while index + 4 <= bytes.count {
            var word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            word = word &* multiplier
            word ^= word >> 24
            hash = (hash &* multiplier) ^ (word &* multiplier)
            index += 4
        }
        let rest = bytes.count - index
        if rest > 0 {
            if rest == 3 { hash ^= UInt32(bytes[index + 2]) << 16 }
            if rest >= 2 { hash ^= UInt32(bytes[index + 1]) << 8 }
            hash = (hash ^ UInt32(bytes[index])) &* multiplier
        }
        hash = (hash ^ (hash >> 13)) &* multiplier
        return hash ^ (hash >> 15)
    }
}
