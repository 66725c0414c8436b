// SPDX-License-Identifier: Apache-2.0

// Amounts of bytes in sentences.

/// The text form of amounts of bytes, for people.
public enum ByteText {
    private static let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]

    /// About how much that is: `512 MiB`, `1.5 GiB`.
    public static func about(_ bytes: Int64) -> String {
        var (value, unit) = (Double(bytes), 0)
        while value.magnitude >= 1024, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
        let tenths = Int64((value * 10).rounded())
        let digits =
            tenths % 10 == 0 || value.magnitude >= 100
            ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
        return "\(digits) \(units[unit])"
    }
}
