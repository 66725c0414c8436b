// SPDX-License-Identifier: Apache-2.0

// Durations as people write them: a whole number and a unit, the same in queries and in JSON.

internal import ApusModel

/// Reads and writes durations such as `250ms` and `7d`.
enum DurationText {
    /// The longest duration accepted: 100 years, so that sums with times of day cannot overflow.
    static let max = Duration.seconds(36_525 * 86_400)

    /// The duration that `text` says, nil if it is none or longer than ``max``.
    static func parse(_ text: some StringProtocol) -> Duration? {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, digits.count <= 15, let number = Int64(String(decoding: digits, as: UTF8.self))
        else { return nil }
        guard let unit = units.first(where: { $0.name.utf8.elementsEqual(text.utf8.dropFirst(digits.count)) })
        else { return nil }
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
        guard !overflow, milliseconds <= max.milliseconds else { return nil }
        return .milliseconds(milliseconds)
    }

    /// The duration in the largest unit that says it exactly; parts of milliseconds are cut off.
    static func text(_ duration: Duration) -> String {
        let milliseconds = duration.milliseconds
        guard milliseconds != 0 else { return "0s" }
        for unit in units.reversed() where milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.name)"
        }
        return "\(milliseconds)ms"
    }

    private static let units: [(name: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]
}
