// SPDX-License-Identifier: Apache-2.0

// Positions and times: the two axes along which a log can be read.

/// A record's place in its log: grows, is never reused, and may have holes.
public struct Offset: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
    /// The number, at least 0 for every stored record.
    public var rawValue: Int64

    /// An offset of the given number.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// An offset of the given number.
    public init(_ value: Int64) { self.rawValue = value }

    /// The first offset that a log can have.
    public static let zero = Offset(0)

    /// The offset `distance` places further on.
    public func advanced(by distance: Int64) -> Offset { Offset(rawValue + distance) }

    public static func < (left: Offset, right: Offset) -> Bool { left.rawValue < right.rawValue }

    public var description: String { String(rawValue) }
}

/// A moment of wall time in milliseconds since 1970-01-01T00:00:00Z, as Kafka's record format keeps it.
public struct Timestamp: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
    /// Milliseconds since the epoch; may be negative.
    public var rawValue: Int64

    /// A moment by its milliseconds since the epoch.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// A moment by its milliseconds since the epoch.
    public init(milliseconds: Int64) { self.rawValue = milliseconds }

    /// The moment `duration` later; a sum beyond the range stays at its end.
    public func advanced(by duration: Duration) -> Timestamp {
        let (sum, overflow) = rawValue.addingReportingOverflow(duration.milliseconds)
        guard overflow else { return Timestamp(milliseconds: sum) }
        return Timestamp(milliseconds: duration < .zero ? .min : .max)
    }

    /// The time from this moment to a later one; negative when `other` is earlier.
    public func duration(to other: Timestamp) -> Duration {
        .milliseconds(other.rawValue) - .milliseconds(rawValue)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.rawValue < right.rawValue }

    public var description: String { String(rawValue) }
}

extension Duration {
    /// The duration in whole milliseconds, rounded towards zero, clamped to what 64 bits hold.
    public var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        return product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000).partialValue
    }

    /// The duration in seconds, for metrics and messages.
    public var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
