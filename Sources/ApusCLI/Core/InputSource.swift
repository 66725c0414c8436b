// SPDX-License-Identifier: Apache-2.0

// Files and standard input, read in pieces on threads that may block, so that a slow pipe never holds up a request.

internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Something that bytes can be read from.
package struct InputSource: Sendable {
    /// Whether a person types it.
    package var isTerminal: Bool
    /// How many bytes there are, if that is known.
    package var byteCount: Int?
    /// Reads up to that many bytes; none at the end.
    package var read: @Sendable (Int) async throws -> [UInt8]

    /// A source of bytes.
    package init(
        isTerminal: Bool = false, byteCount: Int? = nil,
        read: @escaping @Sendable (Int) async throws -> [UInt8]
    ) {
        self.isTerminal = isTerminal
        self.byteCount = byteCount
        self.read = read
    }

    /// Standard input.
    package static let standardInput = InputSource(
        isTerminal: isatty(STDIN_FILENO) == 1, byteCount: size(of: STDIN_FILENO)
    ) { count in
        try await readBlocking(STDIN_FILENO, count)
    }

    /// Opens a file for the time of `body`; `-` is standard input.
    package static func withFile<Result>(
        _ path: String, session: Session = .current, _ body: (InputSource) async throws -> Result
    ) async throws -> Result {
        if path == "-" { return try await body(session.input) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure("cannot read \(path)", why: String(cString: strerror(errno)), status: .failure)
        }
        defer { close(descriptor) }
        return try await body(
            InputSource(byteCount: size(of: descriptor)) { try await readBlocking(descriptor, $0) })
    }

    /// Everything that is left, up to `limit` bytes.
    package func readAll(limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try await read(1 << 16)
            if piece.isEmpty { return bytes }
            bytes += piece
            guard bytes.count <= limit else {
                throw Failure("the input is too large", why: "more than \(SizeText.format(limit))")
            }
        }
    }

    private static func readBlocking(_ descriptor: Int32, _ count: Int) async throws -> [UInt8] {
        try await NIOThreadPool.singleton.runIfActive {
            while true {
                var outcome = 0
                let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                    outcome = systemRead(descriptor, buffer)
                    filled = max(0, outcome)
                }
                if outcome >= 0 { return bytes }
                guard errno == EINTR else {
                    throw Failure("cannot read the input", why: String(cString: strerror(errno)))
                }
            }
        }
    }

    private static func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        #if canImport(Glibc)
            Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #else
            Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }

    /// The size, for files only: pipes have none.
    private static func size(of descriptor: Int32) -> Int? {
        var information = stat()
        guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return Int(information.st_size)
    }
}
