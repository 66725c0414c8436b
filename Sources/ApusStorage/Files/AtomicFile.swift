// SPDX-License-Identifier: Apache-2.0

// Small files that are replaced whole: written under another name, flushed, renamed, and the folder flushed.
// Their content stands twice, each copy with its checksum, so that one flipped bit costs nothing.

import CApus

/// Reads and replaces small files.
enum AtomicFile {
    private static let magic: UInt32 = 0x4653_4A41
    private static let headerBytes = 16

    /// Replaces `name` in `directory` by `content`; durable on return.
    static func replace(
        _ name: String, in directory: String, with content: [UInt8], on disk: any Disk
    ) throws(DiskError) {
        let temporary = directory + "/" + name + ".tmp"
        let file = try write(content, to: temporary, on: disk)
        try file.sync()
        try disk.rename(temporary, to: directory + "/" + name)
        try disk.syncDirectory(directory)
    }

    /// Writes such a file under its own name. Nothing of it is durable, and half of it may be found after a crash: only for a file whose
    /// absence means the same, or that has this content already. Then it is whole at every moment, and needs no space.
    @discardableResult
    static func write(
        _ content: [UInt8], to path: String, on disk: any Disk
    ) throws(DiskError) -> any DiskFile {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2 * (content.count + headerBytes))
        for _ in 0..<2 {
            var copy = ByteWriter()
            copy.write(magic)
            copy.write(UInt32(truncatingIfNeeded: content.count))
            copy.write(content.withUnsafeBytes { crc32c($0, 0, $0.count) })
            copy.write(UInt32(0))
            bytes += copy.bytes
            bytes += content
        }
        let file = try disk.open(path, .write)
        if try file.size() != Int64(bytes.count) { try file.truncate(to: 0) }
        var failure: DiskError?
        bytes.withUnsafeBytes { raw in
            do throws(DiskError) { try file.write(raw, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        return file
    }

    /// What a file holds.
    enum Content: Equatable {
        case missing
        case damaged
        case bytes([UInt8])
    }

    /// The content of `name` in `directory`.
    static func read(_ name: String, in directory: String, on disk: any Disk) throws(DiskError) -> Content {
        let path = directory + "/" + name
        guard let size = try disk.size(of: path) else { return .missing }
        guard size >= Int64(2 * headerBytes), size <= 1 << 30 else { return .damaged }
        let file = try disk.open(path, .read)
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var failure: DiskError?
        bytes.withUnsafeMutableBytes { raw in
            do throws(DiskError) { _ = try file.read(into: raw, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        for start in [0, bytes.count / 2] {
            if let content = copy(in: bytes, at: start) { return .bytes(content) }
        }
        return .damaged
    }

    private static func copy(in bytes: [UInt8], at start: Int) -> [UInt8]? {
        bytes.withUnsafeBytes { raw -> [UInt8]? in
            guard raw.count >= start + headerBytes, raw.load(UInt32.self, start) == magic else { return nil }
            let length = Int(raw.load(UInt32.self, start + 4))
            guard length <= raw.count - start - headerBytes,
                raw.load(UInt32.self, start + 8) == crc32c(raw, start + headerBytes, length)
            else { return nil }
            return Array(raw[(start + headerBytes)..<(start + headerBytes + length)])
        }
    }
}

/// Builds little-endian bytes.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

/// Takes little-endian bytes apart; nil where none are left.
struct LittleReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func read<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value? {
        guard bytes.count - position >= MemoryLayout<Value>.size else { return nil }
        defer { position += MemoryLayout<Value>.size }
        return bytes.withUnsafeBytes { $0.load(Value.self, position) }
    }
}
