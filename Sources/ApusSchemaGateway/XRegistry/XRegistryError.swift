// SPDX-License-Identifier: Apache-2.0

// How xRegistry says no: problem details whose types, titles and arguments the specification lists.

internal import ApusEngine
internal import ApusSchemas
internal import JSONText

/// A refusal in xRegistry's words.
struct XRegistryError: Error, Hashable {
    let status: UInt16
    /// The part of the type's URI behind the number sign.
    let name: String
    let title: String
    let subject: String
    var arguments: [String: String] = [:]
    var detail: String?
    /// What `Allow` says.
    var allowed: String?

    /// The body. The specification asks for plain JSON here.
    var json: [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        let file =
            name == "api_not_found" || name == "missing_body" || name == "header_error" ? "http" : "spec"
        writer.member("type", "https://github.com/xregistry/spec/blob/main/core/\(file).md#\(name)")
        writer.member("title", title)
        if let detail { writer.member("detail", detail) }
        writer.member("subject", subject)
        if !arguments.isEmpty {
            writer.key("args")
            writer.beginObject()
            for (name, value) in arguments.sorted(by: { $0.key < $1.key }) {
                writer.key(name)
                writer.string(value)
            }
            writer.endObject()
        }
        writer.endObject()
        return writer.bytes
    }

    static func notFound(_ xid: String) -> XRegistryError {
        XRegistryError(
            status: 404, name: "not_found", title: "The targeted entity (\(xid)) cannot be found.",
            subject: xid)
    }

    static func noSuchAPI(_ path: String) -> XRegistryError {
        XRegistryError(
            status: 404, name: "api_not_found", title: "The specified API is not supported: \(path).",
            subject: path)
    }

    static func notSupported(_ method: String, _ path: String, allowed: String) -> XRegistryError {
        XRegistryError(
            status: 405, name: "action_not_supported",
            title: "The specified action (\(method)) is not supported for: \(path).", subject: path,
            arguments: ["action": method], allowed: allowed)
    }

    static func badRequest(_ reason: String, _ path: String) -> XRegistryError {
        XRegistryError(
            status: 400, name: "bad_request", title: reason + ".", subject: path,
            arguments: ["error_detail": reason])
    }

    static func badFlag(_ flag: String, _ path: String) -> XRegistryError {
        XRegistryError(
            status: 400, name: "bad_flag",
            title: "The specified flag (\(flag)) is not allowed in this context: \(path).", subject: path,
            arguments: ["flag": flag], detail: "GET /capabilities lists the flags that are supported.")
    }

    static func badDetails(_ path: String) -> XRegistryError {
        XRegistryError(
            status: 400, name: "bad_details",
            title: "Use of \"$details\" in this context is not allowed: \(path).",
            subject: path)
    }

    static func invalidAttribute(_ name: String, _ xid: String, _ reason: String) -> XRegistryError {
        XRegistryError(
            status: 400, name: "invalid_attribute",
            title: "The attribute \"\(name)\" for \"\(xid)\" is not valid: \(reason).", subject: xid,
            arguments: ["name": name, "error_detail": reason])
    }

    static func unknownAttribute(_ name: String, _ xid: String) -> XRegistryError {
        XRegistryError(
            status: 400, name: "unknown_attribute",
            title: "An unknown attribute (\(name)) was specified for \"\(xid)\".", subject: xid,
            arguments: ["name": name],
            detail: "This server keeps the attributes that GET /model lists, and no others.")
    }

    static func missing(_ names: String, _ xid: String) -> XRegistryError {
        XRegistryError(
            status: 400, name: "required_attribute_missing",
            title: "One or more mandatory attributes for \"\(xid)\" are missing: \(names).", subject: xid,
            arguments: ["list": names])
    }

    static func malformedID(_ id: String, _ path: String, _ reason: String) -> XRegistryError {
        XRegistryError(
            status: 400, name: "malformed_id",
            title: "For \"\(path)\", the specified ID value (\(id)) is malformed: \(reason).", subject: path,
            arguments: ["id": id, "error_detail": reason])
    }

    static func parsing(_ reason: String, _ path: String) -> XRegistryError {
        XRegistryError(
            status: 400, name: "parsing_data", title: "There was an error parsing the data: \(reason).",
            subject: path,
            arguments: ["error_detail": reason])
    }

    // MARK: From the registry

    init(
        status: UInt16, name: String, title: String, subject: String, arguments: [String: String] = [:],
        detail: String? = nil, allowed: String? = nil
    ) {
        self.status = status
        self.name = name
        self.title = title
        self.subject = subject
        self.arguments = arguments
        self.detail = detail
        self.allowed = allowed
    }

    /// What the registry says of the entity `xid`, whose format is `format`.
    init(_ error: SchemaRequestError, _ xid: String, format: String = "") {
        switch error {
        case .refused(let error): self = XRegistryError(error, xid, format: format)
        case .broker(.unavailable):
            self.init(
                status: 503, name: "server_busy",
                title:
                    "Due to excessive requests, the server could not complete \"\(xid)\", please try again later.",
                subject: xid, detail: error.description)
        case .broker:
            self.init(
                status: 500, name: "server_error",
                title: "An unexpected error occurred, please try again later.",
                subject: xid, detail: error.description)
        }
    }

    init(_ error: SchemaRegistryError, _ xid: String, format: String = "") {
        switch error {
        case .unknownSubject, .unknownVersion, .unknownID, .notRegistered, .subjectDeleted, .versionDeleted:
            self = .notFound(xid)
        case .incompatible(let report):
            let rule = report.compatibility.xRegistryName ?? "none"
            self.init(
                status: 400, name: "compatibility_violation",
                title:
                    "The request would cause one or more Versions of \"\(xid)\" to violate its compatibility rule (\(rule)).",
                subject: xid, arguments: ["compat": rule],
                detail: report.differences.map(\.description).joined(separator: "; "))
        case .invalidSchema(let flaw):
            self.init(
                status: 400, name: "format_violation",
                title:
                    "The request would cause Version \"\(xid)\" to be non-compliant with its \"format\" (\(format)).",
                subject: xid, arguments: ["format": format], detail: flaw.description)
        case .notPermitted(_, _, let reason):
            self.init(
                status: 400, name: "readonly", title: "Updating a read-only entity (\(xid)) is not allowed.",
                subject: xid,
                detail: reason)
        case .invalidSubject, .subjectNotDeleted, .versionNotDeleted, .unresolvedReference, .referenced,
            .conflict,
            .invalid, .tooMany:
            self = .badRequest(error.description, xid)
        }
    }
}
