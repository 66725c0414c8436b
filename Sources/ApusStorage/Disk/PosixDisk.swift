// SPDX-License-Identifier: Apache-2.0

// The real disk: system calls with their interruptions and short writes handled, and errors turned into values.

import CApus
import Glibc

/// The files of this machine.
public struct PosixDisk: Disk {
    /// From how many files on one flush of the whole file system beats a flush of each.
    private static let filesForWholeSync = 16

    /// The files of this machine.
    public init() {}

    /// As ``Disk/open(_:_:)``.
    public func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        var flags = O_CLOEXEC
        switch mode {
        case .read: flags |= O_RDONLY
        case .write: flags |= O_RDWR | O_CREAT
        case .direct: flags |= O_RDWR | O_CREAT | capus_o_direct()
        }
        var descriptor = retrying { Glibc.open(path, flags, 0o640) }
        if descriptor < 0, mode == .direct, errno == EINVAL {
            // The file system has no direct writes (some overlays and memory file systems).
            descriptor = retrying { Glibc.open(path, flags & ~capus_o_direct(), 0o640) }
        }
        guard descriptor >= 0 else { throw posixError("open", path) }
        return PosixFile(descriptor: descriptor, path: path)
    }

    /// As ``Disk/list(_:)``.
    public func list(_ path: String) throws(DiskError) -> [String] {
        guard let stream = opendir(path) else { throw posixError("list", path) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// As ``Disk/size(of:)``.
    public func size(of path: String) throws(DiskError) -> Int64? {
        var status = stat()
        if stat(path, &status) == 0 { return Int64(status.st_size) }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw posixError("inspect", path)
    }

    /// As ``Disk/makeDirectory(_:)``.
    public func makeDirectory(_ path: String) throws(DiskError) {
        if mkdir(path, 0o750) != 0, errno != EEXIST { throw posixError("make folder", path) }
    }

    /// As ``Disk/rename(_:to:)``.
    public func rename(_ path: String, to newPath: String) throws(DiskError) {
        if Glibc.rename(path, newPath) != 0 { throw posixError("rename", path) }
    }

    /// As ``Disk/remove(_:)``.
    public func remove(_ path: String) throws(DiskError) {
        if unlink(path) != 0 { throw posixError("remove", path) }
    }

    /// As ``Disk/removeDirectory(_:)``.
    public func removeDirectory(_ path: String) throws(DiskError) {
        if rmdir(path) != 0 { throw posixError("remove folder", path) }
    }

    /// As ``Disk/syncDirectory(_:)``.
    public func syncDirectory(_ path: String) throws(DiskError) {
        try withDescriptor(path, O_RDONLY | O_DIRECTORY) { fsync($0) == 0 }
    }

    /// As ``Disk/syncDirectories(_:under:)``.
    public func syncDirectories(_ paths: [String], under directory: String) throws(DiskError) {
        guard paths.count < PosixDisk.filesForWholeSync else { return try syncWhole(directory) }
        for path in paths { try syncDirectory(path) }
    }

    /// As ``Disk/syncFiles(_:under:)``.
    public func syncFiles(_ paths: [String], under directory: String) throws(DiskError) {
        if paths.count >= PosixDisk.filesForWholeSync {
            try syncWhole(directory)
            return
        }
        for path in paths where try size(of: path) != nil {
            try withDescriptor(path, O_RDONLY) { fdatasync($0) == 0 }
        }
    }

    private func syncWhole(_ directory: String) throws(DiskError) {
        // A descriptor opened now is told of every write-back error that nobody has been told of yet, so one that happened before this
        // call is not missed (Linux 5.8 and later).
        try withDescriptor(directory, O_RDONLY | O_DIRECTORY) { capus_syncfs($0) == 0 }
    }

    private func withDescriptor(
        _ path: String, _ flags: Int32, _ body: (Int32) -> Bool
    ) throws(DiskError) {
        let descriptor = retrying { Glibc.open(path, flags | O_CLOEXEC) }
        guard descriptor >= 0 else { throw posixError("open", path) }
        defer { close(descriptor) }
        guard body(descriptor) else { throw posixError("sync", path) }
    }

    /// As ``Disk/bootIdentity()``.
    public func bootIdentity() throws(DiskError) -> String? {
        let descriptor = retrying { Glibc.open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { return nil }
        let file = PosixFile(descriptor: descriptor, path: "boot_id")
        let identity: String? = withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { bytes in
            guard let count = try? file.read(into: bytes, at: 0), count >= 32 else { return nil }
            return String(decoding: bytes[..<count], as: UTF8.self)
        }
        return identity
    }

    /// As ``Disk/freeBytes(at:)``.
    public func freeBytes(at path: String) throws(DiskError) -> Int64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw posixError("measure", path) }
        return Int64(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
                .partialValue)
    }

    /// As ``Disk/totalBytes(at:)``.
    public func totalBytes(at path: String) throws(DiskError) -> Int64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw posixError("measure", path) }
        return Int64(
            clamping: UInt64(status.f_blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize))
                .partialValue)
    }

    /// As ``Disk/lock(_:)``.
    public func lock(_ path: String) throws(DiskError) -> any DiskLock {
        let descriptor = retrying { Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640) }
        guard descriptor >= 0 else { throw posixError("open", path) }
        let file = PosixFile(descriptor: descriptor, path: path)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            if errno == EWOULDBLOCK { throw .locked(path) }
            throw posixError("lock", path)
        }
        return file
    }
}

/// An open file of this machine.
final class PosixFile: DiskFile, DiskLock {
    private let descriptor: Int32
    private let path: String

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, base + done, buffer.count - done, off_t(position) + off_t(done))
            if count > 0 { done += count }
            if count == 0 { break }
            if count < 0, errno != EINTR { throw posixError("read", path) }
        }
        return done
    }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int64) throws(DiskError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, base + done, bytes.count - done, off_t(position) + off_t(done))
            if count > 0 { done += count }
            if count == 0 { throw .failed("write \(path): the system wrote nothing") }
            if count < 0, errno != EINTR { throw posixError("write", path) }
        }
    }

    func hintSync(from position: Int64, count: Int) {
        capus_start_writing(descriptor, position, Int64(count))
    }

    func sync() throws(DiskError) {
        // Not retried when interrupted either: what a second call says about the first one's pages is not known.
        if fdatasync(descriptor) != 0 { throw posixError("sync", path) }
    }

    func truncate(to size: Int64) throws(DiskError) {
        if retrying({ ftruncate(descriptor, off_t(size)) }) != 0 { throw posixError("truncate", path) }
    }

    func size() throws(DiskError) -> Int64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw posixError("inspect", path) }
        return Int64(status.st_size)
    }
}

private func retrying(_ call: () -> Int32) -> Int32 {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}

private func posixError(_ what: String, _ path: String) -> DiskError {
    let code = errno
    switch code {
    case ENOSPC, EDQUOT, EFBIG: return .noSpace
    case ENOENT: return .notFound(path)
    default: return .failed("\(what) \(path): \(String(cString: strerror(code)))")
    }
}
