// SPDX-License-Identifier: Apache-2.0

// Durations as the API and the command line write them: a number and a unit, `250ms`, `30s`, `5m`, `12h`, `7d`.

/// The text form of durations.
public enum DurationText {
    /// What can stand behind the number, with its length in milliseconds; the longest first.
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// The longest duration accepted: 100 years, so that sums with times of day cannot overflow.
    public static let max = Duration.seconds(36_525 * 86_400)

    /// The duration that a text such as `250ms` or `7d` means; nil for anything else, and for more than ``max``.
    public static func parse(_ text: some StringProtocol) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits),
            let unit = units.first(where: { $0.name == text.dropFirst(digits.count) })
        else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
        return overflow || product > max.milliseconds ? nil : .milliseconds(product)
    }

    /// The shortest text that means the duration exactly, to the millisecond; negative durations read as `0s`.
    public static func format(_ duration: Duration) -> String {
        let milliseconds = Swift.max(0, duration.milliseconds)
        guard milliseconds > 0 else { return "0s" }
        let unit = units.first { milliseconds % $0.milliseconds == 0 } ?? ("ms", 1)
        return "\(milliseconds / unit.milliseconds)\(unit.name)"
    }

    /// About how long that is, for sentences: one unit, `42 s`, `5 min`, `3 h`, `2 d`; below a second in milliseconds.
    public static func about(_ duration: Duration) -> String {
        let milliseconds = Swift.max(0, duration.milliseconds)
        switch milliseconds {
        case ..<1000: return "\(milliseconds) ms"
        case ..<120_000: return "\(milliseconds / 1000) s"
        case ..<7_200_000: return "\(milliseconds / 60_000) min"
        case ..<172_800_000: return "\(milliseconds / 3_600_000) h"
        default: return "\(milliseconds / 86_400_000) d"
        }
    }
}
