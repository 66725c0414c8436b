// SPDX-License-Identifier: Apache-2.0

// What the registry of schemas says in this protocol's words; exhaustive on purpose, as the mapping of the broker's errors is.

internal import ApusEngine
internal import ApusSchemas
internal import JSONText

extension Problem {
    /// What an error about schemas means to an HTTP client.
    init(_ error: SchemaRequestError) {
        switch error {
        case .refused(let error): self.init(error)
        case .broker(let error): self.init(error)
        }
    }

    /// What a refusal of the registry means to an HTTP client.
    init(_ error: SchemaRegistryError) {
        let text = error.description
        switch error {
        case .unknownSubject:
            self.init(.notFound, text, hint: "GET /v1/schemas lists those that there are")
        case .subjectDeleted, .versionDeleted:
            self.init(.notFound, text, hint: "with permanent=true it is deleted for good")
        case .unknownVersion, .unknownID, .notRegistered: self.init(.notFound, text)
        case .subjectNotDeleted, .versionNotDeleted:
            self.init(.conflict, text, hint: "delete it without permanent=true first")
        case .incompatible(let report):
            self.init(
                .conflict, text,
                hint:
                    "mend the schema, register it under another subject, or change the subject's compatibility"
            )
            members = [JSONObject.Member(name: "differences", value: .differences(report))]
        case .notPermitted: self.init(.conflict, text)
        case .referenced: self.init(.conflict, text, hint: "delete the schemas that refer to it first")
        case .conflict: self.init(.conflict, text)
        case .invalidSubject: self.init(.malformed, text)
        case .invalidSchema(let flaw):
            self.init(.invalid, text)
            if let location = flaw.location {
                members = [JSONObject.Member(name: "location", value: .string(location))]
            }
        case .unresolvedReference: self.init(.invalid, text, hint: "register what it leads to first")
        case .invalid, .tooMany: self.init(.invalid, text)
        }
    }
}
