// SPDX-License-Identifier: Apache-2.0

// What a decompression works with: the library's context, which is costly to make, and memory for what comes out. A few of each are
// kept for the next one; those that one batch made large are not.

internal import CApus
import Synchronization

/// A context of a library and memory for its output. Whoever took it from the pool is the only one to use it.
final class Workspace: @unchecked Sendable {
    /// Memory beyond this is given back after use.
    private static let keptBytes = 1 << 20
    /// A context beyond this is given back: zstd's grow with the window that a frame asks for.
    private static let keptContextBytes = 2 << 20

    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var count = 0
    private var decoder: OpaquePointer?

    deinit {
        capus_decoder_destroy(decoder)
        memory.deallocate()
    }

    /// What came out last.
    var output: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    /// Gives back what would be too much to keep.
    func trim() {
        count = 0
        if memory.count > Workspace.keptBytes {
            memory.deallocate()
            memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
        if let decoder, capus_decoder_bytes(decoder) > Workspace.keptContextBytes {
            capus_decoder_destroy(decoder)
            self.decoder = nil
        }
    }

    /// Makes room for `capacity` bytes; what is there stays.
    private func reserve(_ capacity: Int) {
        guard capacity > memory.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        if count > 0 { larger.copyMemory(from: output) }
        memory.deallocate()
        memory = larger
    }

    // MARK: gzip, lz4, zstd

    /// Decompresses one frame after the other, until the input ends where a frame does.
    func decompressStream(
        _ input: UnsafeRawBufferPointer, _ codec: CompressionCodec, ceiling: Int
    ) throws(CompressionError) {
        count = 0
        if decoder == nil { decoder = capus_decoder_create(Int32(codec.rawValue)) }
        guard let decoder, capus_decoder_reset(decoder) == Int32(CAPUS_MORE) else { throw .corrupt(codec) }
        reserve(Workspace.capacity(for: input, codec, ceiling: ceiling))
        var position = 0
        var isAtEnd = false
        while true {
            // One byte more than may come out tells too much from exactly as much.
            if count == memory.count { reserve(min(max(2 * memory.count, 4096), ceiling + 1)) }
            var (read, written) = (input.count - position, memory.count - count)
            let status = capus_decoder_step(
                decoder, input.baseAddress.map { $0 + position }, &read,
                memory.baseAddress.map { $0 + count }, &written)
            guard status >= 0 else { throw .corrupt(codec) }
            position += read
            count += written
            guard count <= ceiling else { throw .tooLarge(limit: ceiling) }
            isAtEnd = status == Int32(CAPUS_END)
            if isAtEnd {
                guard position < input.count else { return }
                guard read + written > 0, capus_decoder_reset(decoder) == Int32(CAPUS_MORE) else {
                    throw .corrupt(codec)
                }
            } else if read == 0, written == 0, count < memory.count {
                // Neither for want of room: the input ends inside a frame.
                throw .corrupt(codec)
            }
        }
    }

    /// Room to begin with: what the input claims, or a few times its size.
    private static func capacity(
        for input: UnsafeRawBufferPointer, _ codec: CompressionCodec, ceiling: Int
    ) -> Int {
        let claimed = capus_claimed_length(Int32(codec.rawValue), input.baseAddress, input.count)
        let guess = claimed < 0 ? Int64(input.count) * 4 : claimed
        return Int(min(max(guess, 512), Int64(ceiling) + 1))
    }

    // MARK: snappy

    /// What stands at the front of snappy-java's framing, and may stand again wherever a chunk begins.
    private static let magic: [UInt8] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]
    /// The magic, a version and the oldest version that reads it.
    private static let headerLength = 16
    /// The most bytes that one byte of snappy stands for: three copy 64.
    private static let ratioMax = 22

    /// Decompresses one raw block, or the chunks of snappy-java's framing.
    func decompressSnappy(_ input: UnsafeRawBufferPointer, ceiling: Int) throws(CompressionError) {
        count = 0
        guard Workspace.isHeader(input, at: 0) else { return try appendBlock(input, ceiling: ceiling) }
        var position = 0
        while position < input.count {
            if Workspace.isHeader(input, at: position) {
                position += Workspace.headerLength
                continue
            }
            guard input.count - position >= 4 else { throw .corrupt(.snappy) }
            let length = Int(
                Int32(bigEndian: input.loadUnaligned(fromByteOffset: position, as: Int32.self)))
            position += 4
            guard length > 0, length <= input.count - position else { throw .corrupt(.snappy) }
            try appendBlock(
                UnsafeRawBufferPointer(rebasing: input[position..<position + length]), ceiling: ceiling)
            position += length
        }
        guard position == input.count else { throw .corrupt(.snappy) }
    }

    private static func isHeader(_ input: UnsafeRawBufferPointer, at position: Int) -> Bool {
        input.count - position >= headerLength
            && input[position..<position + magic.count].elementsEqual(magic)
    }

    private func appendBlock(_ block: UnsafeRawBufferPointer, ceiling: Int) throws(CompressionError) {
        let claimed = capus_claimed_length(Int32(CAPUS_SNAPPY), block.baseAddress, block.count)
        guard claimed >= 0, claimed <= Int64(block.count) * Int64(Workspace.ratioMax) else {
            throw .corrupt(.snappy)
        }
        guard claimed <= Int64(ceiling - count) else { throw .tooLarge(limit: ceiling) }
        let needed = count + Int(claimed)
        if needed > memory.count { reserve(min(max(needed, 2 * memory.count, 512), ceiling)) }
        var written = memory.count - count
        let status = capus_snappy_decompress(
            block.baseAddress, block.count, memory.baseAddress.map { $0 + count }, &written)
        guard status == Int32(CAPUS_END), written == Int(claimed) else { throw .corrupt(.snappy) }
        count += written
    }
}

/// Workspaces that wait for the next decompression.
final class WorkspacePool: Sendable {
    /// For all of the process.
    static let shared = WorkspacePool()

    /// How many of one codec wait at most; more can be in use.
    private static let keptMax = 8

    private let idle = Mutex<[CompressionCodec: [Workspace]]>([:])

    func take(_ codec: CompressionCodec) -> Workspace {
        idle.withLock { $0[codec]?.popLast() } ?? Workspace()
    }

    func put(_ workspace: Workspace, _ codec: CompressionCodec) {
        workspace.trim()
        idle.withLock { idle in
            guard idle[codec, default: []].count < WorkspacePool.keptMax else { return }
            idle[codec, default: []].append(workspace)
        }
    }
}
