// SPDX-License-Identifier: Apache-2.0

// Tables and lists of properties, aligned with spaces, the same on a terminal and in a pipe.

package import JSONText

/// Rows of text under headings.
package struct Table {
    /// On which side a column's text stands.
    package enum Alignment {
        case left, right
    }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    /// A table without rows; numbers belong into columns aligned to the right.
    package init(_ columns: (title: String, alignment: Alignment)...) { self.init(columns) }

    /// A table without rows; numbers belong into columns aligned to the right.
    package init(_ columns: [(title: String, alignment: Alignment)]) { self.columns = columns }

    /// Whether it has no rows.
    package var isEmpty: Bool { rows.isEmpty }

    /// Adds a row; what is missing stays empty.
    package mutating func add(_ cells: String...) { add(cells: cells) }

    /// Adds a row; what is missing stays empty.
    package mutating func add(cells: [String]) { rows.append(cells.map(Console.printable)) }

    /// The lines of the table, the headings first.
    package func lines(on console: Console) -> [String] {
        let widths = columns.indices.map { index in
            rows.reduce(columns[index].title.count) { max($0, index < $1.count ? $1[index].count : 0) }
        }
        let heading = console.styled(line(columns.map(\.title), widths), .bold)
        return [heading] + rows.map { line($0, widths) }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (index, column) in columns.enumerated() {
            let cell = index < cells.count ? cells[index] : ""
            let padding = String(repeating: " ", count: max(0, widths[index] - cell.count))
            line += column.alignment == .right ? padding + cell : cell + padding
            line += "  "
        }
        return String(
            line.prefix(upTo: line.lastIndex { $0 != " " }.map(line.index(after:)) ?? line.startIndex))
    }
}

/// Shows JSON of any shape as indented lines of names and values.
package enum Properties {
    /// The lines for a value; members that are null are shown as `-`.
    package static func lines(_ value: JSONValue, indent: Int = 0) -> [String] {
        switch value {
        case .object(let object): members(object, indent)
        case .array(let elements): elements.flatMap { element($0, indent) }
        default: [String(repeating: " ", count: indent) + scalar(value)]
        }
    }

    private static func members(_ object: JSONObject, _ indent: Int) -> [String] {
        let members = object.members.map(readable)
        let width = members.filter { !isNested($0.value) }.map(\.name.count).max() ?? 0
        let margin = String(repeating: " ", count: indent)
        return members.flatMap { name, value in
            if isNested(value) { return [margin + name + ":"] + lines(value, indent: indent + 2) }
            let padding = String(repeating: " ", count: max(0, width - name.count))
            return [margin + name + padding + "  " + scalar(value)]
        }
    }

    /// A member as it is shown. A pattern reads best as what was typed: JSON, on one line.
    private static func readable(_ member: JSONObject.Member) -> (name: String, value: JSONValue) {
        let isPattern = member.name == "pattern" && member.value != .null
        let value = isPattern ? .string(member.value.description) : member.value
        return (Console.printable(member.name), value)
    }

    private static func element(_ value: JSONValue, _ indent: Int) -> [String] {
        var lines = lines(value, indent: indent + 2)
        guard let first = lines.first else { return [] }
        lines[0] = String(repeating: " ", count: indent) + "- " + first.dropFirst(indent + 2)
        return lines
    }

    private static func isNested(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let object): !object.members.isEmpty
        case .array(let elements): !elements.isEmpty
        default: false
        }
    }

    private static func scalar(_ value: JSONValue) -> String {
        switch value {
        case .null: "-"
        case .string(let text): Console.printable(text)
        default: value.description
        }
    }
}
