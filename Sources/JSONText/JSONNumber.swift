// SPDX-License-Identifier: Apache-2.0

// Numbers, kept as they were written: `1.0`, `1e0` and a 40-digit integer pass through Apus unchanged.

/// A JSON number, held as its text.
///
/// Equality compares the text: `1` and `1.0` are different numbers here. Compare `int64` or `double` for values.
public struct JSONNumber: Sendable, Hashable {
    /// The number as written, following the grammar of RFC 8259 section 6.
    public let text: String

    /// For text that a scanner has checked.
    init(checked text: String) { self.text = text }

    /// Creates a number from text, or nil if the text is not exactly one JSON number.
    public init?(_ text: String) {
        var copy = text
        let isNumber = copy.withUTF8 { bytes in
            var scanner = JSONScanner(UnsafeRawBufferPointer(bytes))
            return (try? scanner.scanNumber())?.count == bytes.count
        }
        guard isNumber else { return nil }
        self.text = text
    }

    /// Creates an integer.
    public init(_ value: some FixedWidthInteger) { self.text = String(value) }

    /// Creates a number that reads back as `value`, or nil if `value` is not finite (JSON has no such number).
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        self.text = value.description
    }

    /// The value, if the text is an integer without fraction or exponent that fits.
    public var int64: Int64? { Int64(text) }

    /// The nearest value, or nil if the number is too large for one.
    public var double: Double? {
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }
}

extension JSONScanner {
    /// Consumes a number and returns where its bytes are.
    @discardableResult
    package mutating func scanNumber() throws(JSONError) -> Range<Int> {
        skipWhitespace()
        let start = position
        var index = start
        if index < end, byte(index) == 0x2D { index += 1 }
        let integer = index
        index = endOfDigits(index)
        let leadingZero = index > integer + 1 && byte(integer) == 0x30
        guard index > integer, !leadingZero else { throw invalidNumber(at: start, stoppedAt: index) }
        if index < end, byte(index) == 0x2E {
            let fraction = index + 1
            index = endOfDigits(fraction)
            guard index > fraction else { throw invalidNumber(at: start, stoppedAt: index) }
        }
        if index < end, byte(index) | 0x20 == 0x65 {
            index += 1
            if index < end, byte(index) == 0x2B || byte(index) == 0x2D { index += 1 }
            let exponent = index
            index = endOfDigits(exponent)
            guard index > exponent else { throw invalidNumber(at: start, stoppedAt: index) }
        }
        position = index
        return start..<index
    }

    private func endOfDigits(_ index: Int) -> Int {
        var index = index
        while index < end, byte(index) &- 0x30 <= 9 { index += 1 }
        return index
    }

    private func invalidNumber(at start: Int, stoppedAt index: Int) -> JSONError {
        JSONError(index == end ? .unexpectedEnd : .invalidNumber, at: index == end ? end : start)
    }
}
