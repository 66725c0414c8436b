// SPDX-License-Identifier: Apache-2.0

// A disk in memory that does to unsynced data what real ones do when the power goes: of the 512-byte sectors written
// since the last sync any may have reached the platter and any not, of the names changed since the folder's last sync
// likewise. It also fills up, fails and rots, all from one seed.
//
// Fault model: a sync that succeeded holds; one that failed has dropped the dirty pages and marked them clean (what
// Linux does), though the page cache may still show them; a sector is written whole or not at all. With
// `liesAboutSync` the first of these is taken away, to see whether the tests above notice.

public import ApusStorage
import Synchronization

/// Faults of a ``SimulatedDisk``, as chances of one in so many operations; 0 is never.
public struct DiskFaults: Hashable, Sendable {
    /// Reads that fail.
    public var read: UInt64 = 0
    /// Writes that fail, after some of their sectors.
    public var write: UInt64 = 0
    /// Syncs that fail and drop what they should have kept.
    public var sync: UInt64 = 0
    /// Operations at which the power goes.
    public var crash: UInt64 = 0

    /// No faults.
    public init() {}
}

/// A disk in memory with power cuts.
public final class SimulatedDisk: Disk {
    struct State {
        var random: SplitMix64
        var root = SimulatedNode(isDirectory: true)
        var generation = 0
        var powerCuts = 0
        var isOff = false
        var capacity: Int64 = 1 << 40
        var used: Int64 = 0
        var faults = DiskFaults()
        var operations: UInt64 = 0
        var crashAt: UInt64?
        var liesAboutSync = false
        var locks: Set<String> = []
    }

    let state: Mutex<State>

    /// An empty disk.
    public init(seed: UInt64) { state = Mutex(State(random: SplitMix64(seed: seed))) }

    // MARK: Faults

    /// What goes wrong from now on.
    public func setFaults(_ faults: DiskFaults) { state.withLock { $0.faults = faults } }

    /// How much fits, in bytes.
    public func setCapacity(_ bytes: Int64) { state.withLock { $0.capacity = bytes } }

    /// Makes every sync say that it succeeded and do nothing.
    public func lieAboutSync() { state.withLock { $0.liesAboutSync = true } }

    /// How many operations there have been.
    public var operations: UInt64 { state.withLock { $0.operations } }

    /// Lets the power go at the operation after `count` more; nil for not.
    public func crash(after count: UInt64?) {
        state.withLock { state in state.crashAt = count.map { state.operations + $0 } }
    }

    /// The power goes: open files are dead, unsynced sectors and names survive by chance.
    public func powerCut() { state.withLock { $0.cutPower() } }

    /// The process dies and the machine does not: open files are dead, everything written stays.
    public func killProcess() {
        state.withLock { state in
            state.generation += 1
            state.isOff = false
            state.locks = []
        }
    }

    /// Whether a planned crash has happened; the disk refuses everything until ``powerCut()`` is called.
    public var isOff: Bool { state.withLock { $0.isOff } }

    /// Flips one bit of a file, on the platter and in the cache.
    public func flipBit(_ path: String, byte: Int, bit: Int) {
        state.withLock { state in
            guard let node = state.root.find(path), node.content.indices.contains(byte) else { return }
            node.content[byte] ^= 1 << UInt8(bit & 7)
            if node.durable.indices.contains(byte) { node.durable[byte] ^= 1 << UInt8(bit & 7) }
        }
    }

    /// All files below `path` with their sizes, in order.
    public func files(under path: String) -> [(path: String, size: Int)] {
        state.withLock { state in
            guard let node = state.root.find(path) else { return [] }
            return node.allFiles(path).sorted { $0.path < $1.path }
        }
    }

    /// The bytes of a file, for tests that damage it; nil when there is none.
    public func content(_ path: String) -> [UInt8]? {
        state.withLock { state in state.root.find(path).map { $0.content } }
    }

    /// Another disk with the same files, all durable, on a machine that has run as long.
    public func duplicate(seed: UInt64) -> SimulatedDisk {
        let copy = SimulatedDisk(seed: seed)
        let (root, powerCuts) = state.withLock { ($0.root.duplicate(), $0.powerCuts) }
        copy.state.withLock { state in
            state.root = root
            state.powerCuts = powerCuts
            state.used = root.totalBytes
        }
        return copy
    }

    /// Replaces the bytes of a file, durably.
    public func setContent(_ path: String, _ bytes: [UInt8]) {
        state.withLock { state in
            guard let node = state.root.find(path) else { return }
            node.content = bytes
            node.durable = bytes
            node.dirty = []
        }
    }

    // MARK: Disk

    /// As ``Disk/open(_:_:)``.
    public func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        try perform { (state: inout State) throws(DiskError) -> SimulatedFile in
            if let node = state.root.find(path), !node.isDirectory {
                return SimulatedFile(self, node, state.generation, isDirect: mode == .direct)
            }
            let (folder, name) = SimulatedNode.split(path)
            guard mode != .read, let parent = state.root.find(folder), parent.isDirectory else {
                throw .notFound(path)
            }
            guard state.used < state.capacity else { throw .noSpace }
            let node = SimulatedNode(isDirectory: false)
            parent.change(.link(name, node))
            return SimulatedFile(self, node, state.generation, isDirect: mode == .direct)
        }
    }

    /// As ``Disk/list(_:)``.
    public func list(_ path: String) throws(DiskError) -> [String] {
        try perform { (state: inout State) throws(DiskError) -> [String] in
            guard let node = state.root.find(path), node.isDirectory else { throw .notFound(path) }
            return node.entries.keys.sorted()
        }
    }

    /// As ``Disk/size(of:)``.
    public func size(of path: String) throws(DiskError) -> Int64? {
        try perform { state in state.root.find(path).map { Int64($0.content.count) } }
    }

    /// As ``Disk/makeDirectory(_:)``.
    public func makeDirectory(_ path: String) throws(DiskError) {
        try perform { (state: inout State) throws(DiskError) in
            if state.root.find(path) != nil { return }
            let (folder, name) = SimulatedNode.split(path)
            guard let parent = state.root.find(folder) else { throw .notFound(folder) }
            parent.change(.link(name, SimulatedNode(isDirectory: true)))
        }
    }

    /// As ``Disk/rename(_:to:)``.
    public func rename(_ path: String, to newPath: String) throws(DiskError) {
        try perform { (state: inout State) throws(DiskError) in
            let (folder, name) = SimulatedNode.split(path)
            let (newFolder, newName) = SimulatedNode.split(newPath)
            guard let from = state.root.find(folder), let node = from.entries[name],
                let to = state.root.find(newFolder)
            else { throw .notFound(path) }
            from.move(name, node, to: to, newName)
        }
    }

    /// As ``Disk/remove(_:)``.
    public func remove(_ path: String) throws(DiskError) {
        try perform { (state: inout State) throws(DiskError) in
            let (folder, name) = SimulatedNode.split(path)
            guard let parent = state.root.find(folder), let node = parent.entries[name] else {
                throw .notFound(path)
            }
            state.used -= Int64(node.content.count)
            parent.change(.unlink(name))
        }
    }

    /// As ``Disk/removeDirectory(_:)``.
    public func removeDirectory(_ path: String) throws(DiskError) {
        try perform { (state: inout State) throws(DiskError) in
            let (folder, name) = SimulatedNode.split(path)
            guard let parent = state.root.find(folder), let node = parent.entries[name] else {
                throw .notFound(path)
            }
            guard node.entries.isEmpty else { throw .failed("\(path) is not empty") }
            parent.change(.unlink(name))
        }
    }

    /// As ``Disk/syncDirectory(_:)``.
    public func syncDirectory(_ path: String) throws(DiskError) {
        try perform { (state: inout State) throws(DiskError) in
            guard let node = state.root.find(path) else { throw .notFound(path) }
            if state.isHit(state.faults.sync) { throw .failed("sync \(path): simulated") }
            if !state.liesAboutSync { node.syncEntries() }
        }
    }

    /// As ``Disk/syncFiles(_:under:)``.
    public func syncFiles(_ paths: [String], under directory: String) throws(DiskError) {
        for path in paths where try size(of: path) != nil { try open(path, .read).sync() }
    }

    /// As ``Disk/bootIdentity()``.
    public func bootIdentity() throws(DiskError) -> String? {
        try perform { state in "boot \(state.powerCuts)" }
    }

    /// As ``Disk/freeBytes(at:)``.
    public func freeBytes(at path: String) throws(DiskError) -> Int64 {
        try perform { state in max(0, state.capacity - state.used) }
    }

    /// As ``Disk/lock(_:)``.
    public func lock(_ path: String) throws(DiskError) -> any DiskLock {
        try perform { (state: inout State) throws(DiskError) -> SimulatedLock in
            guard state.locks.insert(path).inserted else { throw .locked(path) }
            return SimulatedLock(self, path, state.generation)
        }
    }

    fileprivate func unlock(_ path: String, _ generation: Int) {
        state.withLock { state in
            if state.generation == generation { state.locks.remove(path) }
        }
    }

    func perform<Value: Sendable>(_ body: (inout State) throws(DiskError) -> Value) throws(DiskError) -> Value
    {
        try state.withLock { (state: inout State) throws(DiskError) -> Value in
            try state.begin()
            return try body(&state)
        }
    }
}

extension SimulatedDisk.State {
    /// Counts an operation, at which the power may go.
    mutating func begin() throws(DiskError) {
        if isOff { throw .crashed }
        operations += 1
        if crashAt.map({ operations >= $0 }) ?? false || isHit(faults.crash) {
            crashAt = nil
            isOff = true
            throw .crashed
        }
    }

    mutating func isHit(_ chance: UInt64) -> Bool { chance > 0 && random.oneIn(chance) }

    fileprivate mutating func cutPower() {
        generation += 1
        powerCuts += 1
        isOff = false
        crashAt = nil
        locks = []
        root.loseUnsynced(&random)
        used = root.totalBytes
    }
}

private final class SimulatedLock: DiskLock {
    private let disk: SimulatedDisk
    private let path: String
    private let generation: Int

    init(_ disk: SimulatedDisk, _ path: String, _ generation: Int) {
        self.disk = disk
        self.path = path
        self.generation = generation
    }

    deinit { disk.unlock(path, generation) }
}
