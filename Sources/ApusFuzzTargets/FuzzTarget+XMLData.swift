// SPDX-License-Identifier: Apache-2.0

// XML as data of events: the matcher can read what a slow reader can read, and nothing else; it finds each value that the slow reader finds, and
// so does the explanation.

import ApusRules
import CloudEvents
import JSONText

/// The input is a document.
func fuzzXMLData(_ input: [UInt8]) {
    guard !input.isEmpty,
        let event = try? CloudEvent(
            id: "1", source: "/s", type: "t", dataContentType: "application/xml", data: CloudEventData(input))
    else { return }
    let expected = SlowXMLReader.values(of: input)
    // No element has an empty name: this holds whatever can be read.
    let isReadable = isMatched(#"{"data":{"":[{"exists":false}]}}"#, event)
    precondition(isReadable == (expected != nil), "the matcher and the slow reader disagree on what is XML")
    for value in (expected ?? []).prefix(24) where value.path.count < 24 {
        var pattern: JSONValue = [.string(value.text)]
        for name in value.path.reversed() {
            var object = JSONObject()
            object[name] = pattern
            pattern = .object(object)
        }
        let text = #"{"data":"# + pattern.description + "}"
        precondition(isMatched(text, event), "a value that is there is not found")
    }
}

private func isMatched(_ text: String, _ event: CloudEvent) -> Bool {
    // What is too long for a pattern is none that could be looked for.
    guard let pattern = try? Pattern(parsing: text) else { return true }
    let isMatched = RuleMatcher([(id: 1, pattern: pattern)]).matches(event) == [1]
    precondition(pattern.explain(event).isMatched == isMatched, "matcher and explanation disagree")
    return isMatched
}
