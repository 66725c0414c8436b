// SPDX-License-Identifier: Apache-2.0

// How Confluent's API says no: a number of its own beside the HTTP status, and a sentence. Clients look at the number.

internal import ApusEngine
internal import ApusSchemas
internal import JSONText

/// A refusal in Confluent's words.
struct ConfluentError: Error, Hashable {
    let status: UInt16
    let code: Int
    let message: String

    init(_ status: UInt16, _ code: Int, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    /// The body.
    var json: [UInt8] {
        var writer = JSONWriter(capacity: 128)
        writer.beginObject()
        writer.key("error_code")
        writer.integer(code)
        writer.key("message")
        writer.string(message)
        writer.endObject()
        return writer.bytes
    }

    static func invalidSchema(_ message: String) -> ConfluentError { ConfluentError(422, 42201, message) }

    static func invalidVersion(_ text: String) -> ConfluentError {
        ConfluentError(
            422, 42202,
            "The specified version '\(text.prefix(80))' is not a valid version id. Allowed values are between [1, 2^31-1]"
                + " and the string \"latest\"")
    }

    static func notPermitted(_ message: String) -> ConfluentError { ConfluentError(422, 42205, message) }

    static let notFound = ConfluentError(404, 404, "HTTP 404 Not Found")
    static let methodNotAllowed = ConfluentError(405, 405, "HTTP 405 Method Not Allowed")
}

extension ConfluentError {
    init(_ error: SchemaRequestError) {
        switch error {
        case .refused(let error): self.init(error)
        case .broker(.unavailable): self.init(503, 50301, error.description)
        case .broker: self.init(500, 50001, error.description)
        }
    }

    init(_ error: SchemaRegistryError) {
        let text = error.description
        switch error {
        case .invalidSubject: self.init(422, 42208, text)
        case .unknownSubject(let name): self.init(404, 40401, "Subject '\(name)' not found.")
        case .unknownVersion(_, let version): self.init(404, 40402, "Version \(version) not found.")
        case .unknownID(let id): self.init(404, 40403, "Schema \(id) not found")
        case .notRegistered: self.init(404, 40403, "Schema not found")
        case .subjectDeleted: self.init(404, 40404, text)
        case .subjectNotDeleted: self.init(404, 40405, text)
        case .versionDeleted: self.init(404, 40406, text)
        case .versionNotDeleted: self.init(404, 40407, text)
        case .invalidSchema, .unresolvedReference, .invalid: self.init(422, 42201, text)
        case .incompatible: self.init(409, 409, text)
        case .notPermitted, .conflict: self.init(422, 42205, text)
        case .referenced: self.init(422, 42206, text)
        case .tooMany: self.init(422, 42209, text)
        }
    }
}
