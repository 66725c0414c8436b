// SPDX-License-Identifier: Apache-2.0

// Schemas as text, and a verdict that is held against itself: every witness is checked.

import JSONSchema
import JSONSchemaEvolution
import JSONText
import Testing

/// JSON from text.
func json(_ text: String) -> JSONValue {
    do {
        return try JSONValue(parsing: text)
    } catch {
        Issue.record("\(text): \(error)")
        return .null
    }
}

/// Why not all that `writer` accepts is accepted by `reader`; checks every witness.
func differences(
    _ writer: JSONValue, _ reader: JSONValue,
    options: SchemaComparison.Options = SchemaComparison.Options(),
    _ location: SourceLocation = #_sourceLocation
) throws -> [SchemaDifference] {
    let found = try SchemaComparison.differences(writer: writer, reader: reader, options: options)
    let accepting = try Schema.compile(writer, options: options.schemas)
    let refusing = try Schema.compile(reader, options: options.schemas)
    for witness in found.compactMap(\.witness) {
        #expect(
            try accepting.accepts(witness.serialized()), "\(witness) by \(writer)", sourceLocation: location)
        #expect(
            try !refusing.accepts(witness.serialized()), "\(witness) by \(reader)", sourceLocation: location)
    }
    return found
}
