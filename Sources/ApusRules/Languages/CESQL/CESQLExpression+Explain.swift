// SPDX-License-Identifier: Apache-2.0

// Why an expression holds for an event or not, in the form that patterns have: a row for each part between the logical operators.

public import CloudEvents
import JSONText

extension CESQLExpression {
    /// Compares an event with the expression, part by part. Slow: for people, not for routing.
    public func explain(_ event: CloudEvent) -> MatchExplanation {
        let texts = event.attributeTexts
        let attribute = { (name: String) -> CESQLValue? in
            texts.first { $0.name == name }.map { .string($0.text) }
        }
        var fields: [MatchExplanation.Field] = []
        forEachPart(of: root, isWanted: true) { part, isWanted in
            let result = evaluate(part, attribute)
            let values = part.attributes.compactMap(attribute).map {
                JSONValue.string(CESQLCast.text(of: $0))
            }
            let text = String(decoding: Array(self.text.utf8)[part.range], as: UTF8.self)
            let isMatched =
                if case .boolean(isWanted) = CESQLCast.value(result.value, as: .boolean) {
                    result.errors.isEmpty
                } else { false }
            fields.append(
                MatchExplanation.Field(
                    path: part.attributes.joined(separator: ", "),
                    expected: [.string(isWanted ? text : "NOT (\(text))")],
                    values: Array(values.prefix(MatchExplanation.shownValuesMax)), valueCount: values.count,
                    isMatched: isMatched))
        }
        let result = evaluate(root, attribute)
        var note: String?
        if !result.errors.isEmpty {
            note = "Errors keep the event out: \(result.errors.map(\.description).joined(separator: "; "))."
        } else if case .boolean = result.value {
            note = nil
        } else {
            note = "The value is \(result.value), which is neither true nor false."
        }
        return MatchExplanation(isMatched: result.isTrue, fields: fields, note: note)
    }

    /// Calls `body` with the parts between logical operators, and whether each has to be true.
    private func forEachPart(
        of term: CESQLTerm, isWanted: Bool, _ body: (CESQLTerm, _ isWanted: Bool) -> Void
    ) {
        switch term.node {
        case .logic(let logic, let parts):
            // What XOR wants of one part depends on the others.
            for part in parts { forEachPart(of: part, isWanted: logic == .xor || isWanted, body) }
        case .not(let inner):
            if case .logic = inner.node { return forEachPart(of: inner, isWanted: !isWanted, body) }
            body(term, isWanted)
        default: body(term, isWanted)
        }
    }
}
