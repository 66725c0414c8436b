// SPDX-License-Identifier: Apache-2.0

// Keys as they are pressed, and a screen of its own while they are read. The terminal is as it was when this ends.

internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The terminal, key by key.
final class TerminalKeys: Sendable {
    private let saved = Mutex<termios?>(nil)

    /// Switches the terminal to single keys without echo, and to its other screen.
    init() {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
        saved.withLock { $0 = settings }
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
        // A read returns at once with what there is.
        withUnsafeMutableBytes(of: &settings.c_cc) { bytes in
            bytes[Int(VMIN)] = 0
            bytes[Int(VTIME)] = 0
        }
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        Self.write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J")
    }

    /// The keys that were pressed since the last call.
    func pressed() -> [Character] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        guard count > 0 else { return [] }
        // An arrow or a function key is a sequence that begins with Esc: no key of ours.
        if count > 1, bytes[0] == 0x1B { return [] }
        return bytes[..<count].map { Character(UnicodeScalar($0)) }
    }

    /// Has the terminal as it was.
    func restore() {
        let settings = saved.withLock { saved in
            defer { saved = nil }
            return saved
        }
        guard var settings else { return }
        Self.write("\u{1B}[?25h\u{1B}[?1049l")
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }

    /// How many lines the terminal has.
    static func height() -> Int? {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return nil }
        return Int(size.ws_row)
    }

    private static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { systemWrite($0) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    private static func systemWrite(_ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(STDOUT_FILENO, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(STDOUT_FILENO, bytes.baseAddress, bytes.count)
        #endif
    }
}
