// SPDX-License-Identifier: Apache-2.0

// The languages that become patterns: a text is refused with a place that is in it, or becomes a pattern that can be written, means the
// same when it is read again, and matches as it explains. A CESQL expression selects no event that its pattern does not.

import ApusRules
import CloudEvents

/// The input is an expression, an empty line, and the text of an attribute.
func fuzzCESQL(_ input: [UInt8]) {
    let (text, note) = splitAtEmptyLine(input)
    guard
        let expression = accepted(
            text, { text throws(RuleLanguageError) in try CESQLExpression(parsing: text) })
    else { return }
    checkText(of: expression.pattern)
    let matcher = RuleMatcher([(id: 1, pattern: expression.pattern)])
    for event in selectableEvents(note: note) {
        let result = expression.evaluate(event)
        precondition(result.errors.count <= 16, "too many errors are kept")
        let isSelected = expression.matches(event)
        let isCandidate = matcher.matches(event) == [1]
        precondition(isCandidate || !isSelected, "the pattern is narrower than the expression")
        precondition(!expression.isPatternExact || isCandidate == isSelected, "the pattern is not exact")
        precondition(expression.explain(event).isMatched == isSelected, "the explanation disagrees")
    }
}

/// The input is a policy, an empty line, and the data of an event.
func fuzzSNSFilterPolicy(_ input: [UInt8]) {
    let (text, data) = splitAtEmptyLine(input)
    for scope in SNSFilterPolicyScope.allCases {
        let pattern = accepted(text) { text throws(RuleLanguageError) in
            try Pattern(snsFilterPolicy: text, scope: scope)
        }
        if let pattern { check(pattern, data: data) }
    }
}

/// The input is a filter, an empty line, and the data of an event.
func fuzzEventGridFilter(_ input: [UInt8]) {
    let (text, data) = splitAtEmptyLine(input)
    let pattern = accepted(text) { text throws(RuleLanguageError) in try Pattern(eventGridFilter: text) }
    if let pattern { check(pattern, data: data) }
}

/// The input is the arguments of a binding, an empty line, and the text of an attribute.
func fuzzRabbitMQHeaders(_ input: [UInt8]) {
    let (text, note) = splitAtEmptyLine(input)
    let pattern = accepted(text) { text throws(RuleLanguageError) in try Pattern(rabbitMQArguments: text) }
    if let pattern { check(pattern, data: note) }
}

/// The input is a binding key, an empty line, and a routing key.
func fuzzRabbitMQTopic(_ input: [UInt8]) {
    let (text, key) = splitAtEmptyLine(input)
    guard let binding = String(validating: text, as: UTF8.self),
        let pattern = try? Pattern(rabbitMQTopic: binding, attribute: "note")
    else { return }
    check(pattern, data: key)
    // The routing key as a pattern without wildcards.
    guard let routing = String(validating: key, as: UTF8.self), binding == routing, !routing.contains("#"),
        let event = selectableEvents(note: key).first, event.extensions["note"] != nil
    else { return }
    precondition(pattern.explain(event).isMatched, "a key does not match itself")
}

// MARK: - What must hold for all

/// The value that `parse` makes of a text; nil if it is refused, with a place that has to be in the text.
private func accepted<Value>(
    _ text: [UInt8], _ parse: ([UInt8]) throws(RuleLanguageError) -> Value
) -> Value? {
    do { return try parse(text) } catch {
        precondition((0...text.count).contains(error.offset), "the place of an error is outside of the text")
        precondition(error.line >= 1 && error.column >= 1, "lines and columns count from 1")
        precondition(!error.description.isEmpty, "an error without words")
        return nil
    }
}

private func check(_ pattern: Pattern, data: [UInt8]) {
    checkText(of: pattern)
    for event in eventsToMatch(data: data) + selectableEvents(note: data) { check(pattern, event) }
}

private func checkText(of pattern: Pattern) {
    // What a language allows may be longer than what patterns do.
    guard pattern.text.utf8.count <= PatternLimits().textBytesMax else { return }
    let again = try? Pattern(parsing: pattern.text)
    precondition(again == pattern, "a pattern's own text is another pattern")
}

/// Events with this text as an attribute, if it can be one, and one without.
private func selectableEvents(note: [UInt8]) -> [CloudEvent] {
    var extensions = CloudEventExtensions()
    try? extensions.set("count", to: 5)
    try? extensions.set("flag", to: true)
    let without = extensions
    if let text = String(validating: note, as: UTF8.self) { try? extensions.set("note", to: .string(text)) }
    return [extensions, without].compactMap { extensions in
        try? CloudEvent(
            id: "A-1", source: "/shop/7", type: "order.placed", subject: "orders/7", extensions: extensions)
    }
}
