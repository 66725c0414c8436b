// SPDX-License-Identifier: Apache-2.0

// The sparse index of one segment, searched on disk: nothing is kept in memory, whatever the number of segments.
// A damaged entry is stepped over; the worst it costs is a longer walk.

import ApusModel

/// The index file of one segment.
struct SparseIndex {
    private let file: any DiskFile
    private let base: Offset
    /// Whole entries in the file.
    let count: Int

    /// The first `count` entries of `file`.
    init(_ file: any DiskFile, base: Offset, count: Int) {
        self.file = file
        self.base = base
        self.count = count
    }

    /// The entry numbered `number`; nil when it is damaged.
    func entry(_ number: Int) throws(DiskError) -> IndexEntry? {
        guard number >= 0, number < count else { return nil }
        var entry: IndexEntry?
        var failure: DiskError?
        withUnsafeTemporaryAllocation(byteCount: SegmentFormat.indexEntryBytes, alignment: 8) { bytes in
            do throws(DiskError) {
                let read = try file.read(into: bytes, at: Int64(number * SegmentFormat.indexEntryBytes))
                if read == bytes.count { entry = IndexEntry(UnsafeRawBufferPointer(bytes), base: base) }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return entry
    }

    /// The last entry for which `isBefore` holds; the segment's start when there is none. `isBefore` holds for a
    /// first part of the entries and for none after.
    func last(where isBefore: (IndexEntry) -> Bool) throws(DiskError) -> IndexEntry {
        var found = IndexEntry.start(of: base)
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            var (number, probe) = (middle, try entry(middle))
            while probe == nil, number > low {
                number -= 1
                probe = try entry(number)
            }
            guard let probe else {
                low = middle + 1
                continue
            }
            if isBefore(probe) {
                found = probe
                low = middle + 1
            } else {
                high = number
            }
        }
        return found
    }
}
