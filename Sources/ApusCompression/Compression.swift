// SPDX-License-Identifier: Apache-2.0

// Compressing and decompressing whole buffers. What comes out of a decompression goes into memory that is lent for the length of a call
// and used again: readers look at records in place and keep what they want.

internal import CApus

/// Compresses and decompresses whole buffers.
public enum Compression {
    /// Hands `body` what comes out of `input`, for the length of the call.
    ///
    /// Memory grows with what really comes out; what `input` claims is taken for a hint, within the limits.
    /// - Throws: ``CompressionError``; then `body` is not called.
    public static func withDecompressed<Value>(
        _ input: UnsafeRawBufferPointer, _ codec: CompressionCodec, limits: DecompressionLimits = .init(),
        _ body: (UnsafeRawBufferPointer) -> Value
    ) throws(CompressionError) -> Value {
        guard codec.isAvailable else { throw codec.missing }
        let workspace = WorkspacePool.shared.take(codec)
        defer { WorkspacePool.shared.put(workspace, codec) }
        let ceiling = limits.ceiling(for: input.count)
        switch codec {
        case .snappy: try workspace.decompressSnappy(input, ceiling: ceiling)
        case .gzip, .lz4, .zstd: try workspace.decompressStream(input, codec, ceiling: ceiling)
        }
        return body(workspace.output)
    }

    /// What comes out of `input`, as bytes of their own.
    public static func decompress(
        _ input: some Sequence<UInt8>, _ codec: CompressionCodec, limits: DecompressionLimits = .init()
    ) throws(CompressionError) -> [UInt8] {
        let result = Array(input).withUnsafeBytes { input in
            Result { () throws(CompressionError) in
                try withDecompressed(input, codec, limits: limits) { Array($0) }
            }
        }
        return try result.get()
    }

    /// `input` as one frame of `codec` (of snappy: one raw block).
    ///
    /// - Throws: ``CompressionError/libraryMissing(name:debianPackage:)``, and ``CompressionError/corrupt(_:)`` when the library
    ///   cannot do its work, for want of memory.
    public static func compress(
        _ input: UnsafeRawBufferPointer, _ codec: CompressionCodec
    ) throws(CompressionError) -> [UInt8] {
        let bound = capus_compress_bound(Int32(codec.rawValue), input.count)
        guard bound >= 0 else { throw codec.missing }
        var status = Int32(CAPUS_END)
        let output = [UInt8](unsafeUninitializedCapacity: Int(bound)) { bytes, count in
            var written = bytes.count
            status = capus_compress(
                Int32(codec.rawValue), input.baseAddress, input.count, bytes.baseAddress, &written)
            count = status == Int32(CAPUS_END) ? min(written, bytes.count) : 0
        }
        guard status == Int32(CAPUS_END) else { throw .corrupt(codec) }
        return output
    }

    /// As ``compress(_:_:)`` above.
    public static func compress(
        _ input: some Sequence<UInt8>, _ codec: CompressionCodec
    ) throws(CompressionError) -> [UInt8] {
        let result = Array(input).withUnsafeBytes { input in
            Result { () throws(CompressionError) in try compress(input, codec) }
        }
        return try result.get()
    }
}
