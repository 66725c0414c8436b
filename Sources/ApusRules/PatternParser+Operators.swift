// SPDX-License-Identifier: Apache-2.0

// The alternatives of a leaf. A new operator is a case of PatternTest, a row in `operators` here, its text
// in PatternWriter and its index in the compiler; no other module knows about operators.

import JSONText

extension PatternParser {
    /// EventBridge's operators, in the order in which they are listed to people.
    static let eventBridgeOperators = [
        "prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "cidr", "exists",
    ]

    /// All operators.
    static let operators = eventBridgeOperators + furtherOperators

    /// Reads a list of alternatives.
    mutating func readAlternatives() throws(PatternError) -> [PatternTest] {
        let start = scanner.position
        var tests: [PatternTest] = []
        do { try scanner.beginArray() } catch { throw self.error(error) }
        while try nextElement() { tests.append(try readAlternative()) }
        guard !tests.isEmpty else { throw error(.noAlternatives, at: start) }
        guard tests.count == 1 || !tests.contains(where: \.isNone) else {
            throw error(.invalidOperand(operator: "none", expected: Self.noneExpected), at: start)
        }
        return tests
    }

    mutating func countAlternative() throws(PatternError) {
        alternativeCount += 1
        guard alternativeCount <= limits.alternativesMax else {
            throw error(.tooManyAlternatives(limit: limits.alternativesMax))
        }
    }

    private mutating func readAlternative() throws(PatternError) -> PatternTest {
        try countAlternative()
        switch try nextKind() {
        case .array: throw error(.listAmongAlternatives)
        case .object: return try readOnlyMember(Self.readOperator)
        default: return .equals(try readScalar())
        }
    }

    /// Reads an object of one member, whose name and value `read` takes.
    private mutating func readOnlyMember(
        _ read: (inout PatternParser, _ name: String, _ start: Int) throws(PatternError) -> PatternTest
    ) throws(PatternError) -> PatternTest {
        let start = scanner.position
        do { try scanner.beginObject() } catch { throw self.error(error) }
        guard let name = try nextName()?.text else { throw error(.notOneOperator, at: start) }
        let test = try read(&self, String(decoding: name, as: UTF8.self), start)
        guard try nextName() == nil else { throw error(.notOneOperator, at: start) }
        return test
    }

    private static func readOperator(
        _ parser: inout PatternParser, _ name: String, _ start: Int
    ) throws(PatternError) -> PatternTest {
        switch name {
        case "anything-but": return .anythingBut(try parser.readExceptions())
        case "numeric": return .numeric(try parser.readRange())
        case "cidr":
            let expected = "an address block such as \"10.0.0.0/24\" or \"2001:db8::/32\""
            let text = try parser.readOperand(of: name, expected: expected)
            guard let block = AddressBlock(text) else {
                throw parser.error(.invalidOperand(operator: name, expected: expected))
            }
            return .cidr(block)
        case "exists":
            guard try parser.nextKind() == .bool else {
                throw parser.error(.invalidOperand(operator: name, expected: "true or false"))
            }
            do { return .exists(try parser.scanner.scanBool()) } catch { throw parser.error(error) }
        case "none" where parser.dialect == .apus, "element" where parser.dialect == .apus,
            "value" where parser.dialect == .apus:
            return try parser.readNested(name)
        default:
            let known = parser.dialect == .apus ? operators : eventBridgeOperators
            return try parser.readTextOperator(name, known: known, at: start)
        }
    }

    /// Reads the operand of an operator on text, which may also stand inside `anything-but`.
    private mutating func readTextOperator(
        _ name: String, known: [String], at start: Int
    ) throws(PatternError) -> PatternTest {
        switch name {
        case "prefix", "suffix":
            if try nextKind() == .object {
                let folded = try readIgnoringCase(inside: name)
                return name == "prefix" ? .prefixIgnoringCase(folded) : .suffixIgnoringCase(folded)
            }
            let text = try readOperand(of: name, expected: "a string")
            return name == "prefix" ? .prefix(text) : .suffix(text)
        case "equals-ignore-case":
            return .equalsIgnoringCase(try readOperand(of: name, expected: "a string"))
        case "wildcard":
            let expected =
                "a string in which * is any text, \\* and \\\\ stand for * and \\, and no ** occurs"
            guard let wildcard = Wildcard(try readOperand(of: name, expected: expected)) else {
                throw error(.invalidOperand(operator: name, expected: expected))
            }
            return .wildcard(wildcard)
        default:
            if dialect == .apus, let test = try readFurtherOperator(name) { return .text(test) }
            throw error(.unknownOperator(name, known: known), at: start)
        }
    }

    mutating func readIgnoringCase(inside name: String) throws(PatternError) -> [UInt8] {
        let expected = "a string or {\"equals-ignore-case\": string}"
        let start = scanner.position
        do { try scanner.beginObject() } catch { throw self.error(error) }
        guard let inner = try nextName()?.text, inner.elementsEqual("equals-ignore-case".utf8) else {
            throw error(.invalidOperand(operator: name, expected: expected), at: start)
        }
        let text = try readOperand(of: "equals-ignore-case", expected: "a string")
        guard try nextName() == nil else { throw error(.notOneOperator, at: start) }
        return text
    }

    mutating func readOperand(of name: String, expected: String) throws(PatternError) -> [UInt8] {
        guard try nextKind() == .string else {
            throw error(.invalidOperand(operator: name, expected: expected))
        }
        return try readString()
    }

    private mutating func readScalar() throws(PatternError) -> PatternScalar {
        switch try nextKind() {
        case .string: return .string(try readString())
        case .number: return .number(try readNumber())
        case .bool:
            do { return .bool(try scanner.scanBool()) } catch { throw self.error(error) }
        default:
            do { try scanner.scanNull() } catch { throw self.error(error) }
            return .null
        }
    }
}

// MARK: - Operators with operands of their own

extension PatternParser {
    /// Reads what `anything-but` excludes.
    private mutating func readExceptions() throws(PatternError) -> [PatternTest] {
        switch try nextKind() {
        case .object: return try readTextExceptions()
        case .array: return try readExceptionList()
        case .string, .number: return [.equals(try readScalar())]
        default: throw error(.invalidOperand(operator: "anything-but", expected: Self.exceptions))
        }
    }

    private static let exceptions =
        "a string, a number, a list of strings, a list of numbers, or an operator on text or numbers"

    private mutating func readExceptionList() throws(PatternError) -> [PatternTest] {
        let start = scanner.position
        var tests: [PatternTest] = []
        var kind: JSONKind?
        do { try scanner.beginArray() } catch { throw self.error(error) }
        while try nextElement() {
            try countAlternative()
            let next = try nextKind()
            guard next == .string || next == .number, kind == nil || kind == next else {
                throw error(.invalidOperand(operator: "anything-but", expected: Self.exceptions))
            }
            kind = next
            tests.append(.equals(try readScalar()))
        }
        guard !tests.isEmpty else { throw error(.noAlternatives, at: start) }
        return tests
    }

    /// Reads one operator on text, its operand a text or a list of them.
    private mutating func readTextExceptions() throws(PatternError) -> [PatternTest] {
        let hasFurther = dialect == .apus
        let known =
            ["prefix", "suffix", "equals-ignore-case", "wildcard"]
            + (hasFurther ? ["numeric"] + Self.textOperators : [])
        let start = scanner.position
        do { try scanner.beginObject() } catch { throw self.error(error) }
        guard let bytes = try nextName()?.text else { throw error(.notOneOperator, at: start) }
        let name = String(decoding: bytes, as: UTF8.self)
        var tests: [PatternTest] = []
        if hasFurther, name == "numeric" || name == "integer" {
            tests = try readRangeExceptions(isInteger: name == "integer")
        } else if try nextKind() == .array {
            do { try scanner.beginArray() } catch { throw self.error(error) }
            while try nextElement() {
                try countAlternative()
                tests.append(try readTextOperator(name, known: known, at: start))
            }
            guard !tests.isEmpty else { throw error(.noAlternatives, at: start) }
        } else {
            tests.append(try readTextOperator(name, known: known, at: start))
        }
        guard try nextName() == nil else { throw error(.notOneOperator, at: start) }
        return tests
    }

    /// Reads `[comparison, number]` or `[lower comparison, number, upper comparison, number]`.
    mutating func readRange(of name: String = "numeric") throws(PatternError) -> NumericRange {
        let invalid = PatternError.Reason.invalidOperand(
            operator: name,
            expected: "one or two bounds that leave room, such as [\">\", 0, \"<=\", 5] or [\"=\", 3]")
        guard try nextKind() == .array else { throw error(invalid) }
        let start = scanner.position
        do { try scanner.beginArray() } catch { throw self.error(error) }
        var range = NumericRange()
        while try nextElement() {
            guard try nextKind() == .string else { throw error(invalid) }
            let comparison = String(decoding: try readString(), as: UTF8.self)
            guard try nextElement(), try nextKind() == .number else { throw error(invalid) }
            let number = try readNumber()
            guard range.narrow(comparison, number) else { throw error(invalid, at: start) }
        }
        guard range.lower != nil || range.upper != nil, !range.isEmpty else {
            throw error(invalid, at: start)
        }
        return range
    }
}

extension NumericRange {
    /// Adds a bound; false if the comparison is unknown or that side is bounded already.
    fileprivate mutating func narrow(_ comparison: String, _ number: PatternNumber) -> Bool {
        let bound = Bound(number: number, isIncluded: comparison.hasSuffix("="))
        switch comparison {
        case ">" where lower == nil, ">=" where lower == nil: lower = bound
        case "<" where upper == nil, "<=" where upper == nil: upper = bound
        case "=" where lower == nil && upper == nil:
            lower = bound
            upper = bound
        default: return false
        }
        return true
    }
}
