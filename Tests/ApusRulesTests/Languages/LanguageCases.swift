// SPDX-License-Identifier: Apache-2.0

// Events for the tests of the languages, and the two ways in which a condition has to come to the same answer.

import CloudEvents
import JSONText
import TestThreads
import Testing

@testable import ApusRules

/// An event of an order with these extensions and data.
func sampleEvent(
    type: String = "order.placed", subject: String? = "orders/7",
    _ extensions: [(String, CloudEventValue)] = [],
    data: String? = nil
) throws -> CloudEvent {
    try CloudEvent(
        id: "A-1", source: "/shop", type: type, subject: subject, dataContentType: "application/json",
        extensions: CloudEventExtensions(extensions), data: data.map { CloudEventData(text: $0) })
}

/// Checks that matcher and explanation agree, that the pattern's own text means the same, and what it all comes to.
func expect(
    _ pattern: Pattern, _ expected: Bool, on event: CloudEvent, _ comment: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let matcher = RuleMatcher([(id: 5, pattern: pattern), (id: 7, pattern: .matchAll)])
    #expect(
        matcher.matches(event) == (expected ? [5, 7] : [7]), "\(pattern) \(comment)",
        sourceLocation: sourceLocation)
    #expect(
        pattern.explain(event).isMatched == expected, "explained: \(pattern) \(comment)",
        sourceLocation: sourceLocation)
    #expect(try Pattern(parsing: pattern.text) == pattern, sourceLocation: sourceLocation)
}

extension SeededGenerator {
    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
    mutating func chance(_ part: Int, in whole: Int) -> Bool { below(whole) < part }
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}

extension JSONValue {
    /// A number in a test.
    static func number(text: String) -> JSONValue { JSONNumber(text).map { .number($0) } ?? .null }
}
