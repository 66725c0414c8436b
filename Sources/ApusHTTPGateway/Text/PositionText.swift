// SPDX-License-Identifier: Apache-2.0

// Positions in a topic as people write them: `earliest`, `latest`, an offset, a time, or a duration back from now.

internal import ApusEngine
internal import ApusModel
internal import CloudEvents

/// Reads and writes positions.
enum PositionText {
    /// What can stand for a position, for messages.
    static let grammar =
        "'earliest', 'latest', an offset, a time (RFC 3339), or a duration back from now such as '1h'"

    /// The position that `text` says, nil if it is none.
    static func parse(_ text: String, now: Timestamp) -> StartPosition? {
        switch text {
        case "earliest": return .earliest
        case "latest": return .latest
        default: break
        }
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Int64(text).map { .offset(Offset($0)) }
        }
        if let back = DurationText.parse(text) {
            return .time(now.advanced(by: .zero - back))
        }
        return TimeText.parse(text).map { .time($0) }
    }

    /// The position as text that reads back as itself.
    static func text(_ position: StartPosition) -> String {
        switch position {
        case .earliest: "earliest"
        case .latest: "latest"
        case .offset(let offset): String(offset.rawValue)
        case .time(let time): TimeText.text(time)
        }
    }
}

/// Reads and writes moments of wall time by RFC 3339.
enum TimeText {
    /// What can stand for a moment, for messages.
    static let grammar = "a time (RFC 3339), or a duration back from now such as '1h'"

    /// The moment that `text` says, in words or as a duration back from `now`; nil if it is none.
    static func parse(_ text: String, now: Timestamp) -> Timestamp? {
        DurationText.parse(text).map { now.advanced(by: .zero - $0) } ?? parse(text)
    }

    /// The moment in UTC, with milliseconds.
    static func text(_ time: Timestamp) -> String {
        CloudEventTimestamp(millisecondsSinceEpoch: time.rawValue).description
    }

    /// The moment that `text` says, nil if it is none.
    static func parse(_ text: String) -> Timestamp? {
        CloudEventTimestamp(text).map { Timestamp(milliseconds: $0.millisecondsSinceEpoch) }
    }
}
