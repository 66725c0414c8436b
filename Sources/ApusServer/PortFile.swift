// SPDX-License-Identifier: Apache-2.0

// The file that tells scripts where a server listens, for those who let the system choose the port.

import ApusNetwork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes bound addresses where scripts look for them.
enum PortFile {
    /// Writes one address a line, those of the HTTP API first and as they are, those of other protocols behind the protocol's name; the file
    /// appears complete or not at all.
    static func write(_ addresses: ServerAddresses, to path: String) throws {
        let text = (addresses.http.map { "\($0)\n" } + addresses.kafka.map { "kafka \($0)\n" }).joined()
        let temporary = path + ".new"
        guard let file = fopen(temporary, "w") else { throw failure(temporary) }
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten, rename(temporary, path) == 0 else { throw failure(path) }
    }

    private static func failure(_ path: String) -> ServerError {
        ServerError(description: "\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
}
