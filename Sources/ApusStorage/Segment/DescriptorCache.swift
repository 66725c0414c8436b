// SPDX-License-Identifier: Apache-2.0

// Open files, the least recently used closed first: a process may have 20,000 descriptors and a store many more
// files. A file in use stays open, because its user refers to it.

import Synchronization

/// A bounded set of open files by path.
final class DescriptorCache: Sendable {
    fileprivate struct Entry {
        var file: any DiskFile
        var used: UInt64
    }

    fileprivate struct State {
        var entries: [String: Entry] = [:]
        var clock: UInt64 = 0
    }

    private let disk: any Disk
    private let limit: Int
    private let state = Mutex(State())

    /// A cache of at most `limit` files of `disk`.
    init(_ disk: any Disk, limit: Int) {
        self.disk = disk
        self.limit = max(limit, 8)
    }

    /// How many files are open.
    var count: Int { state.withLock { $0.entries.count } }

    /// The file at `path`, opened (and created) for writing.
    func file(_ path: String) throws(DiskError) -> any DiskFile {
        let known: (any DiskFile)? = state.withLock { state in
            state.clock += 1
            state.entries[path]?.used = state.clock
            return state.entries[path]?.file
        }
        if let known { return known }
        let opened = try disk.open(path, .write)
        return state.withLock { state in
            if let other = state.entries[path]?.file { return other }
            if state.entries.count >= limit { State.evict(&state, keeping: limit - limit / 8) }
            state.entries[path] = Entry(file: opened, used: state.clock)
            return opened
        }
    }

    /// Forgets the files whose paths begin with `prefix`.
    func forget(prefix: String) {
        state.withLock { state in
            for path in state.entries.keys where path.hasPrefix(prefix) { state.entries[path] = nil }
        }
    }
}

extension DescriptorCache.State {
    // An eighth at a time, so that finding the oldest is not paid for at every opening.
    fileprivate static func evict(_ state: inout DescriptorCache.State, keeping count: Int) {
        let oldest = state.entries.sorted { $0.value.used < $1.value.used }
        for (path, _) in oldest.prefix(max(0, state.entries.count - count)) { state.entries[path] = nil }
    }
}
