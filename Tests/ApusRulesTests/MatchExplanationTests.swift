// SPDX-License-Identifier: Apache-2.0

// Explanations as people and programs see them.

import ApusRules
import CloudEvents
import JSONText
import Testing

@Suite struct MatchExplanationTests {
    private func event(_ data: String) throws -> CloudEvent {
        try CloudEvent(
            id: "1", source: "/shop", type: "order.placed", dataContentType: "application/json",
            data: CloudEventData(text: data))
    }

    @Test func `the table shows what was expected and what was there`() throws {
        let pattern = try Pattern(
            parsing: #"{"type":["order.placed"],"data":{"total":[{"numeric":[">",100]}],"gift":[true]}}"#)
        let expected = #"""
            not matched
              no   data.gift   expected true                   got absent
              no   data.total  expected {"numeric":[">",100]}  got 5, 7
              yes  type        expected "order.placed"         got "order.placed"
            """#
        #expect(try pattern.explain(event(#"{"total":[5,7]}"#)).description == expected)
    }

    @Test func `fields of different elements are told apart`() throws {
        let pattern = try Pattern(parsing: #"{"data":{"items":{"kind":["a"],"count":[2]}}}"#)
        let explanation = try pattern.explain(
            event(#"{"items":[{"kind":"a","count":1},{"kind":"b","count":2}]}"#))
        #expect(!explanation.isMatched)
        #expect(explanation.fields.allSatisfy { $0.isMatched })
        #expect(explanation.note == "Each field matches, but no single element of an array has all of them.")
    }

    @Test func `unreadable data is named`() throws {
        let explanation = try Pattern(parsing: #"{"data":{"a":[1]}}"#).explain(event("{"))
        #expect(!explanation.isMatched)
        #expect(
            explanation.note == "The data cannot be read as JSON or XML: a pattern on data cannot match it.")
    }

    @Test func `the JSON form says the same`() throws {
        let pattern = try Pattern(parsing: #"{"$or":[{"id":["2"]},{"type":[{"prefix":"order."}]}]}"#)
        let explanation = try pattern.explain(event("{}"))
        #expect(
            explanation.json == [
                "matched": true,
                "fields": [
                    [
                        "path": "$or.0.id", "expected": ["2"], "got": ["1"], "gotCount": 1, "matched": false,
                    ],
                    [
                        "path": "$or.1.type", "expected": [["prefix": "order."]], "got": ["order.placed"],
                        "gotCount": 1, "matched": true,
                    ],
                ],
            ])
    }
}
