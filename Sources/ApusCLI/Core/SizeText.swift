// SPDX-License-Identifier: Apache-2.0

// Sizes and counts as people write and read them.

/// The text form of sizes in bytes: a number and `KiB`, `MiB`, `GiB`, `TiB` (or `K`, `M`, `G`, `T`, which mean the same).
package enum SizeText {
    private static let units: [(name: String, letter: String, shift: Int)] = [
        ("TiB", "T", 40), ("GiB", "G", 30), ("MiB", "M", 20), ("KiB", "K", 10),
    ]

    /// The bytes that a text such as `256MiB`, `4K` or `100` means; nil for anything else.
    package static func parse(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let number = Int(digits) else { return nil }
        if unit.isEmpty || unit == "B" { return number }
        guard let shift = units.first(where: { unit == $0.name || unit == $0.letter })?.shift else {
            return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : product
    }

    /// The size as ``parse(_:)`` takes it, in the largest unit that it is whole in.
    package static func exact(_ bytes: Int) -> String {
        guard bytes > 0, let unit = units.first(where: { bytes % (1 << $0.shift) == 0 }) else {
            return String(bytes)
        }
        return "\(bytes >> unit.shift)\(unit.name)"
    }

    /// The size with one digit after the point, in the largest unit that it fills.
    package static func format(_ bytes: Int) -> String {
        guard let unit = units.first(where: { bytes >> $0.shift > 0 }) else { return "\(bytes) B" }
        return "\(Decimal.format(Double(bytes) / Double(1 << unit.shift), digits: 1)) \(unit.name)"
    }
}

/// Numbers for people.
package enum Decimal {
    /// With a fixed number of digits after the point.
    package static func format(_ value: Double, digits: Int) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return "-" }
        var scale = 1
        for _ in 0..<max(0, digits) { scale *= 10 }
        let scaled = Int64((value.magnitude * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % Int64(scale))
        return
            "\(sign)\(scaled / Int64(scale)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }

    /// With commas between thousands.
    package static func grouped(_ value: some BinaryInteger) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    /// A part of a whole in percent; one digit after the point below ten.
    package static func percent(_ part: Int64, of whole: Int64) -> String {
        let share = whole > 0 ? 100 * Double(part) / Double(whole) : 100
        return "\(format(share, digits: share < 10 ? 1 : 0)) %"
    }

    /// A duration as a person says it: three significant places at most.
    package static func brief(_ duration: Duration) -> String {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        switch seconds {
        case ..<0.001: return "\(format(seconds * 1e6, digits: 0)) us"
        case ..<1: return "\(format(seconds * 1e3, digits: seconds < 0.1 ? 2 : 0)) ms"
        case ..<60: return "\(format(seconds, digits: 1)) s"
        case ..<3600: return "\(Int(seconds) / 60) min \(Int(seconds) % 60) s"
        default: return "\(Int(seconds) / 3600) h \(Int(seconds) % 3600 / 60) min"
        }
    }
}
