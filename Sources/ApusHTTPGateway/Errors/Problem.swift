// SPDX-License-Identifier: Apache-2.0

// The one form in which the API says no: problem details (RFC 9457) with a hint what to do, and whether the same
// request may be sent again. The kinds are closed, so that routes can declare which of them they answer with and
// the OpenAPI document can be checked against that.

internal import ApusHTTPCodec
internal import JSONText
internal import NIOCore

/// A refusal or failure, as it is told to an HTTP client.
struct Problem: Error, Sendable, Hashable {
    /// What kind of thing went wrong: the `type` member.
    enum Kind: String, Sendable, Hashable, CaseIterable {
        case malformed
        case unauthorized
        case foreignOrigin = "foreign-origin"
        case notFound = "not-found"
        case trimmed
        case methodNotAllowed = "method-not-allowed"
        case notAcceptable = "not-acceptable"
        case timeout
        case conflict
        case tooLarge = "too-large"
        case uriTooLong = "uri-too-long"
        case unsupportedMediaType = "unsupported-media-type"
        case expectationFailed = "expectation-failed"
        case misdirected = "misdirected"
        case invalid
        case headersTooLarge = "headers-too-large"
        case corrupt
        case storage
        case notImplemented = "not-implemented"
        case versionNotSupported = "version-not-supported"
        case unavailable
        case partial
    }

    /// What kind of thing went wrong.
    var kind: Kind
    /// What happened, to what, for a person.
    var detail: String
    /// What to do about it, for a person.
    var hint: String?
    /// Members beside the standard ones, such as `start` of a `trimmed`.
    var members: [JSONObject.Member] = []
    /// Fields that the kind of answer requires, such as `Allow`.
    var fields: [Field] = []

    /// A header field that goes with a problem.
    enum Field: Sendable, Hashable {
        case allow(String)
        case authenticate
        case retryAfter(seconds: Int)
        case position(name: PositionField, offset: Int64)
    }

    /// The header fields that tell positions.
    enum PositionField: Sendable, Hashable {
        case next, end
    }

    init(_ kind: Kind, _ detail: String, hint: String? = nil) {
        self.kind = kind
        self.detail = detail
        self.hint = hint
        switch kind {
        case .unavailable, .partial: fields = [.retryAfter(seconds: 1)]
        case .unauthorized: fields = [.authenticate]
        default: break
        }
    }

    /// The same problem with one more member.
    func with(_ name: String, _ value: JSONValue) -> Problem {
        var copy = self
        copy.members.append(JSONObject.Member(name: name, value: value))
        return copy
    }

    /// The same problem with one more header field.
    func with(_ field: Field) -> Problem {
        var copy = self
        copy.fields.append(field)
        return copy
    }
}

extension Problem.Kind {
    /// The status of every answer of this kind.
    var status: HTTPStatus {
        switch self {
        case .malformed: .badRequest
        case .unauthorized: .unauthorized
        case .foreignOrigin: .forbidden
        case .notFound, .trimmed: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .notAcceptable: .notAcceptable
        case .timeout: .requestTimeout
        case .conflict: .conflict
        case .tooLarge: .contentTooLarge
        case .uriTooLong: .uriTooLong
        case .unsupportedMediaType: .unsupportedMediaType
        case .expectationFailed: .expectationFailed
        case .misdirected: .misdirectedRequest
        case .invalid: .unprocessableContent
        case .headersTooLarge: .headerFieldsTooLarge
        case .corrupt, .storage: .internalServerError
        case .notImplemented: .notImplemented
        case .versionNotSupported: .versionNotSupported
        case .unavailable, .partial: .serviceUnavailable
        }
    }

    /// The kind in words: the `title` member.
    var title: String {
        switch self {
        case .malformed: "Malformed request"
        case .unauthorized: "No or wrong token"
        case .foreignOrigin: "Foreign origin"
        case .notFound: "No such thing"
        case .trimmed: "No longer kept"
        case .methodNotAllowed: "Method not allowed"
        case .notAcceptable: "Cannot answer in that form"
        case .timeout: "Request took too long"
        case .conflict: "Conflict"
        case .tooLarge: "Too large"
        case .uriTooLong: "Request line too long"
        case .unsupportedMediaType: "Unsupported content type"
        case .expectationFailed: "Expectation cannot be met"
        case .misdirected: "Foreign host"
        case .invalid: "Well-formed but refused"
        case .headersTooLarge: "Header too large"
        case .corrupt: "Stored data is damaged"
        case .storage: "Storage failed"
        case .notImplemented: "Not implemented"
        case .versionNotSupported: "HTTP version not supported"
        case .unavailable: "Cannot now"
        case .partial: "Partly stored"
        }
    }

    /// Whether the same request can succeed later without anybody changing anything.
    var isRetryable: Bool {
        switch self {
        case .unavailable, .partial, .timeout: true
        default: false
        }
    }
}

extension Problem {
    /// The problem as a JSON document.
    var json: [UInt8] {
        var writer = JSONWriter(capacity: 256)
        write(to: &writer)
        return writer.bytes
    }

    /// Writes the problem as a JSON object.
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("type")
        writer.string(kind.rawValue)
        writer.key("title")
        writer.string(kind.title)
        writer.key("status")
        writer.integer(Int(kind.status.code))
        writer.key("detail")
        writer.string(detail)
        if let hint {
            writer.key("hint")
            writer.string(hint)
        }
        writer.key("retryable")
        writer.bool(kind.isRetryable)
        for member in members {
            writer.key(member.name)
            writer.value(member.value)
        }
        writer.endObject()
    }

    /// The problem as a response.
    var answer: Answer {
        var headers = HTTPHeaderBlock(contentType: "application/problem+json")
        for field in fields {
            switch field {
            case .allow(let methods): headers.append("Allow", methods)
            case .authenticate: headers.append("WWW-Authenticate", "Bearer realm=\"apus\"")
            case .retryAfter(let seconds): headers.append("Retry-After", String(seconds))
            case .position(.next, let offset): headers.append("Apus-Next-Offset", String(offset))
            case .position(.end, let offset): headers.append("Apus-End-Offset", String(offset))
            }
        }
        return Answer(status: kind.status, headers: headers, body: ByteBuffer(bytes: json))
    }
}
