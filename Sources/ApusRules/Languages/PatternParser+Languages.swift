// SPDX-License-Identifier: Apache-2.0

// The operators that EventBridge does not have: what the other languages need so that their conditions can be
// written down as patterns.

import JSONText

extension PatternParser {
    /// The operators on one text that have no index.
    static let textOperators = ["contains", "topic", "like", "integer"]

    /// All operators beyond EventBridge's.
    static let furtherOperators = textOperators + ["element", "value", "none"]

    static let noneExpected =
        "a list of alternatives other than exists and none, and no other alternative beside it"

    /// Reads the operand of an operator in `textOperators`; nil if the name is none of them.
    mutating func readFurtherOperator(_ name: String) throws(PatternError) -> TextTest? {
        switch name {
        case "contains":
            if try nextKind() == .object {
                return .contains(ContainedText(try readIgnoringCase(inside: name), ignoresCase: true))
            }
            return .contains(
                ContainedText(try readOperand(of: name, expected: "a string"), ignoresCase: false))
        case "topic":
            let expected =
                "words joined by dots, at most \(TopicPattern.bytesMax) bytes; * is one word, # any number"
            guard let topic = TopicPattern(try readOperand(of: name, expected: expected)) else {
                throw error(.invalidOperand(operator: name, expected: expected))
            }
            return .topic(topic)
        case "like":
            let expected =
                "a text of at most \(LikePattern.lengthMax) characters; % is any text, _ one character, \\ before them escapes"
            guard let like = LikePattern(try readOperand(of: name, expected: expected)) else {
                throw error(.invalidOperand(operator: name, expected: expected))
            }
            return .like(like)
        case "integer": return .integer(try readIntegerRange())
        default: return nil
        }
    }

    /// Reads the list of alternatives of `none`, `element` or `value`.
    mutating func readNested(_ name: String) throws(PatternError) -> PatternTest {
        let expected = name == "none" ? Self.noneExpected : "a list of tests of one value"
        guard try nextKind() == .array else {
            throw error(.invalidOperand(operator: name, expected: expected))
        }
        let start = scanner.position
        let tests = try readAlternatives()
        guard tests.allSatisfy({ name == "none" ? $0.isOfValue : $0.isOfElement }) else {
            throw error(.invalidOperand(operator: name, expected: expected), at: start)
        }
        switch name {
        case "none": return .noneOf(tests)
        case "element": return .text(.element(tests))
        default: return .text(.value(tests))
        }
    }

    /// Reads one range, or a list of them, inside `anything-but`.
    mutating func readRangeExceptions(isInteger: Bool) throws(PatternError) -> [PatternTest] {
        let start = scanner.position
        var look = self
        do { try look.scanner.beginArray() } catch { throw self.error(error) }
        guard try look.nextElement(), try look.nextKind() == .array else {
            return [try readRangeException(isInteger: isInteger)]
        }
        var tests: [PatternTest] = []
        do { try scanner.beginArray() } catch { throw self.error(error) }
        while try nextElement() {
            try countAlternative()
            tests.append(try readRangeException(isInteger: isInteger))
        }
        guard !tests.isEmpty else { throw error(.noAlternatives, at: start) }
        return tests
    }

    private mutating func readRangeException(isInteger: Bool) throws(PatternError) -> PatternTest {
        isInteger ? .text(.integer(try readIntegerRange())) : .numeric(try readRange())
    }

    private mutating func readIntegerRange() throws(PatternError) -> IntegerRange {
        let start = scanner.position
        guard let range = IntegerRange(try readRange(of: "integer")) else {
            throw error(
                .invalidOperand(
                    operator: "integer", expected: "bounds that are integers of 32 bits and leave room"),
                at: start)
        }
        return range
    }
}

extension PatternTest {
    var isNone: Bool {
        if case .noneOf = self { true } else { false }
    }

    /// Whether it can be said to fail for each value of a field by itself.
    fileprivate var isOfValue: Bool {
        switch self {
        case .exists, .noneOf: false
        default: true
        }
    }

    /// Whether it can be asked of an element of an array that an attribute's text is.
    fileprivate var isOfElement: Bool {
        switch self {
        case .text(.element), .text(.value): false
        default: isOfValue
        }
    }
}
