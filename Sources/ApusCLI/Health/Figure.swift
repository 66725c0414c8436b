// SPDX-License-Identifier: Apache-2.0

// Figures of the server's answers, as people read them.

internal import ApusModel
internal import ApusTelemetry
internal import CloudEvents
internal import JSONText

/// Figures for people.
enum Figure {
    static func count(_ value: JSONValue?) -> String { value?.int64.map { Decimal.grouped($0) } ?? "-" }

    /// Per second, over the last minute.
    static func rate(_ value: JSONValue?) -> String {
        guard let rate = value?["1m"]?.number?.double else { return "-" }
        return Decimal.format(rate, digits: rate < 10 && rate > 0 ? 1 : 0)
    }

    /// Per second, over one minute and five.
    static func rates(_ value: JSONValue?) -> String {
        guard let minute = value?["1m"]?.number?.double, let five = value?["5m"]?.number?.double else {
            return "not known yet: the server has only just begun to look"
        }
        return
            "\(Decimal.format(minute, digits: 1))/s over one minute, \(Decimal.format(five, digits: 1))/s over five"
    }

    static func percent(_ value: JSONValue?) -> String {
        value?.number?.double.map { "\(Decimal.format($0 * 100, digits: 0)) %" } ?? "-"
    }

    static func bytes(_ value: JSONValue?) -> String { value?.int64.map(ByteText.about) ?? "-" }

    /// How long ago a time was; nil for none.
    static func age(_ value: JSONValue?, now: WallTime = .now) -> String? {
        guard let time = milliseconds(value) else { return nil }
        let passed = now.nanosecondsSinceEpoch / 1_000_000 - time
        return DurationText.about(.milliseconds(max(0, passed)))
    }

    /// A time, in milliseconds since 1970.
    static func milliseconds(_ value: JSONValue?) -> Int64? {
        value?.string.flatMap { CloudEventTimestamp($0)?.millisecondsSinceEpoch }
    }
}
