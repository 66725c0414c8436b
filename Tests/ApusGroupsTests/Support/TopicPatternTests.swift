// SPDX-License-Identifier: Apache-2.0

// Regular expressions over names of topics.

import Testing

@testable import ApusGroups

struct TopicPatternTests {
    private func matches(_ pattern: String, _ name: String) throws -> Bool {
        try TopicPattern(pattern).matches(name)
    }

    @Test(arguments: [
        ("orders", "orders", true), ("orders", "orders2", false), ("orders", "xorders", false),
        ("orders.*", "orders", true), ("orders.*", "orders.eu", true), ("orders\\..*", "ordersxeu", false),
        ("^orders$", "orders", true), ("a|b", "b", true), ("a|bc|d", "bc", true), ("a|b", "ab", false),
        ("(a|b)+", "abba", true), ("(a|b)+", "", false), ("(?:ab)*", "ababab", true),
        ("(?:ab)*", "aba", false),
        ("(?P<x>a)b", "ab", true), ("(?<x>a)b", "ab", true), ("[a-c]+", "abc", true),
        ("[a-c]+", "abd", false),
        ("[^a-c]+", "xyz", true), ("[^a-c]+", "xaz", false), ("[]a]+", "]a", true), ("[a-]+", "a-", true),
        ("[\\w-]+", "a_B-9", true), ("\\d{2,3}", "1", false), ("\\d{2,3}", "12", true),
        ("\\d{2,3}", "1234", false),
        ("\\d{2}", "12", true), ("\\d{2,}", "12345", true), ("a{0}", "", true), ("x?y", "y", true),
        ("x??y", "xy", true), (".", "é", true), ("\\D\\W\\S", "a.b", true), ("a{,2}", "a{,2}", true),
        ("", "", true),
        ("", "a", false), ("a$b", "ab", false), ("\\Aab\\z", "ab", true), ("a||b", "", true),
        ("(|a)b", "b", true),
        ("[+--]", ",", true), ("((){1000}){1000}a", "a", true), ("a.c", "a\nc", false), ("()*x", "x", true),
    ])
    func aWholeNameHasToMatch(_ pattern: String, _ name: String, _ expected: Bool) throws {
        #expect(try matches(pattern, name) == expected)
    }

    @Test(arguments: [
        "(", ")", "a)", "(a", "[a", "[z-a]", "*", "+a", "a**", "a|*", "\\", "\\1", "\\b", "(?=a)", "(?<=a)",
        "(?<!a)",
        "(?i)a", "(?P=x)", "a{3,2}", "a{1001}", "[[:alpha:]]", "{2}", "(?P<x", "[a-\\d]", "[\\D]",
        "((a{100}){100}){100}",
    ])
    func whatIsNotOfferedIsRefused(_ pattern: String) {
        #expect(throws: TopicPattern.Malformed.self) { try TopicPattern(pattern) }
    }

    @Test func sizeAndDepthAreBounded() {
        #expect(throws: TopicPattern.Malformed.self) {
            try TopicPattern(String(repeating: "a", count: 1_025))
        }
        #expect(throws: TopicPattern.Malformed.self) {
            try TopicPattern(String(repeating: "(", count: 51) + String(repeating: ")", count: 51))
        }
    }

    @Test func expressionsThatWouldBacktrackForAgesDoNot() throws {
        let pattern = try TopicPattern("(a*)*(a|a)*(a?){30}b")
        #expect(!pattern.matches(String(repeating: "a", count: 2_000)))
    }
}
