// SPDX-License-Identifier: Apache-2.0

// Values that are text in XML, and how: numbers and truth as XML Schema has them, times as RFC 3339, bytes as Base64.

internal import CloudEvents

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

enum SimpleValue {
    /// The text of a value; nil when it is none of those that are text by themselves.
    static func text(of value: Any) -> String? {
        switch value {
        case let text as String: text
        case let truth as Bool: truth ? "true" : "false"
        case let number as any BinaryInteger: String(describing: number)
        case let number as Double: text(number)
        case let number as Float: text(number)
        case let number as Decimal: number.description
        case let time as Date:
            CloudEventTimestamp(
                millisecondsSinceEpoch: Int64(
                    (time.timeIntervalSince1970 * 1000).rounded().clamped(
                        to: -62_135_596_800_000...253_402_300_799_999))
            ).description
        case let bytes as Data: bytes.base64EncodedString()
        case let url as URL: url.absoluteString
        default: nil
        }
    }

    private static func text(_ number: some BinaryFloatingPoint & CustomStringConvertible) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-INF" : "INF" }
        return number.description
    }

    /// What is read of a type that is text by itself; nil when it is none. The value is nil when the text is none of it, and comes with the words for such a text.
    static func value<Value>(_ type: Value.Type, from text: String) -> (value: Value?, what: String)? {
        if type == String.self { return (text as? Value, "text") }
        let bare = text.trimmed
        switch type {
        case is Bool.Type:
            let truth: Bool? =
                switch bare {
                case "true", "1": true
                case "false", "0": false
                default: nil
                }
            return (truth as? Value, "true or false")
        case let integer as any FixedWidthInteger.Type:
            return (integer.init(bare) as? Value, "a whole number that \(type) holds")
        case is Double.Type: return (number(bare, Double.init, .infinity) as? Value, "a number")
        case is Float.Type: return (number(bare, Float.init, .infinity) as? Value, "a number")
        case is Decimal.Type: return (Decimal(string: bare) as? Value, "a decimal number")
        case is Date.Type:
            let time = CloudEventTimestamp(bare).map {
                Date(timeIntervalSince1970: Double($0.millisecondsSinceEpoch) / 1000)
            }
            return (time as? Value, "a time by RFC 3339")
        case is Data.Type: return (Data(base64Encoded: bare) as? Value, "Base64")
        case is URL.Type: return ((bare.isEmpty ? nil : URL(string: bare)) as? Value, "a URL")
        default: return nil
        }
    }

    /// Swift reads more as a number than XML Schema does: `0x1p3`, `nan(1)`.
    private static func number<Number>(
        _ text: String, _ read: (String) -> Number?, _ infinity: Number
    ) -> Number? where Number: FloatingPoint {
        switch text {
        case "INF", "+INF": return infinity
        case "-INF": return -infinity
        case "NaN": return .nan
        default:
            let isPlain = text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
            }
            return isPlain ? read(text) : nil
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        func isSpace(_ character: Character) -> Bool {
            character == " " || character == "\n" || character == "\t" || character == "\r"
                || character == "\r\n"
        }
        guard let first = first, let last = last, isSpace(first) || isSpace(last) else { return self }
        let start = drop(while: isSpace)
        return String(
            start.prefix(upTo: start.lastIndex { !isSpace($0) }.map(start.index(after:)) ?? start.startIndex))
    }
}

extension Double {
    fileprivate func clamped(to range: ClosedRange<Double>) -> Double {
        isNaN ? 0 : Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
