// SPDX-License-Identifier: Apache-2.0

// From a template's text to its pieces: what all kinds have in common, and templates for text. Those for JSON and XML are in
// TemplateParser+JSON.swift and TemplateParser+XML.swift.

import JSONText

/// Reads one template; errors carry the byte of the template that they are about.
struct TemplateParser {
    let text: [UInt8]
    let pointer: String
    let limits: TransformationLimits
    var variables: Variables
    var template = Template()
    var position = 0

    /// Parses `text` and notes in `variables` what it uses.
    static func parse(
        _ text: String, as kind: OutputKind, pointer: String, _ variables: inout Variables,
        limits: TransformationLimits
    ) throws(TransformationError) -> Template {
        guard text.utf8.count <= limits.templateBytesMax else {
            throw TransformationError(
                .tooLong(limit: limits.templateBytesMax), pointer: pointer, offset: limits.templateBytesMax)
        }
        var parser = TemplateParser(
            text: Array(text.utf8), pointer: pointer, limits: limits, variables: variables)
        switch kind {
        case .json: try parser.parseJSON()
        case .xml: try parser.parseXML()
        case .text: try parser.parseText()
        }
        variables = parser.variables
        return parser.template
    }

    func error(_ reason: TransformationError.Reason, at offset: Int? = nil) -> TransformationError {
        TransformationError(reason, pointer: pointer, offset: offset ?? position)
    }

    /// The number of the variable `name`, which stands at `offset`.
    mutating func use(_ name: String, at offset: Int) throws(TransformationError) -> Int {
        guard let number = variables.use(name) else {
            throw error(.unknownVariable(name, known: variables.known), at: offset)
        }
        return number
    }

    /// Text with `<name>` for variables; `\<` and `\\` stand for the characters themselves.
    private mutating func parseText() throws(TransformationError) {
        var start = 0
        while position < text.count {
            if text[position] == UInt8(ascii: "\\") {
                let next = position + 1
                guard next < text.count, text[next] == UInt8(ascii: "<") || text[next] == UInt8(ascii: "\\")
                else { throw error(.escape) }
                if position > start { template.append(text[start..<position]) }
                start = next
                position = next + 1
            } else if let (name, end) = VariableText.name(text, at: position) {
                if position > start { template.append(text[start..<position]) }
                template.append(.inText(variable: try use(name, at: position)))
                start = end
                position = end
            } else {
                position += 1
            }
        }
        if position > start { template.append(text[start...]) }
    }
}
