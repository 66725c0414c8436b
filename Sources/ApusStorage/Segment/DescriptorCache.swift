// SPDX-License-Identifier: Apache-2.0

// Open segment files, some closed when there are too many: a process may have 20,000 descriptors and a store many more
// files. A file in use stays open, because its user refers to it.
//
// When it is full, one file in sixteen that is opened takes the place of another, which chance chooses, and the others
// are closed by who opened them. Logs that are written to in turn would, with the least recently used closed for each
// that is opened, find none of their files open as soon as one of them does not fit; so they find as many as fit.

import Synchronization

/// A bounded set of open files.
final class DescriptorCache: Sendable {
    fileprivate struct State {
        var folders: [String: [SegmentFormat.Name: Entry]] = [:]
        // Every entry's place once, to draw from.
        var places: [Place] = []
        var seed: UInt64 = 0
    }

    fileprivate struct Entry {
        var file: any DiskFile
        // Where its place is in `places`.
        var position: Int
    }

    fileprivate struct Place {
        var folder: String
        var name: SegmentFormat.Name
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
    var count: Int { state.withLock { $0.places.count } }

    /// The file `name` in `folder`, opened (and created) for writing.
    func file(_ name: SegmentFormat.Name, in folder: String) throws(DiskError) -> any DiskFile {
        if let known = state.withLock({ $0.folders[folder]?[name]?.file }) { return known }
        let opened = try disk.open(name.path(in: folder), .write)
        // Closed when the lock is free again.
        let (file, _) = state.withLock { state in
            if let other = state.folders[folder]?[name]?.file { return (other, Optional(opened)) }
            var evicted: (any DiskFile)?
            if state.places.count >= limit {
                let chance = state.chance()
                guard chance % 16 == 0 else { return (opened, nil) }
                evicted = state.remove(state.places[Int(chance / 16) % state.places.count])
            }
            state.add(opened, Place(folder: folder, name: name))
            return (opened, evicted)
        }
        return file
    }

    /// Forgets a file: what is opened by its name from now on is another.
    func forget(_ name: SegmentFormat.Name, in folder: String) {
        _ = state.withLock { $0.remove(Place(folder: folder, name: name)) }
    }

    /// Forgets all files in `folder`.
    func forget(folder: String) {
        _ = state.withLock { state in
            // By their positions, because a dictionary's order differs from run to run.
            (state.folders[folder] ?? [:]).sorted { $0.value.position > $1.value.position }
                .map { state.remove(Place(folder: folder, name: $0.key)) }
        }
    }
}

extension DescriptorCache.State {
    fileprivate mutating func add(_ file: any DiskFile, _ place: DescriptorCache.Place) {
        folders[place.folder, default: [:]][place.name] = .init(file: file, position: places.count)
        places.append(place)
    }

    fileprivate mutating func remove(_ place: DescriptorCache.Place) -> (any DiskFile)? {
        guard let entry = folders[place.folder]?.removeValue(forKey: place.name) else { return nil }
        if folders[place.folder]?.isEmpty == true { folders[place.folder] = nil }
        let last = places.removeLast()
        if entry.position < places.count {
            places[entry.position] = last
            folders[last.folder]?[last.name]?.position = entry.position
        }
        return entry.file
    }

    // The same sequence in every run, so that simulations can be repeated (constants: Knuth's MMIX).
    fileprivate mutating func chance() -> UInt64 {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return seed >> 33
    }
}
