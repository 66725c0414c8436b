// SPDX-License-Identifier: Apache-2.0

// What `apus doctor` asks the system. The answers are judged elsewhere (LocalChecks), so that the judgements can be tested.

internal import ApusModel
package import ApusNetwork
internal import ApusStorage
internal import ApusXSD
internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Questions to the system.
package struct DoctorProbes: Sendable {
    /// The folder itself if it is there, or else the nearest folder above it that is; and the error that keeps files from being
    /// written there, if there is one.
    package var writability: @Sendable (_ folder: String) -> (existing: String, error: String?)
    /// How long a small write takes to be on the disk, at the median; nil where it cannot be measured.
    package var flush: @Sendable (_ folder: String) async throws -> Duration?
    /// Bytes free for this user on the folder's file system, and its size.
    package var space: @Sendable (_ folder: String) -> (free: Int, total: Int)?
    /// How many files may be open.
    package var openFiles: @Sendable () -> Int?
    /// Whether something accepts connections there.
    package var answers: @Sendable (ListenAddress) async -> Bool
    /// Wall time in seconds since 1970.
    package var now: @Sendable () -> Int
    /// When the folder was last changed, in seconds since 1970, by the clock of that time.
    package var lastChange: @Sendable (_ folder: String) -> Int?
    /// Whether the library that XML Schema needs is installed.
    package var hasXMLSchema: @Sendable () -> Bool = { XSDLibrary.isAvailable }

    /// Questions to the system.
    package init(
        writability: @escaping @Sendable (String) -> (existing: String, error: String?),
        flush: @escaping @Sendable (String) async throws -> Duration?,
        space: @escaping @Sendable (String) -> (free: Int, total: Int)?,
        openFiles: @escaping @Sendable () -> Int?,
        answers: @escaping @Sendable (ListenAddress) async -> Bool,
        now: @escaping @Sendable () -> Int,
        lastChange: @escaping @Sendable (String) -> Int?
    ) {
        self.writability = writability
        self.flush = flush
        self.space = space
        self.openFiles = openFiles
        self.answers = answers
        self.now = now
        self.lastChange = lastChange
    }

    /// This system.
    package static let system = DoctorProbes(
        writability: SystemProbes.writability, flush: { try await SystemProbes.flush(in: $0) },
        space: SystemProbes.space,
        openFiles: SystemProbes.openFiles, answers: SystemProbes.answers, now: { Int(time(nil)) },
        lastChange: SystemProbes.lastChange)
}

/// The answers of this system.
private enum SystemProbes {
    static func writability(_ folder: String) -> (existing: String, error: String?) {
        var existing = folder
        while access(existing, F_OK) != 0, existing != "/", existing != "." {
            let slash = existing.lastIndex(of: "/")
            existing = slash.map { $0 == existing.startIndex ? "/" : String(existing[..<$0]) } ?? "."
        }
        let isWritable = access(existing, W_OK | X_OK) == 0
        return (existing, isWritable ? nil : String(cString: strerror(errno)))
    }

    /// The median time of a write and flush as the journal makes them; nil when the folder cannot be written.
    static func flush(in folder: String) async throws -> Duration? {
        try await NIOThreadPool.singleton.runIfActive {
            try? FileLogStore.measureFlush(in: folder).median
        }
    }

    static func space(_ folder: String) -> (free: Int, total: Int)? {
        var information = statvfs()
        guard statvfs(folder, &information) == 0 else { return nil }
        let unit = Int(information.f_frsize)
        return (Int(information.f_bavail) * unit, Int(information.f_blocks) * unit)
    }

    static func openFiles() -> Int? {
        var limit = rlimit()
        #if canImport(Glibc)
            let result = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #else
            let result = getrlimit(RLIMIT_NOFILE, &limit)
        #endif
        return result == 0 ? Int(clamping: limit.rlim_cur) : nil
    }

    static func answers(_ address: ListenAddress) async -> Bool {
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.seconds(1))
        guard let channel = try? await bootstrap.connect(host: address.host, port: address.port).get() else {
            return false
        }
        try? await channel.close().get()
        return true
    }

    static func lastChange(_ folder: String) -> Int? {
        var information = stat()
        guard stat(folder, &information) == 0 else { return nil }
        #if canImport(Glibc)
            return information.st_mtim.tv_sec
        #else
            return information.st_mtimespec.tv_sec
        #endif
    }
}
