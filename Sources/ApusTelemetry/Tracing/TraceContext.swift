// SPDX-License-Identifier: Apache-2.0

// W3C Trace Context: `traceparent` parsed strictly and written back. A header that is wrong in any way
// starts a new trace, as the specification asks, so parsing only says yes or no.

/// The identity of a trace: 16 bytes, not all zero.
public struct TraceID: Hashable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    /// An identity of these 128 bits; nil if all are zero.
    public init?(high: UInt64, low: UInt64) {
        guard high != 0 || low != 0 else { return nil }
        self.high = high
        self.low = low
    }

    /// A random identity.
    public init(using generator: inout some RandomNumberGenerator) {
        high = generator.next()
        low = .random(in: 1...UInt64.max, using: &generator)
    }

    /// 32 lower-case hexadecimal digits.
    public var description: String {
        String(unsafeUninitializedCapacity: 32) { text in
            write(to: text, at: 0)
            return 32
        }
    }

    fileprivate func write(to text: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
        Hexadecimal.write(high, to: text, at: start..<start + 16)
        Hexadecimal.write(low, to: text, at: start + 16..<start + 32)
    }

    /// The lower half, which is random in every trace whose maker follows level 2 of the
    /// specification: what a ratio of traces is drawn by.
    var randomBits: UInt64 { low }
}

/// The identity of a span within its trace: 8 bytes, not all zero.
public struct SpanID: Hashable, Sendable, CustomStringConvertible {
    private let bits: UInt64

    /// An identity of these 64 bits; nil if all are zero.
    public init?(_ bits: UInt64) {
        guard bits != 0 else { return nil }
        self.bits = bits
    }

    /// A random identity.
    public init(using generator: inout some RandomNumberGenerator) {
        bits = .random(in: 1...UInt64.max, using: &generator)
    }

    /// 16 lower-case hexadecimal digits.
    public var description: String {
        String(unsafeUninitializedCapacity: 16) { text in
            write(to: text, at: 0)
            return 16
        }
    }

    fileprivate func write(to text: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
        Hexadecimal.write(bits, to: text, at: start..<start + 16)
    }
}

/// A place in a trace: what travels from one system to the next in `traceparent` and `tracestate`.
public struct TraceContext: Hashable, Sendable {
    /// The trace.
    public let traceID: TraceID
    /// The span that whatever happens next is part of: the specification's `parent-id`.
    public let spanID: SpanID
    /// The flags that the specification defines; others are cleared, as it asks of whoever passes on.
    public let flags: Flags
    /// What other tracing systems added.
    public var state: TraceState

    /// The `trace-flags` field (section 3.2.2.5).
    public struct Flags: OptionSet, Hashable, Sendable {
        /// The field's byte.
        public let rawValue: UInt8

        /// Flags of this byte; bits without a meaning are cleared.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue & 0b11
        }

        /// The caller may have recorded its spans.
        public static let sampled = Flags(rawValue: 0b01)
        /// At least the right-most seven bytes of the trace's identity are random (level 2).
        public static let random = Flags(rawValue: 0b10)
    }

    /// A place in a trace.
    public init(traceID: TraceID, spanID: SpanID, flags: Flags, state: TraceState = TraceState()) {
        self.traceID = traceID
        self.spanID = spanID
        self.flags = flags
        self.state = state
    }

    /// The start of a new trace.
    public static func root(sampled: Bool, using generator: inout some RandomNumberGenerator) -> TraceContext
    {
        TraceContext(
            traceID: TraceID(using: &generator), spanID: SpanID(using: &generator),
            flags: sampled ? [.sampled, .random] : .random)
    }

    /// A new span below this one, in the same trace.
    public func child(using generator: inout some RandomNumberGenerator) -> TraceContext {
        TraceContext(traceID: traceID, spanID: SpanID(using: &generator), flags: flags, state: state)
    }

    /// The value of the header `traceparent`, in version 00.
    public var traceparent: String {
        String(unsafeUninitializedCapacity: Field.end) { text in
            Hexadecimal.write(0, to: text, at: Field.version)
            text[Field.version.upperBound] = Field.dash
            traceID.write(to: text, at: Field.traceHigh.lowerBound)
            text[Field.traceLow.upperBound] = Field.dash
            spanID.write(to: text, at: Field.span.lowerBound)
            text[Field.span.upperBound] = Field.dash
            Hexadecimal.write(UInt64(flags.rawValue), to: text, at: Field.flags)
            return Field.end
        }
    }
}

// MARK: - Parsing

extension TraceContext {
    /// The place that two headers name; nil if `traceparent` is not valid (sections 3.2 and 4.3).
    ///
    /// A `tracestate` that is not valid is dropped and does not make `traceparent` so.
    public init?(traceparent: String, tracestate: String? = nil) {
        let bytes = Array(traceparent.utf8)
        guard bytes.count >= Field.end, Self.isWellDelimited(bytes),
            let version = Hexadecimal.value(bytes[Field.version]), version != 0xff,
            // Later versions may add fields behind a dash; version 00 has none.
            bytes.count == Field.end || (version > 0 && bytes[Field.end] == Field.dash),
            let high = Hexadecimal.value(bytes[Field.traceHigh]),
            let low = Hexadecimal.value(bytes[Field.traceLow]),
            let span = Hexadecimal.value(bytes[Field.span]),
            let flags = Hexadecimal.value(bytes[Field.flags]),
            let traceID = TraceID(high: high, low: low), let spanID = SpanID(span)
        else { return nil }
        self.init(
            traceID: traceID, spanID: spanID, flags: Flags(rawValue: UInt8(truncatingIfNeeded: flags)),
            state: tracestate.flatMap(TraceState.init(parsing:)) ?? TraceState())
    }

    /// Where the fields of `traceparent` stand, in bytes.
    private enum Field {
        static let dash = UInt8(ascii: "-")
        static let version = 0..<2
        static let traceHigh = 3..<19
        static let traceLow = 19..<35
        static let span = 36..<52
        static let flags = 53..<55
        static let end = 55
    }

    private static func isWellDelimited(_ bytes: [UInt8]) -> Bool {
        [Field.version.upperBound, Field.traceLow.upperBound, Field.span.upperBound]
            .allSatisfy { bytes[$0] == Field.dash }
    }
}

/// Lower-case hexadecimal digits, the only ones the specification allows.
private enum Hexadecimal {
    /// Writes as many digits of a value, the last ones, as there is room for.
    static func write(_ value: UInt64, to text: UnsafeMutableBufferPointer<UInt8>, at place: Range<Int>) {
        var value = value
        for index in place.reversed() {
            let digit = UInt8(truncatingIfNeeded: value & 15)
            text[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
            value >>= 4
        }
    }

    /// The value of at most 16 digits; nil if any is not one.
    static func value(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
