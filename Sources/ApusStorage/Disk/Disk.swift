// SPDX-License-Identifier: Apache-2.0

// The seam under the file store: what it asks of a disk, synchronously. PosixDisk is the real one; the simulated
// one in ApusTesting tears, drops and reorders unsynced writes, fails and fills up, all from one seed. What is
// durable when is said here, so that both mean the same.

/// Why a disk could not do as asked.
public enum DiskError: Error, Hashable, Sendable {
    /// No space, or no quota, is left.
    case noSpace
    /// There is no such file or folder.
    case notFound(String)
    /// Another process holds the lock.
    case locked(String)
    /// Reading or writing failed; says what, on which file, and the system's reason.
    case failed(String)
    /// The machine is off: only a simulated disk says so.
    case crashed
}

/// How a file is opened.
public enum DiskOpenMode: Hashable, Sendable {
    /// An existing file, to read.
    case read
    /// To read and write; created when there is none.
    case write
    /// Like `write`, past the page cache where the file system allows it: positions, lengths and addresses are
    /// multiples of ``diskAlignment``.
    case direct
}

/// What positions, lengths and addresses of direct writes are multiples of, in bytes.
public let diskAlignment = 4096

/// A file that is open; closed when it is no longer referred to.
public protocol DiskFile: AnyObject, Sendable {
    /// Fills `buffer` from `position` on.
    ///
    /// - Returns: bytes read; fewer than asked only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int

    /// Writes all of `bytes` at `position`, extending the file where needed; durable after ``sync()``. After an
    /// error any part of it may have been written.
    func write(_ bytes: UnsafeRawBufferPointer, at position: Int64) throws(DiskError)

    /// Says that these bytes, written before, will be synced soon: a disk may begin to write them, and promises nothing.
    func hintSync(from position: Int64, count: Int)

    /// Makes everything written so far durable, size included. After an error nothing written since the last sync
    /// can be relied on, and a second sync that succeeds does not change that.
    func sync() throws(DiskError)

    /// Cuts or extends (with zeros) the file to `size` bytes.
    func truncate(to size: Int64) throws(DiskError)

    /// Its size in bytes.
    func size() throws(DiskError) -> Int64
}

extension DiskFile {
    /// A disk need not take hints.
    public func hintSync(from position: Int64, count: Int) {}
}

/// Held until it is no longer referred to.
public protocol DiskLock: AnyObject, Sendable {}

/// Files and folders by path. Names (of created, renamed and removed files and folders) are durable only after
/// ``syncDirectory(_:)`` of the folder that holds them.
public protocol Disk: Sendable {
    /// Opens a file.
    func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile
    /// The names in a folder, in no order.
    func list(_ path: String) throws(DiskError) -> [String]
    /// The size of a file in bytes; nil when there is none.
    func size(of path: String) throws(DiskError) -> Int64?
    /// Makes a folder, unless there is one.
    func makeDirectory(_ path: String) throws(DiskError)
    /// Gives a file or folder another name, replacing a file of that name.
    func rename(_ path: String, to newPath: String) throws(DiskError)
    /// Removes a file.
    func remove(_ path: String) throws(DiskError)
    /// Removes an empty folder.
    func removeDirectory(_ path: String) throws(DiskError)
    /// Makes the names in a folder durable.
    func syncDirectory(_ path: String) throws(DiskError)
    /// Makes the names in these folders durable, all of them below `directory`.
    func syncDirectories(_ paths: [String], under directory: String) throws(DiskError)
    /// Makes everything written to these files durable; after an error none of them can be relied on. Missing ones
    /// are passed over.
    func syncFiles(_ paths: [String], under directory: String) throws(DiskError)
    /// What is the same for as long as nothing that was written can have been lost without a failure being told, synced or
    /// not, and another after every power cut: the present run of the operating system. Nil when that is not known.
    func bootIdentity() throws(DiskError) -> String?
    /// Bytes that can still be written below `path`.
    func freeBytes(at path: String) throws(DiskError) -> Int64
    /// The size of the disk that `path` is on, in bytes; nil when that is not known.
    func totalBytes(at path: String) throws(DiskError) -> Int64?
    /// Locks `path`, creating it, against other processes.
    func lock(_ path: String) throws(DiskError) -> any DiskLock
}

extension Disk {
    /// Of disks that do not say, it is not known.
    public func totalBytes(at path: String) throws(DiskError) -> Int64? { nil }

    /// One by one.
    public func syncDirectories(_ paths: [String], under directory: String) throws(DiskError) {
        for path in paths { try syncDirectory(path) }
    }
}
