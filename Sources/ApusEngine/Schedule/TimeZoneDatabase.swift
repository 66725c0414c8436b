// SPDX-License-Identifier: Apache-2.0

// Where time zones come from: the compiled files of the system's time zone database, or what a test says. Only names that are in the form of
// such names are looked up, so that nobody reads other files through them.

import ApusSchedule

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why there is no such zone.
public struct TimeZoneLookupError: Error, Sendable, Hashable {
    /// For a person.
    public let reason: String

    /// Why there is no such zone.
    public init(reason: String) { self.reason = reason }
}

/// Time zones by name.
public struct TimeZoneDatabase: Sendable {
    private let read: @Sendable (String) -> [UInt8]?

    /// Zones whose files `read` knows; nil for what there is not.
    public init(_ read: @escaping @Sendable (String) -> [UInt8]?) { self.read = read }

    /// The files below a folder.
    public static func folder(_ path: String) -> TimeZoneDatabase {
        TimeZoneDatabase { name in contents(of: "\(path)/\(name)") }
    }

    /// The system's database.
    public static let system = TimeZoneDatabase.folder("/usr/share/zoneinfo")

    /// The zone of this name; UTC needs no database.
    func zone(named name: String) throws(TimeZoneLookupError) -> TimeZoneRules {
        if ["UTC", "Etc/UTC", "Z"].contains(name) { return .utc }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isName =
            (1...4).contains(parts.count) && name.utf8.count <= 64
            && parts.allSatisfy { part in
                !part.isEmpty
                    && part.utf8.allSatisfy { byte in
                        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x2B
                            || byte == 0x2D || byte == 0x5F
                    }
            }
        guard isName else {
            throw TimeZoneLookupError(
                reason: "'\(name.prefix(80))' is no time zone: use a name such as Europe/Berlin")
        }
        guard let file = read(name) else {
            throw TimeZoneLookupError(
                reason: read("UTC") == nil && read("Etc/UTC") == nil
                    ? "time zone '\(name)' cannot be looked up: the server has no time zone database (package tzdata)"
                    : "there is no time zone '\(name)': use a name such as Europe/Berlin")
        }
        do throws(TimeZoneFileError) {
            return try TimeZoneRules(name: name, file: file)
        } catch { throw TimeZoneLookupError(reason: "time zone '\(name)' cannot be used: \(error.reason)") }
    }

    /// A file of up to a megabyte; nil for anything else.
    private static func contents(of path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { _ = close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count <= 1 << 20 {
            let count = buffer.withUnsafeMutableBytes { systemRead(file, $0.baseAddress, $0.count) }
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
        return nil
    }
}

/// `read`, by a name that the database's own does not hide.
private func systemRead(_ file: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(file, bytes, count)
}
