// SPDX-License-Identifier: Apache-2.0

// Connections and segments are open files, and systems hand out a small number of those by default although they allow more. The server takes what
// it may have, and never accepts so many connections that none are left for its log.

import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The number of files that the process may have open.
enum FileLimit {
    /// What journal files, listeners and the rest need beside connections and segments.
    static let reserve = 512
    /// Segment files that stay open: no fewer than this,
    static let segmentsMin = 512
    /// and no more.
    static let segmentsMax = 32_768
    /// Connections that are allowed however few files there are.
    static let connectionsMin = 64

    /// Raises the process's own limit to the highest that the system allows it; the limit then in force.
    static func raise() -> Int {
        var limit = rlimit()
        #if canImport(Glibc)
            let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let files = RLIMIT_NOFILE
        #endif
        guard getrlimit(files, &limit) == 0 else { return reserve }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(files, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many segment files may stay open: a third of what there is.
    static func segments(files: Int) -> Int { min(max((files - reserve) / 3, segmentsMin), segmentsMax) }

    /// How many connections fit beside everything else; `wanted` at most.
    static func connections(wanted: Int, files: Int) -> Int {
        min(wanted, max(connectionsMin, files - reserve - segments(files: files)))
    }
}

/// Shares the open files that connections may have between those who come and those who are gone to: who is first has them, and nobody has
/// so many that the other has none.
final class FileShares: Sendable {
    private let files: Int
    private let counts = Mutex<(incoming: @Sendable () -> Int, outgoing: @Sendable () -> Int)>(({ 0 }, { 0 }))

    /// - Parameter files: how many the process may have open in all.
    init(files: Int) { self.files = FileLimit.connections(wanted: .max, files: files) }

    /// Says who knows how many incoming connections there are.
    func countIncoming(_ count: @escaping @Sendable () -> Int) { counts.withLock { $0.incoming = count } }

    /// Says who knows how many outgoing connections there are.
    func countOutgoing(_ count: @escaping @Sendable () -> Int) { counts.withLock { $0.outgoing = count } }

    /// How many outgoing connections there may be now; `wanted` at most.
    func outgoing(wanted: Int) -> Int {
        let incoming = counts.withLock(\.incoming)()
        return min(wanted, max(FileLimit.connectionsMin, files - incoming))
    }

    /// How many of `wanted` incoming connections outgoing ones have use for.
    func reserved(of wanted: Int) -> Int {
        let outgoing = counts.withLock(\.outgoing)()
        return max(0, wanted + outgoing - files)
    }
}
