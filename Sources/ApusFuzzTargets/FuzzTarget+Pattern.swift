// SPDX-License-Identifier: Apache-2.0

// Event patterns: what is parsed can be written and means the same, the compiled matcher agrees with the plain walk that explains it,
// and no pattern changes what another one matches.

import ApusRules
import CloudEvents

/// The input is a pattern, an empty line, and the data of an event.
func fuzzPattern(_ input: [UInt8]) {
    let (text, data) = splitAtEmptyLine(input)
    guard let pattern = try? Pattern(parsing: text) else { return }
    let again = try? Pattern(parsing: pattern.text)
    precondition(again == pattern, "a pattern's own text is another pattern")
    for event in eventsToMatch(data: data) { check(pattern, event) }
}

/// Checks that a pattern matches an event as its explanation says, alone and among others.
func check(_ pattern: Pattern, _ event: CloudEvent) {
    let isMatched = pattern.explain(event).isMatched
    let alone = RuleMatcher([(id: 1, pattern: pattern)])
    precondition(alone.matches(event) == (isMatched ? [1] : []), "matcher and explanation disagree")
    var crowd = RuleMatcher([
        (id: 0, pattern: .matchAll), (id: 7, pattern: pattern), (id: 3, pattern: pattern),
    ])
    precondition(
        crowd.matches(event) == (isMatched ? [0, 3, 7] : [0]), "among others, a pattern matches differently")
    crowd.remove(id: 3)
    precondition(
        crowd.matches(event) == (isMatched ? [0, 7] : [0]),
        "a pattern that is taken away changes the others")
}

/// The bytes before the first empty line, and those after it.
func splitAtEmptyLine(_ input: [UInt8]) -> (text: [UInt8], data: [UInt8]) {
    let feed = UInt8(ascii: "\n")
    for index in input.indices.dropLast() where input[index] == feed && input[index + 1] == feed {
        return (Array(input[..<index]), Array(input[(index + 2)...]))
    }
    return (input, [])
}

/// Events with these data, read as JSON and not, and one with none.
func eventsToMatch(data: [UInt8]) -> [CloudEvent] {
    var extensions = CloudEventExtensions()
    try? extensions.set("count", to: 5)
    return [("application/json", data), ("text/plain", data), ("application/json", [])].compactMap {
        type, bytes in
        try? CloudEvent(
            id: "A-1", source: "/shop/7", type: "order.placed", subject: "10.1.2.3",
            dataContentType: type, extensions: extensions, data: bytes.isEmpty ? nil : CloudEventData(bytes))
    }
}
