// SPDX-License-Identifier: Apache-2.0

// When memory goes back to the system. Under load buffers of megabytes are taken and freed all the time, and the allocator keeps them, which is
// right; when the load is over it would keep them for ever.

/// Decides when freed memory is given back: in the first quiet moment after much was moved, and once more when what waited for a checkpoint has
/// been let go too.
struct MemoryReturn {
    /// Less than this between two looks is quiet.
    private static let quietBytes: UInt64 = 1 << 20
    /// Less than this is not worth it.
    private static let loadBytes: UInt64 = 32 << 20
    /// At which quiet looks in a row memory is given back.
    private static let first = 1
    private static let last = 4

    private var seen: UInt64 = 0
    private var returned: UInt64 = 0
    private var quietLooks = 0

    /// To be asked about once a second.
    ///
    /// - Parameter bytes: how many were moved so far.
    mutating func isDue(after bytes: UInt64) -> Bool {
        defer { seen = bytes }
        guard bytes &- seen < MemoryReturn.quietBytes else {
            quietLooks = 0
            return false
        }
        quietLooks = min(quietLooks + 1, MemoryReturn.last + 1)
        guard bytes &- returned >= MemoryReturn.loadBytes,
            quietLooks == MemoryReturn.first || quietLooks == MemoryReturn.last
        else { return false }
        if quietLooks == MemoryReturn.last { returned = bytes }
        return true
    }
}
