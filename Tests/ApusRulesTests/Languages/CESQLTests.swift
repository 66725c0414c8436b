// SPDX-License-Identifier: Apache-2.0

// CESQL by example: every operator, cast and function of the specification, what each gives when something is wrong, and how
// errors show. The cases cover the same ground as the published ones; they are our own.

import CloudEvents
import Testing

@testable import ApusRules

@Suite struct CESQLTests {
    private func evaluate(_ text: String, on event: CloudEvent? = nil) throws -> CESQLResult {
        let event = try event ?? sampleEvent([("count", 5), ("flag", true), ("note", "café"), ("hop", "12")])
        return try CESQLExpression(parsing: text).evaluate(event)
    }

    @Test(arguments: [
        ("7", CESQLValue.integer(7)), ("-7", .integer(-7)), ("+7", .integer(7)), ("007", .integer(7)),
        ("-2147483648", .integer(.min)), ("2147483647", .integer(.max)), ("true", .boolean(true)),
        ("fAlSe", .boolean(false)), ("'a b'", .string("a b")), ("\"it's\"", .string("it's")),
        (#"'it\'s'"#, .string("it's")), (#""say \"hi\"""#, .string("say \"hi\"")),
        (#"'a\b'"#, .string(#"a\b"#)),
        ("''", .string("")), ("'Ünï'", .string("Ünï")), ("  \t\r\n 1", .integer(1)),
    ])
    func `literals`(text: String, value: CESQLValue) throws {
        #expect(try evaluate(text) == CESQLResult(value: value, errors: []))
    }

    @Test(arguments: [
        ("id", CESQLValue.string("A-1")), ("source", .string("/shop")), ("specversion", .string("1.0")),
        ("TYPE", .string("order.placed")), ("subject", .string("orders/7")), ("count", .integer(5)),
        ("flag", .boolean(true)), ("note", .string("café")), ("datacontenttype", .string("application/json")),
        ("EXISTS note", .boolean(true)), ("EXISTS time", .boolean(false)),
        ("not exists time", .boolean(true)),
        ("EXISTS ID AND EXISTS specversion", .boolean(true)),
    ])
    func `attributes`(text: String, value: CESQLValue) throws {
        #expect(try evaluate(text) == CESQLResult(value: value, errors: []))
    }

    @Test(arguments: [
        ("2 + 3 * 4", 14), ("(2 + 3) * 4", 20), ("20 / 3", 6), ("-20 / 3", -6), ("20 % 3", 2),
        ("-20 % 3", -2),
        ("20 % -3", 2), ("9 - 2 - 3", 4), ("9-2-3", 4), ("8 / 4 / 2", 1), ("--3", 3), ("- (2 + 1)", -3),
        ("2 - -3", 5), ("'4' * 2", 8), ("TRUE + TRUE", 2), ("-'6'", -6), ("-TRUE", -1), ("count * count", 25),
        ("hop + 1", 13), ("-2147483648 % -1", 0), ("2 * 3 + 4 * 5 - 6 / 2", 23),
    ])
    func `arithmetic`(text: String, value: Int32) throws {
        #expect(try evaluate(text) == CESQLResult(value: .integer(value), errors: []))
    }

    @Test(arguments: [
        ("1 = 1", true), ("1 != 1", false), ("1 <> 2", true), ("'a' = 'a'", true), ("'a' = 'A'", false),
        ("'é' = 'e\u{301}'", false), ("TRUE = TRUE", true), ("2 < 3", true), ("3 <= 3", true),
        ("3 > 3", false),
        ("4 >= 3", true), ("'10' > '9'", true), ("TRUE > FALSE", true),
        // The left side becomes what the right one is.
        ("'05' = 5", true), ("5 = '05'", false), ("'TRUE' = TRUE", true), ("TRUE = 'TRUE'", false),
        ("1 = TRUE", true), ("TRUE = 1", true), ("count = '5'", true), ("hop = 12", true),
        // Of one precedence, from the left.
        ("1 < 2 = TRUE", true), ("1 = 1 = 1", true),
    ])
    func `comparisons`(text: String, value: Bool) throws {
        #expect(try evaluate(text) == CESQLResult(value: .boolean(value), errors: []))
    }

    @Test(arguments: [
        ("TRUE AND FALSE", false), ("TRUE OR FALSE", true), ("TRUE XOR TRUE", false),
        ("FALSE XOR TRUE", true),
        ("TRUE XOR TRUE XOR TRUE", true), ("NOT TRUE", false), ("NOT 'false'", true), ("NOT NOT TRUE", true),
        ("'true' AND 1", true), ("0 OR 'FALSE'", false), ("flag AND TRUE", true),
        // AND, OR and XOR bind equally, from the left.
        ("FALSE AND FALSE OR TRUE", true), ("TRUE OR TRUE AND FALSE", false),
        ("FALSE AND (FALSE OR TRUE)", false),
        // What is not needed is not evaluated.
        ("FALSE AND 1 / 0 = 1", false), ("TRUE OR missing = 1", true),
        // NOT binds more tightly than LIKE and comparisons.
        ("NOT FALSE = TRUE", true), ("NOT FALSE LIKE 'true'", true),
    ])
    func `logic`(text: String, value: Bool) throws {
        #expect(try evaluate(text) == CESQLResult(value: .boolean(value), errors: []))
    }

    @Test(arguments: [
        ("'order' LIKE 'order'", true), ("'order' LIKE 'or%'", true), ("'order' LIKE '%er'", true),
        ("'order' LIKE '%rd%'", true), ("'order' LIKE '%'", true), ("'' LIKE '%'", true),
        ("'' LIKE ''", true),
        ("'order' LIKE ''", false), ("'order' LIKE '_rder'", true), ("'order' LIKE '_order'", false),
        ("'order' LIKE '%_%_%'", true), ("'o' LIKE '%_%_%'", false), ("'Order' LIKE 'order'", false),
        (#"'5%' LIKE '5\%'"#, true), (#"'55' LIKE '5\%'"#, false), (#"'a_b' LIKE 'a\_b'"#, true),
        (#"'axb' LIKE 'a\_b'"#, false), (#"'a\b' LIKE 'a\b'"#, true), (#"'a\xb' LIKE 'a\%b'"#, false),
        ("'café' LIKE 'caf_'", true), ("'a.b' LIKE 'a_b'", true), ("'a\nb' LIKE 'a%b'", true),
        ("'abcabd' LIKE '%abd'", true), ("'aXbXc' LIKE 'a%X%c'", true), ("'ac' LIKE 'a%b%c'", false),
        ("12 LIKE '1_'", true), ("TRUE LIKE 't%'", true), ("'a' NOT LIKE 'b'", true),
        ("'a' NOT LIKE '_'", false),
        ("note LIKE '%f_'", true), ("2 * 3 LIKE '3' = 2", true),
    ])
    func `like`(text: String, value: Bool) throws {
        #expect(try evaluate(text) == CESQLResult(value: .boolean(value), errors: []))
    }

    @Test(arguments: [
        ("3 IN (1, 2, 3)", true), ("3 NOT IN (1, 2, 3)", false), ("'a' IN ('b')", false),
        ("TRUE IN (FALSE, 1)", true),
        ("'1' IN (1)", true), ("'01' IN (1)", false), ("1 IN ('01')", true), ("'true' IN (TRUE)", true),
        ("id IN (source, subject, 'A-1')", true), ("count IN (2 + 3)", true), ("'a' IN ('b') OR TRUE", true),
        ("1 IN (1, 'x')", true),
    ])
    func `within`(text: String, value: Bool) throws {
        #expect(try evaluate(text) == CESQLResult(value: .boolean(value), errors: []))
    }

    @Test(arguments: [
        ("LENGTH('café')", CESQLValue.integer(4)), ("length('')", .integer(0)), ("LENGTH(1234)", .integer(4)),
        ("CONCAT()", .string("")), ("CONCAT('a', 1, TRUE)", .string("a1true")),
        ("CONCAT_WS('-')", .string("")), ("CONCAT_WS('-', 'a')", .string("a")),
        ("CONCAT_WS(', ', 'a', '', 2)", .string("a, , 2")), ("LOWER('ÀB1')", .string("àb1")),
        ("UPPER('straße')", .string("STRASSE")), ("TRIM('\u{2003} a b\t')", .string("a b")),
        ("TRIM('  ')", .string("")),
        ("LEFT('café', 3)", .string("caf")), ("LEFT('ab', 9)", .string("ab")), ("LEFT('ab', 0)", .string("")),
        ("RIGHT('café', 2)", .string("fé")), ("RIGHT('ab', 9)", .string("ab")),
        ("SUBSTRING('orders', 3)", .string("ders")), ("SUBSTRING('orders', -2)", .string("rs")),
        ("SUBSTRING('orders', 0)", .string("")), ("SUBSTRING('orders', 6)", .string("s")),
        ("SUBSTRING('orders', 2, 3)", .string("rde")), ("SUBSTRING('orders', -4, 2)", .string("de")),
        ("SUBSTRING('orders', 5, 99)", .string("rs")), ("SUBSTRING('orders', 1, 0)", .string("")),
        ("ABS(-3)", .integer(3)), ("ABS('4')", .integer(4)), ("INT('+0012')", .integer(12)),
        ("INT(TRUE)", .integer(1)),
        ("BOOL('True')", .boolean(true)), ("BOOL(-1)", .boolean(true)), ("BOOL(0)", .boolean(false)),
        ("STRING(-5)", .string("-5")), ("STRING(FALSE)", .string("false")), ("string(hop)", .string("12")),
        ("LENGTH(CONCAT(id, source)) + 1", .integer(9)),
    ])
    func `functions`(text: String, value: CESQLValue) throws {
        #expect(try evaluate(text) == CESQLResult(value: value, errors: []))
    }

    @Test(arguments: [
        ("1 / 0", CESQLValue.integer(0), CESQLError.Kind.math), ("1 % 0", .integer(0), .math),
        ("2147483647 + 1", .integer(0), .math), ("-2147483648 - 1", .integer(0), .math),
        ("65536 * 65536", .integer(0), .math), ("-(-2147483648)", .integer(0), .math),
        ("-2147483648 / -1", .integer(0), .math), ("ABS(-2147483648)", .integer(.max), .math),
        ("INT('x')", .integer(0), .cast), ("INT('')", .integer(0), .cast),
        ("INT('2147483648')", .integer(0), .cast),
        ("INT('1.0')", .integer(0), .cast), ("INT(' 1')", .integer(0), .cast),
        ("BOOL('yes')", .boolean(false), .cast),
        ("'a' = 1", .boolean(false), .cast), ("'a' != 1", .boolean(false), .cast),
        ("'a' + 1", .integer(0), .cast),
        ("'a' < 1", .boolean(false), .cast), ("'a' AND TRUE", .boolean(false), .cast),
        ("NOT 10", .boolean(true), .cast),
        ("NOT 'x'", .boolean(true), .cast), ("1 IN ('x', 1)", .boolean(false), .cast),
        ("missing", .boolean(false), .missingAttribute), ("missing + 1", .integer(0), .missingAttribute),
        ("-missing", .integer(0), .missingAttribute), ("NOT missing", .boolean(false), .missingAttribute),
        ("missing LIKE '%'", .boolean(false), .missingAttribute),
        ("missing NOT LIKE 'a'", .boolean(false), .missingAttribute),
        ("missing IN ('a')", .boolean(false), .missingAttribute),
        ("'a' IN (missing)", .boolean(false), .missingAttribute),
        ("missing != 'a'", .boolean(false), .missingAttribute),
        ("missing OR TRUE", .boolean(false), .missingAttribute),
        ("TRUE XOR missing", .boolean(false), .missingAttribute),
        ("LENGTH(missing)", .integer(0), .missingAttribute),
        ("UPPER(missing)", .string(""), .missingAttribute), ("1 / missing", .integer(0), .missingAttribute),
        ("missing / 0", .integer(0), .missingAttribute), ("data = 'x'", .boolean(false), .missingAttribute),
        ("NOPE(1)", .boolean(false), .missingFunction), ("LENGTH()", .boolean(false), .missingFunction),
        ("CONCAT_WS()", .boolean(false), .missingFunction), ("ABS(1, 2)", .boolean(false), .missingFunction),
        ("LEFT('ab', -1)", .string("ab"), .functionEvaluation),
        ("RIGHT('ab', -1)", .string("ab"), .functionEvaluation),
        ("SUBSTRING('ab', 3)", .string(""), .functionEvaluation),
        ("SUBSTRING('ab', -3)", .string(""), .functionEvaluation),
        ("SUBSTRING('ab', 1, -1)", .string(""), .functionEvaluation),
        // An error below makes an operator's value the zero of its type.
        ("TRUE AND (1 != 1 / 0)", .boolean(false), .math), ("FALSE OR (1 != 1 / 0)", .boolean(false), .math),
        ("(1 / 0) + 7", .integer(0), .math), ("CONCAT('a', LEFT('b', -1))", .string(""), .functionEvaluation),
    ])
    func `errors keep a value`(text: String, value: CESQLValue, kind: CESQLError.Kind) throws {
        let result = try evaluate(text)
        #expect(result.value == value)
        #expect(result.errors.map(\.kind) == [kind])
        #expect(!result.isTrue)
    }

    @Test func `all errors of operands are told, with their places`() throws {
        let result = try evaluate("missing + 1 / 0")
        #expect(result.errors.map(\.kind) == [.missingAttribute, .math])
        #expect(result.errors.map(\.offset) == [0, 10])
        #expect(
            result.errors.first?.description
                == "MissingAttributeError at byte 0: there is no attribute 'missing'")
    }

    @Test(arguments: [
        ("", 0, "found the end where"), ("   ", 3, "found the end where"), ("1 +", 3, "found the end where"),
        ("ABC(", 4, "found the end where"), ("(1", 2, "an operator or ')'"),
        ("1 2", 2, "found '2' where an operator"),
        ("1)", 1, "found ')' where an operator or the end"), ("x LIKE 1", 7, "a text in quotes is expected"),
        ("x LIKE y", 7, "a text in quotes is expected"), ("x IN 1", 5, "'(' is expected"),
        ("x IN ()", 6, "found ')'"), ("x IN (1", 7, "','"), ("x NOT 1", 6, "LIKE or IN is expected"),
        ("EXISTS 'a'", 7, "an attribute is expected"), ("'abc", 0, "no closing quote"),
        ("2147483648", 0, "does not fit into 32 bits"), ("-2147483649", 0, "does not fit into 32 bits"),
        ("a_b = 1", 0, "letters and digits"), ("a1(2)", 0, "a function, which has letters"),
        ("1 & 2", 2, "found '&'"),
        ("a = é", 4, "found 'é'"), ("AND", 0, "found 'AND'"), ("+ 1", 2, "digits right after '+'"),
        ("a = 'it''s'", 8, "found a text where an operator"), ("f(1,)", 4, "found ')'"),
        ("{", 0, "found '{'"),
    ])
    func `what is malformed is refused with its place`(text: String, offset: Int, message: String) throws {
        let error = #expect(throws: RuleLanguageError.self) { try CESQLExpression(parsing: text) }
        #expect(error?.offset == offset)
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
        #expect(error?.language == .cesql)
    }

    @Test func `places have lines and columns`() throws {
        let error = #expect(throws: RuleLanguageError.self) {
            try CESQLExpression(parsing: "id = 'é'\n AND source ==\n 'x'")
        }
        #expect(error?.line == 2)
        #expect(error?.column == 14)
        #expect(
            error?.description
                == "CESQL expression: found '=' where an attribute, a literal, a function, NOT, EXISTS, '-' or '(' is expected (at byte 23, line 2, column 14)"
        )
    }

    @Test func `what is too long, too deep or has too many terms is refused`() throws {
        func reason(_ text: String) -> RuleLanguageError.Reason? {
            do {
                _ = try CESQLExpression(parsing: text)
                return nil
            } catch { return error.reason }
        }
        #expect(reason(String(repeating: " ", count: 65_537)) == .tooLong(limit: 65_536))
        let deep = String(repeating: "(", count: 64) + "1" + String(repeating: ")", count: 64)
        #expect(reason(deep) == .tooDeep(limit: 64))
        #expect(reason(String(deep.dropFirst().dropLast())) == nil)
        #expect(reason(String(repeating: "NOT ", count: 64) + "TRUE") == .tooDeep(limit: 64))
        #expect(reason(String(repeating: "- ", count: 64) + "1") == .tooDeep(limit: 64))
        #expect(reason("1" + String(repeating: " + 1", count: 64)) == .tooDeep(limit: 64))
        #expect(reason("TRUE" + String(repeating: " AND TRUE", count: 2000)) == nil)
        #expect(
            reason("TRUE" + String(repeating: " AND TRUE", count: 4096)) == .tooMany("terms", limit: 4096))
        #expect(
            reason("id LIKE '\(String(repeating: "a", count: 513))'")
                == .tooMany("characters in a pattern of LIKE", limit: 512))
    }

    @Test func `an evaluation has a budget for text`() throws {
        // Each level doubles the separators of the one before.
        var text = "CONCAT(note, note)"
        for _ in 0..<24 { text = "CONCAT_WS(\(text), '', '', '')" }
        let result = try evaluate(
            text, on: sampleEvent([("note", .string(String(repeating: "x", count: 1000)))]))
        #expect(result.errors.map(\.kind) == [.generic])
        #expect(result.value == .string(""))
    }
}
