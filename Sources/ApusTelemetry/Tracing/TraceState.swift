// SPDX-License-Identifier: Apache-2.0

// W3C Trace Context: `tracestate`, which Apus passes on and never reads. It is checked and bounded,
// because what a client sent goes out again to whoever receives its events.

/// What tracing systems on the way added for themselves: a list of `key=value` (section 3.3).
public struct TraceState: Hashable, Sendable, CustomStringConvertible {
    /// The most entries a list can have (section 3.3.1.1).
    public static let entriesMax = 32
    /// The most characters passed on; the specification asks for at least 512 (section 3.3.1.5).
    public static let charactersMax = 512

    private let entries: [Substring]

    /// An empty list: no header is sent.
    public init() {
        entries = []
    }

    /// The list in the header's value; nil if it is not valid. Several headers of this name count as one,
    /// joined by commas.
    ///
    /// A list that is too long loses entries as section 3.3.1.5 says: those over 128 characters first, then
    /// those at the end.
    public init?(parsing header: String) {
        let parts = header.split(separator: ",").map(Self.trimmed).filter { !$0.isEmpty }
        guard parts.count <= Self.entriesMax else { return nil }
        var keys = Set<Substring>()
        for part in parts {
            guard let equals = part.firstIndex(of: "=") else { return nil }
            let key = part[..<equals]
            let value = part[part.index(after: equals)...]
            guard Self.isKey(key), Self.isValue(value), keys.insert(key).inserted else { return nil }
        }
        entries = Self.bounded(parts)
    }

    /// Whether there is nothing to send.
    public var isEmpty: Bool { entries.isEmpty }

    /// The header's value.
    public var description: String { entries.joined(separator: ",") }

    private static func bounded(_ entries: [Substring]) -> [Substring] {
        func length(_ entries: [Substring]) -> Int {
            entries.reduce(entries.count - 1) { $0 + $1.utf8.count }
        }
        var kept = entries
        while length(kept) > charactersMax, let long = kept.lastIndex(where: { $0.utf8.count > 128 }) {
            kept.remove(at: long)
        }
        while length(kept) > charactersMax { kept.removeLast() }
        return kept
    }

    /// Without the optional white space that may stand around an entry.
    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }

    /// A lower-case letter or digit, then up to 255 of those and `_-*/@` (level 2, which takes all keys of
    /// level 1).
    private static func isKey(_ key: Substring) -> Bool {
        guard (1...256).contains(key.utf8.count), let first = key.utf8.first else { return false }
        return isLetterOrDigit(first)
            && key.utf8.allSatisfy { isLetterOrDigit($0) || "_-*/@".utf8.contains($0) }
    }

    /// 1 to 256 printable characters of ASCII but commas and equals signs; the last is no space, which
    /// trimming has seen to.
    private static func isValue(_ value: Substring) -> Bool {
        (1...256).contains(value.utf8.count)
            && value.utf8.allSatisfy { (0x20...0x7e).contains($0) && !",=".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
