// SPDX-License-Identifier: Apache-2.0

// Pieces of event patterns as text.

import JSONText

enum PatternText {
    /// A JSON list of strings.
    static func list(_ texts: [String]) -> String {
        JSONValue.array(texts.map { .string($0) }).description
    }
}
