// SPDX-License-Identifier: Apache-2.0

// Where log lines go: whole lines, each in one write call, so that lines of several threads (and of
// several processes sharing a pipe, up to the pipe's atomic size) never mix.

import Glibc

/// Takes finished log lines.
public struct LogOutput: Sendable {
    /// Whether lines are read by a person at a terminal that shows colours.
    public let showsColour: Bool
    private let writeLine: @Sendable (String) -> Void

    /// An output that hands each line, which ends with a line feed, to `write`.
    public init(showsColour: Bool = false, write: @escaping @Sendable (String) -> Void) {
        self.showsColour = showsColour
        writeLine = write
    }

    /// The process's standard error; colours only at a terminal, unless `NO_COLOR` (no-color.org) or
    /// `TERM=dumb` says otherwise.
    public static let standardError = LogOutput(showsColour: standardErrorShowsColour) { line in
        writeAll(line, to: STDERR_FILENO)
    }

    /// Writes one line, which ends with a line feed.
    func write(_ line: String) {
        writeLine(line)
    }

    private static var standardErrorShowsColour: Bool {
        guard isatty(STDERR_FILENO) == 1 else { return false }
        return environment("NO_COLOR").isEmpty && environment("TERM") != "dumb"
    }

    private static func environment(_ name: String) -> String {
        getenv(name).map { String(cString: $0) } ?? ""
    }

    /// One write call, and more only for what an interrupted or short one left over. A log that cannot
    /// be written has nobody to be reported to, so other errors end it.
    private static func writeAll(_ line: String, to descriptor: CInt) {
        var line = line
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)[...]
            while !rest.isEmpty {
                let written = Glibc.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written > 0 {
                    rest = rest.dropFirst(written)
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}
