// SPDX-License-Identifier: Apache-2.0

// Newline-delimited input, in whatever pieces it comes.

/// Takes lines out of a stream of bytes.
package struct LineSplitter {
    private var rest: [UInt8] = []
    private let bytesMax: Int

    /// A splitter that refuses lines of more than `bytesMax` bytes.
    package init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// The lines that these bytes complete, without their ends (LF or CRLF); blank lines are left out.
    package mutating func split(_ bytes: [UInt8]) throws(Failure) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            append(rest + bytes[start..<end], to: &lines)
            rest = []
            start = end + 1
        }
        rest += bytes[start...]
        guard rest.count <= bytesMax, lines.allSatisfy({ $0.count <= bytesMax }) else {
            throw Failure("a line is too long", why: "an event has at most \(SizeText.format(bytesMax))")
        }
        return lines
    }

    /// The last line, if the input does not end with a line feed.
    package mutating func finish() -> [[UInt8]] {
        var lines: [[UInt8]] = []
        append(rest, to: &lines)
        rest = []
        return lines
    }

    private func append(_ line: [UInt8], to lines: inout [[UInt8]]) {
        var line = line
        if line.last == 0x0D { line.removeLast() }
        let isBlank = line.allSatisfy { $0 == 0x20 || $0 == 0x09 }
        if !isBlank { lines.append(line) }
    }
}
