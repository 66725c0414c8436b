// SPDX-License-Identifier: Apache-2.0

// Text with `*` for any run of characters. Matching is linear in the value: each literal piece is searched
// once, from where the one before ended, and never backed up over (the first place a piece fits leaves the
// most room for the rest, so trying a later one cannot help).

/// A text with wildcards, parsed.
struct Wildcard: Sendable, Hashable {
    /// As written, escapes included.
    let text: [UInt8]
    /// The literal text before the first wildcard; the whole text if there is none.
    private(set) var head: [UInt8] = []
    /// The literal texts between wildcards.
    private(set) var middle: [Piece] = []
    /// The literal text after the last wildcard, nil if there is none.
    private(set) var tail: [UInt8]?

    /// Parses a text in which `\*` and `\\` stand for themselves; nil if another character is escaped or
    /// two wildcards touch.
    init?(_ text: [UInt8]) {
        self.text = text
        var pieces: [[UInt8]] = [[]]
        var index = 0
        while index < text.count {
            var byte = text[index]
            if byte == 0x2A {
                guard index == 0 || !pieces[pieces.count - 1].isEmpty else { return nil }
                pieces.append([])
            } else {
                if byte == 0x5C {
                    index += 1
                    guard index < text.count, text[index] == 0x2A || text[index] == 0x5C else { return nil }
                    byte = text[index]
                }
                pieces[pieces.count - 1].append(byte)
            }
            index += 1
        }
        head = pieces.removeFirst()
        tail = pieces.popLast()
        middle = pieces.map(Piece.init)
    }

    /// Whether `value`, which is known to start with `head`, fits.
    func matches(afterHead value: UnsafeRawBufferPointer) -> Bool {
        guard let tail else { return value.count == head.count }
        var index = head.count
        let end = value.count - tail.count
        guard end >= index else { return false }
        for piece in middle {
            guard let next = piece.end(in: value, from: index, to: end) else { return false }
            index = next
        }
        for offset in 0..<tail.count where value[end + offset] != tail[offset] { return false }
        return true
    }

    /// Whether `value` fits.
    func matches(_ value: UnsafeRawBufferPointer) -> Bool {
        value.starts(with: head) && matches(afterHead: value)
    }
}

/// A literal text to search for, with the table of Knuth, Morris and Pratt.
struct Piece: Sendable, Hashable {
    let text: [UInt8]
    /// For each length, the longest proper border of the text's first bytes.
    private let borders: [Int]

    /// Prepares a search for `text`, which is not empty.
    init(_ text: [UInt8]) {
        var borders = [0, 0]
        var border = 0
        for index in 1..<max(text.count, 1) {
            while border > 0, text[index] != text[border] { border = borders[border] }
            if text[index] == text[border] { border += 1 }
            borders.append(border)
        }
        self.text = text
        self.borders = borders
    }

    /// The position after the first occurrence that lies in `start..<end`.
    func end(in value: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int? {
        var matched = 0
        var index = start
        while index < end {
            while matched > 0, value[index] != text[matched] { matched = borders[matched] }
            if value[index] == text[matched] { matched += 1 }
            index += 1
            if matched == text.count { return index }
        }
        return nil
    }
}
