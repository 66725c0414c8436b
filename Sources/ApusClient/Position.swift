// SPDX-License-Identifier: Apache-2.0

// Where to begin to read, in the words of the API.

import ApusModel

/// A place in a topic, as a person names it.
public struct Position: Sendable, Hashable, CustomStringConvertible {
    /// The place as the API spells it.
    public let description: String

    /// The first event that is kept.
    public static let earliest = Position(checked: "earliest")
    /// The next event to come.
    public static let latest = Position(checked: "latest")

    /// An offset, the same in every partition.
    public static func offset(_ offset: Int64) -> Position { Position(checked: String(max(0, offset))) }

    /// So long ago.
    public static func ago(_ duration: Duration) -> Position {
        Position(checked: DurationText.format(duration))
    }

    /// A place from text: `earliest`, `latest`, an offset, a time (RFC 3339), or a duration back from now.
    ///
    /// Whether a time is a valid date is left to the server; this tells typing errors early.
    public init?(_ text: String) {
        let isWord = text == "earliest" || text == "latest"
        guard
            isWord || Int64(text).map({ $0 >= 0 }) == true || DurationText.parse(text) != nil
                || Self.looksLikeTime(text)
        else { return nil }
        description = text
    }

    private init(checked text: String) { description = text }

    private static func looksLikeTime(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count >= 17, bytes.count <= 40 else { return false }
        let separators: [(Int, [UInt8])] = [
            (4, [0x2D]), (7, [0x2D]), (10, [0x54, 0x74]), (13, [0x3A]), (16, [0x3A]),
        ]
        return bytes.prefix(4).allSatisfy { (0x30...0x39).contains($0) }
            && separators.allSatisfy { $0.1.contains(bytes[$0.0]) }
    }
}
