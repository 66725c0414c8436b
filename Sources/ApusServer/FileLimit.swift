// SPDX-License-Identifier: Apache-2.0

// Connections and segments are open files, and systems hand out a small number of those by default although they allow more. The server takes what
// it may have, and never accepts so many connections that none are left for its log.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The number of files that the process may have open.
enum FileLimit {
    /// What segments, journal files, webhooks and the rest need beside connections.
    static let reserve = 1_024
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

    /// How many connections fit beside everything else; `wanted` at most.
    static func connections(wanted: Int, files: Int) -> Int {
        min(wanted, max(connectionsMin, files - reserve))
    }
}
