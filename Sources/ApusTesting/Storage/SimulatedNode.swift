// SPDX-License-Identifier: Apache-2.0

// Files and folders of a simulated disk: each as programs see it, as the platter has it, and what lies between.

import ApusStorage

/// A file or folder.
final class SimulatedNode: @unchecked Sendable {
    // Unchecked: only touched inside the lock of the disk it belongs to.

    static let sectorBytes = 512

    enum Change {
        case link(String, SimulatedNode)
        case unlink(String)
        /// Of both folders of a move, the one moved to.
        case moveIn(String, SimulatedNode, from: SimulatedNode, oldName: String)
    }

    let isDirectory: Bool
    /// What programs see.
    var content: [UInt8] = []
    /// What the platter has.
    var durable: [UInt8] = []
    /// Sectors in which they may differ.
    var dirty: Set<Int> = []
    /// What programs see, and what the platter has, in a folder.
    var entries: [String: SimulatedNode] = [:]
    private var durableEntries: [String: SimulatedNode] = [:]
    private var changes: [Change] = []

    init(isDirectory: Bool) { self.isDirectory = isDirectory }

    static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }

    func find(_ path: String) -> SimulatedNode? {
        var node = self
        for part in path.split(separator: "/") {
            guard let next = node.entries[String(part)] else { return nil }
            node = next
        }
        return node
    }

    func duplicate() -> SimulatedNode {
        let copy = SimulatedNode(isDirectory: isDirectory)
        copy.content = content
        copy.durable = content
        copy.entries = entries.mapValues { $0.duplicate() }
        copy.durableEntries = copy.entries
        return copy
    }

    var totalBytes: Int64 { Int64(content.count) + entries.values.reduce(0) { $0 + $1.totalBytes } }

    func allFiles(_ path: String) -> [(path: String, size: Int)] {
        entries.flatMap { name, node in
            node.isDirectory ? node.allFiles(path + "/" + name) : [(path + "/" + name, node.content.count)]
        }
    }

    // MARK: Names

    func change(_ change: Change) {
        SimulatedNode.apply(change, to: &entries)
        changes.append(change)
    }

    func move(_ name: String, _ node: SimulatedNode, to folder: SimulatedNode, _ newName: String) {
        entries[name] = nil
        folder.entries[newName] = node
        // A rename is one step of the file system's own journal: both names change or none.
        folder.changes.append(.moveIn(newName, node, from: self, oldName: name))
    }

    private static func apply(_ change: Change, to entries: inout [String: SimulatedNode]) {
        switch change {
        case .link(let name, let node): entries[name] = node
        case .unlink(let name): entries[name] = nil
        case .moveIn(let name, let node, _, _): entries[name] = node
        }
    }

    private func settle(_ change: Change) {
        if case .moveIn(let name, let node, let from, let oldName) = change {
            // What has not been linked durably yet is so now, under its new name only.
            from.changes.removeAll { pending in
                if case .link(oldName, let linked) = pending { return linked === node }
                return false
            }
            if from.durableEntries[oldName] === node { from.durableEntries[oldName] = nil }
            durableEntries[name] = node
        } else {
            SimulatedNode.apply(change, to: &durableEntries)
        }
    }

    func syncEntries() {
        let settled = changes
        changes = []
        for change in settled { settle(change) }
    }

    // MARK: Sectors

    /// The bytes from `start` to `end` are not what the platter has.
    func touch(_ start: Int, _ end: Int) {
        let last = max(start, end - 1) / SimulatedNode.sectorBytes
        for sector in min(start, end) / SimulatedNode.sectorBytes...last { dirty.insert(sector) }
    }

    /// Brings the size and those dirty sectors that `arrives` says to the platter. None is dirty then: a sector that a
    /// failed sync has dropped is not brought by a later one.
    func flush(_ arrives: (Int) -> Bool) {
        let sector = SimulatedNode.sectorBytes
        if durable.count < content.count {
            durable.append(contentsOf: repeatElement(0, count: content.count - durable.count))
        } else {
            durable.removeLast(durable.count - content.count)
        }
        for index in dirty.sorted() where arrives(index) {
            let end = min((index + 1) * sector, content.count)
            if index * sector < end { durable[index * sector..<end] = content[index * sector..<end] }
        }
        dirty = []
    }

    // MARK: Power

    /// Keeps of everything below what has reached the platter by chance. Names first, and all of them: a rename changes two
    /// folders at once.
    func loseUnsynced(_ random: inout SplitMix64) {
        settleSome(&random)
        restore(&random)
    }

    private func settleSome(_ random: inout SplitMix64) {
        guard isDirectory else { return }
        let pending = changes
        changes = []
        let keepsPrefix = random.oneIn(2)
        let prefix = random.below(pending.count + 1)
        for (index, change) in pending.enumerated() where keepsPrefix ? index < prefix : random.oneIn(2) {
            settle(change)
        }
        let children = entries.merging(durableEntries) { _, durable in durable }
        for name in children.keys.sorted() { children[name]?.settleSome(&random) }
    }

    private func restore(_ random: inout SplitMix64) {
        entries = durableEntries
        for name in entries.keys.sorted() { entries[name]?.restore(&random) }
        if !isDirectory { loseSectors(&random) }
    }

    private func loseSectors(_ random: inout SplitMix64) {
        let sector = SimulatedNode.sectorBytes
        var size = durable.count
        if content.count != durable.count {
            let least = min(content.count, durable.count)
            let between = least + random.below(max(content.count, durable.count) - least + 1)
            size = [durable.count, content.count, between][random.below(3)]
        }
        var survived = durable
        if survived.count > size { survived.removeLast(survived.count - size) }
        survived.append(contentsOf: repeatElement(0, count: size - survived.count))
        let chance = [0, 1, 2, 4, 1_000_000][random.below(5)]
        for index in dirty.sorted() where chance > 0 && random.oneIn(UInt64(chance)) {
            let end = min((index + 1) * sector, content.count, size)
            if index * sector < end { survived[index * sector..<end] = content[index * sector..<end] }
        }
        content = survived
        durable = survived
        dirty = []
    }
}

/// An open file of a simulated disk.
final class SimulatedFile: DiskFile {
    private let disk: SimulatedDisk
    private let node: SimulatedNode
    private let generation: Int
    private let isDirect: Bool

    init(_ disk: SimulatedDisk, _ node: SimulatedNode, _ generation: Int, isDirect: Bool) {
        self.isDirect = isDirect
        self.disk = disk
        self.node = node
        self.generation = generation
    }

    private func perform<Value: Sendable>(
        _ body: (inout SimulatedDisk.State) throws(DiskError) -> Value
    ) throws(DiskError) -> Value {
        try disk.perform { (state: inout SimulatedDisk.State) throws(DiskError) -> Value in
            guard state.generation == generation else { throw .crashed }
            return try body(&state)
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Int {
        try requireAlignment(position, buffer.count, buffer.baseAddress)
        nonisolated(unsafe) let buffer = buffer
        return try perform { (state: inout SimulatedDisk.State) throws(DiskError) -> Int in
            if state.isHit(state.faults.read) { throw .failed("read: simulated") }
            let start = Int(min(max(0, position), Int64(node.content.count)))
            let count = min(buffer.count, node.content.count - start)
            node.content.withUnsafeBytes { source in
                guard let from = source.baseAddress, let to = buffer.baseAddress, count > 0 else { return }
                to.copyMemory(from: from + start, byteCount: count)
            }
            return count
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int64) throws(DiskError) {
        try requireAlignment(position, bytes.count, bytes.baseAddress)
        nonisolated(unsafe) let bytes = bytes
        try perform { (state: inout SimulatedDisk.State) throws(DiskError) in
            var count = bytes.count
            var failure: DiskError?
            if state.isHit(state.faults.write) {
                count = state.random.below(bytes.count + 1)
                failure = .failed("write: simulated")
            }
            let growth = max(0, Int(position) + count - node.content.count)
            if state.used + Int64(growth) > state.capacity {
                count = max(0, count - (growth - Int(max(0, state.capacity - state.used))))
                failure = .noSpace
            }
            put(UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: Int(position), &state)
            if let failure { throw failure }
        }
    }

    private func requireAlignment(
        _ position: Int64, _ count: Int, _ address: UnsafeRawPointer?
    ) throws(DiskError) {
        guard isDirect else { return }
        let address = UInt(bitPattern: address)
        guard Int(position) % diskAlignment == 0, count % diskAlignment == 0,
            address % UInt(diskAlignment) == 0
        else {
            throw .failed("direct, and not aligned: \(count) bytes at \(position)")
        }
    }

    private func put(_ bytes: UnsafeRawBufferPointer, at position: Int, _ state: inout SimulatedDisk.State) {
        guard !bytes.isEmpty else { return }
        let end = position + bytes.count
        if end > node.content.count {
            state.used += Int64(end - node.content.count)
            node.touch(node.content.count, position)
            node.content.append(contentsOf: repeatElement(0, count: end - node.content.count))
        }
        node.content.withUnsafeMutableBytes { target in
            UnsafeMutableRawBufferPointer(rebasing: target[position..<end]).copyMemory(from: bytes)
        }
        node.touch(position, end)
    }

    func sync() throws(DiskError) {
        try perform { (state: inout SimulatedDisk.State) throws(DiskError) in
            if state.isHit(state.faults.sync) {
                forgetSome(&state)
                throw .failed("sync: simulated")
            }
            guard !state.liesAboutSync else { return }
            node.flush { _ in true }
        }
    }

    /// A failed sync: some sectors got there, the others are marked clean and will never be written, unless they are
    /// written anew.
    private func forgetSome(_ state: inout SimulatedDisk.State) {
        node.flush { _ in state.random.oneIn(2) }
    }

    func truncate(to size: Int64) throws(DiskError) {
        try perform { state in
            let target = Int(size)
            let change = target - node.content.count
            if change < 0 {
                node.content.removeLast(-change)
            } else {
                node.content.append(contentsOf: repeatElement(0, count: change))
            }
            state.used += Int64(change)
            node.touch(min(target, target - change), max(target, target - change))
        }
    }

    func size() throws(DiskError) -> Int64 {
        try perform { _ in Int64(node.content.count) }
    }
}
