// SPDX-License-Identifier: Apache-2.0

// Answers of the APIs, as tests look at them.

import ApusSchemaGateway
import JSONText

/// An answer, taken apart.
struct Answered {
    let status: UInt16
    let type: String
    let fields: [String: String]
    let text: String

    init(_ response: SchemaAPIResponse) {
        status = response.status
        type = response.contentType
        fields = Dictionary(response.fields.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
        text = String(decoding: response.body, as: UTF8.self)
    }

    subscript(_ name: String) -> JSONValue? { (try? JSONValue(parsing: Array(text.utf8)))?[name] }
}
