// SPDX-License-Identifier: Apache-2.0

// Where commands write. Data goes to standard output and everything else to standard error, so that a pipe gets data only.

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Standard output and standard error, and what stands behind them.
package struct Console: Sendable {
    /// One of the two.
    package enum Stream: Sendable {
        case output, error
    }

    /// Whether a person sees standard output.
    package var isOutputTerminal: Bool
    /// Whether a person sees standard error.
    package var isErrorTerminal: Bool
    /// Whether colours may be used.
    package var usesColor: Bool
    /// The width of the terminal in characters; nil when standard output is not one.
    package var width: Int?
    private let sink: @Sendable (Stream, [UInt8]) -> Void

    /// A console that hands everything to `sink`.
    package init(
        isOutputTerminal: Bool = false, isErrorTerminal: Bool = false, usesColor: Bool = false,
        width: Int? = nil,
        sink: @escaping @Sendable (Stream, [UInt8]) -> Void
    ) {
        self.isOutputTerminal = isOutputTerminal
        self.isErrorTerminal = isErrorTerminal
        self.usesColor = usesColor
        self.width = width
        self.sink = sink
    }

    /// The process's own. Colours follow https://no-color.org and `TERM=dumb`.
    package static func process(variables: [String: String]) -> Console {
        let isOutputTerminal = isatty(STDOUT_FILENO) == 1
        let isPlain = variables["NO_COLOR"]?.isEmpty == false || variables["TERM"] == "dumb"
        return Console(
            isOutputTerminal: isOutputTerminal,
            isErrorTerminal: isatty(STDERR_FILENO) == 1 && variables["TERM"] != "dumb",
            usesColor: isOutputTerminal && !isPlain, width: isOutputTerminal ? terminalWidth() : nil
        ) { stream, bytes in
            write(bytes, to: stream == .output ? STDOUT_FILENO : STDERR_FILENO)
        }
    }

    /// Writes a line of data.
    package func print(_ line: String) { sink(.output, Array(line.utf8) + [0x0A]) }
    /// Writes bytes of data as they are.
    package func write(_ bytes: [UInt8]) { sink(.output, bytes) }
    /// Writes a line that is not data.
    package func note(_ line: String) { sink(.error, Array(line.utf8) + [0x0A]) }
    /// Writes to standard error without ending the line.
    package func noteWithoutNewline(_ text: String) { sink(.error, Array(text.utf8)) }

    private static func terminalWidth() -> Int? {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// Writes everything, or ends the process when nobody reads any more, as a signal would have done.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EPIPE {
                exit(128 + SIGPIPE)
            } else if errno != EINTR && errno != EAGAIN {
                return
            }
        }
    }

    private static func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }
}

/// Text with colour, for consoles that have it.
package enum Style: String, Sendable {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
}

extension Console {
    /// The text in a style, or as it is where there are no colours.
    package func styled(_ text: String, _ style: Style) -> String {
        usesColor ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Text from outside with control characters replaced, so that an event cannot drive the terminal.
    package static func printable(_ text: String) -> String {
        let isClean = text.unicodeScalars.allSatisfy { !isControl($0) }
        if isClean { return text }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { scalars.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
        return String(scalars)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            || (0x202A...0x202E).contains(scalar.value)
            || (0x2066...0x2069).contains(scalar.value)
    }
}
