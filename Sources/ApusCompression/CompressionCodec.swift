// SPDX-License-Identifier: Apache-2.0

// The codecs of Kafka's record batches: their numbers, the libraries that know them, and what can go wrong.

internal import CApus

/// How the records of a batch are compressed; the raw value is Kafka's number.
public enum CompressionCodec: UInt8, Sendable, Hashable, CaseIterable {
    /// RFC 1952, one member or several.
    case gzip = 1
    /// One raw block, or the framing of snappy-java ("xerial"), which Kafka's Java client writes.
    case snappy = 2
    /// LZ4 frames.
    case lz4 = 3
    /// Zstandard frames, RFC 8878.
    case zstd = 4

    /// The codec's name, as Kafka's `compression.type` spells it.
    public var name: String {
        switch self {
        case .gzip: "gzip"
        case .snappy: "snappy"
        case .lz4: "lz4"
        case .zstd: "zstd"
        }
    }

    /// The library that knows the codec, as the system's loader looks for it.
    public var library: String {
        switch self {
        case .gzip: "libz.so.1"
        case .snappy: "libsnappy.so.1"
        case .lz4: "liblz4.so.1"
        case .zstd: "libzstd.so.1"
        }
    }

    /// The Debian package that has the library.
    public var debianPackage: String {
        switch self {
        case .gzip: "zlib1g"
        case .snappy: "libsnappy1v5"
        case .lz4: "liblz4-1"
        case .zstd: "libzstd1"
        }
    }

    /// Whether the library is there. The first question opens it, and the answer stays for as long as the process lives.
    public var isAvailable: Bool { capus_codec_available(Int32(rawValue)) == 1 }

    /// What is thrown when it is not.
    var missing: CompressionError { .libraryMissing(name: library, debianPackage: debianPackage) }
}

/// Why bytes could not be compressed or decompressed.
public enum CompressionError: Error, Hashable, Sendable {
    /// The system has no such library; the package of Debian and its relatives that brings it is named.
    case libraryMissing(name: String, debianPackage: String)
    /// The bytes are not what the codec writes, or end too early.
    case corrupt(CompressionCodec)
    /// More than `limit` bytes come out.
    case tooLarge(limit: Int)
}

extension CompressionError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .libraryMissing(let name, let package):
            "the library \(name) is not installed, which opens its compression: install the package \(package)"
                + " and start the server again"
        case .corrupt(let codec): "its \(codec.name) data is damaged or cut short"
        case .tooLarge(let limit): "it decompresses to more than the \(limit) bytes that it may"
        }
    }
}

/// How much may come out of a decompression. A few bytes can claim, and be, gigabytes; whoever sent them should not decide how much
/// memory that takes here.
public struct DecompressionLimits: Sendable, Hashable {
    /// The most bytes, whatever went in.
    public var bytesMax: Int
    /// The most bytes for each byte that went in, beyond ``freeBytes``. What deflate can reach at most is 1032.
    public var ratioMax: Int
    /// How many bytes may come out however few went in: small batches of much the same are compressed very well.
    public var freeBytes: Int

    /// Limits; the defaults are those of a record batch.
    public init(bytesMax: Int = 64 << 20, ratioMax: Int = 1000, freeBytes: Int = 1 << 20) {
        self.bytesMax = max(0, bytesMax)
        self.ratioMax = max(1, ratioMax)
        self.freeBytes = max(0, freeBytes)
    }

    /// The most bytes that may come out of `count`.
    public func ceiling(for count: Int) -> Int {
        let (product, isOver) = count.multipliedReportingOverflow(by: ratioMax)
        let (sum, isOverToo) = product.addingReportingOverflow(freeBytes)
        return isOver || isOverToo ? bytesMax : min(bytesMax, sum)
    }
}
