// SPDX-License-Identifier: Apache-2.0

// CESQL's functions (sections 3.5 and 3.7). A character is a Unicode scalar.

/// A function, chosen by name and number of arguments.
enum CESQLFunction: Hashable {
    case length, concat, concatWithSeparator, lower, upper, trim, left, right, substring
    case absolute, toInteger, toBoolean, toString

    /// What functions there are, for people.
    static let signatures = [
        "LENGTH(x)", "CONCAT(x, ...)", "CONCAT_WS(separator, x, ...)", "LOWER(x)", "UPPER(x)", "TRIM(x)",
        "LEFT(x, n)", "RIGHT(x, n)", "SUBSTRING(x, position)", "SUBSTRING(x, position, length)", "ABS(n)",
        "INT(x)", "BOOL(x)", "STRING(x)",
    ]

    /// Nil if there is none of this name, in upper case, with so many arguments.
    init?(_ name: String, argumentCount: Int) {
        switch (name, argumentCount) {
        case ("LENGTH", 1): self = .length
        case ("CONCAT", _): self = .concat
        case ("CONCAT_WS", 1...): self = .concatWithSeparator
        case ("LOWER", 1): self = .lower
        case ("UPPER", 1): self = .upper
        case ("TRIM", 1): self = .trim
        case ("LEFT", 2): self = .left
        case ("RIGHT", 2): self = .right
        case ("SUBSTRING", 2...3): self = .substring
        case ("ABS", 1): self = .absolute
        case ("INT", 1): self = .toInteger
        case ("BOOL", 1): self = .toBoolean
        case ("STRING", 1): self = .toString
        default: return nil
        }
    }

    /// The type of its value.
    var type: CESQLType {
        switch self {
        case .length, .absolute, .toInteger: .integer
        case .toBoolean: .boolean
        default: .string
        }
    }

    /// The type that an argument is cast to; nil if any will do.
    func parameter(_ index: Int) -> CESQLType? {
        switch self {
        case .toInteger, .toBoolean, .toString: nil
        case .absolute: .integer
        case .left, .right, .substring: index == 0 ? .string : .integer
        default: .string
        }
    }

    /// The value for arguments of the right types, and what went wrong, if anything.
    func value(of arguments: [CESQLValue]) -> (value: CESQLValue, error: (CESQLError.Kind, String)?) {
        let text = arguments.first.map(CESQLCast.text) ?? ""
        switch self {
        case .length:
            return (.integer(Int32(clamping: text.unicodeScalars.count)), nil)
        case .concat: return (.string(arguments.map(CESQLCast.text).joined()), nil)
        case .concatWithSeparator:
            return (.string(arguments.dropFirst().map(CESQLCast.text).joined(separator: text)), nil)
        case .lower: return (.string(Self.mapped(text, \.lowercaseMapping)), nil)
        case .upper: return (.string(Self.mapped(text, \.uppercaseMapping)), nil)
        case .trim: return (.string(Self.trimmed(text)), nil)
        case .left, .right: return part(of: text, count: arguments[1])
        case .substring: return Self.substring(text, arguments.dropFirst().compactMap(CESQLCast.integer))
        case .absolute:
            guard let value = arguments.first.flatMap(CESQLCast.integer), value > .min else {
                return (.integer(.max), (.math, "the absolute value does not fit into 32 bits"))
            }
            return (.integer(abs(value)), nil)
        case .toInteger, .toBoolean, .toString:
            guard let argument = arguments.first, let value = CESQLCast.value(argument, as: type) else {
                return (
                    type.zero, (.cast, "\(arguments.first?.description ?? "nothing") is not \(type.rawValue)")
                )
            }
            return (value, nil)
        }
    }

    private static func mapped(
        _ text: String, _ mapping: KeyPath<Unicode.Scalar.Properties, String>
    ) -> String {
        var result = ""
        for scalar in text.unicodeScalars { result += scalar.properties[keyPath: mapping] }
        return result
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
    }

    private func part(
        of text: String, count: CESQLValue
    ) -> (value: CESQLValue, error: (CESQLError.Kind, String)?) {
        let count = Int(CESQLCast.integer(of: count) ?? 0)
        guard count >= 0 else { return (.string(text), (.functionEvaluation, "a length is negative")) }
        let scalars = text.unicodeScalars
        return (.string(String(self == .left ? scalars.prefix(count) : scalars.suffix(count))), nil)
    }

    private static func substring(
        _ text: String, _ numbers: [Int32]
    ) -> (value: CESQLValue, error: (CESQLError.Kind, String)?) {
        let scalars = Array(text.unicodeScalars)
        let position = Int(numbers[0])
        guard abs(position) <= scalars.count else {
            return (.string(""), (.functionEvaluation, "the position is outside of the text"))
        }
        let length = numbers.count > 1 ? Int(numbers[1]) : scalars.count
        guard length >= 0 else { return (.string(""), (.functionEvaluation, "a length is negative")) }
        guard position != 0 else { return (.string(""), nil) }
        var result = String.UnicodeScalarView()
        result.append(
            contentsOf: scalars.dropFirst(position > 0 ? position - 1 : scalars.count + position).prefix(
                length))
        return (.string(String(result)), nil)
    }
}
