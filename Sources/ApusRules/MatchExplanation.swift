// SPDX-License-Identifier: Apache-2.0

// Why an event matches a pattern or not: field by field, what was asked and what was there.

public import CloudEvents
public import JSONText

/// What a pattern asks of an event, and what it finds.
public struct MatchExplanation: Sendable, Hashable {
    /// One field of the pattern.
    public struct Field: Sendable, Hashable {
        /// The names on the way, joined by dots; inside `$or`, the word and the number of the alternative.
        public let path: String
        /// The alternatives, as in the pattern.
        public let expected: [JSONValue]
        /// The first values found at the path, at most ``MatchExplanation/shownValuesMax``; none if absent.
        public let values: [JSONValue]
        /// How many values there are.
        public let valueCount: Int
        /// Whether the field, taken by itself, is as asked.
        public let isMatched: Bool
    }

    /// How many values of a field are listed.
    public static let shownValuesMax = 16

    /// Whether the event matches.
    public let isMatched: Bool
    /// The fields of the pattern, in its canonical order.
    public let fields: [Field]
    /// What the fields by themselves do not tell, nil if nothing.
    public let note: String?
}

extension Pattern {
    /// Compares an event with the pattern, field by field. Slow: for people, not for routing.
    public func explain(_ event: CloudEvent) -> MatchExplanation {
        let explainer = Explainer(event)
        let fields = explainer.fields(of: self)
        let isMatched = explainer.matches(self)
        var note: String?
        if explainer.isDataUnreadable {
            note = "The data cannot be read as JSON or XML: a pattern on data cannot match it."
        } else if !isMatched, fields.allSatisfy(\.isMatched) {
            note = "Each field matches, but no single element of an array has all of them."
        }
        return MatchExplanation(isMatched: isMatched, fields: fields, note: note)
    }
}

// MARK: - Forms

extension MatchExplanation: CustomStringConvertible {
    /// A table: one line for the verdict, one for each field, one for the note.
    public var description: String {
        let rows = fields.map { field in
            [
                field.isMatched ? "yes" : "no", field.path,
                "expected " + Self.list(field.expected, of: field.expected.count),
                "got " + Self.list(field.values, of: field.valueCount),
            ]
        }
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
        var lines = [isMatched ? "matched" : "not matched"]
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                column < 3 ? cell + String(repeating: " ", count: widths[column] - cell.count) : cell
            }
            lines.append("  " + cells.joined(separator: "  "))
        }
        if let note { lines.append(note) }
        return lines.joined(separator: "\n")
    }

    /// The longest cell: what is longer is cut.
    private static let cellLengthMax = 60

    private static func list(_ values: [JSONValue], of count: Int) -> String {
        guard !values.isEmpty else { return "absent" }
        var text = values.map(\.description).joined(separator: ", ")
        if text.count > cellLengthMax { text = text.prefix(cellLengthMax - 1) + "…" }
        return count > values.count ? text + " and \(count - values.count) more" : text
    }

    /// The explanation as JSON: `matched`, `fields` (each `path`, `expected`, `got`, `matched`), `note`.
    public var json: JSONValue {
        let fields = fields.map { field -> JSONValue in
            [
                "path": .string(field.path), "expected": .array(field.expected), "got": .array(field.values),
                "gotCount": .number(JSONNumber(field.valueCount)), "matched": .bool(field.isMatched),
            ]
        }
        var result: JSONValue = ["matched": .bool(isMatched), "fields": .array(fields)]
        if let note, case .object(var object) = result {
            object["note"] = .string(note)
            result = .object(object)
        }
        return result
    }
}
