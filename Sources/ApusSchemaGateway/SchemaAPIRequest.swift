// SPDX-License-Identifier: Apache-2.0

// What both APIs are asked and answer, as values: who serves HTTP takes requests apart and puts answers together. No socket, no HTTP here.

/// A request to an API of the schema registry.
public struct SchemaAPIRequest: Sendable {
    /// What is to be done; HEAD is GET for who asks.
    public enum Method: String, Sendable {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    /// What is to be done.
    public var method: Method
    /// The path below that of the API, taken apart at its slashes and decoded.
    public var path: [String]
    /// The query, decoded; what has no value is empty.
    public var query: [(name: String, value: String)]
    /// Where the API is, as the client names it, without a slash at its end: `http://localhost:4280/xregistry`.
    public var base: String
    /// `Content-Type`.
    public var contentType: String?
    /// `Accept`.
    public var accept: String?
    /// Header fields whose names begin with `xregistry-`, in lower case.
    public var fields: [(name: String, value: String)]
    /// The body.
    public var body: [UInt8]

    /// A request.
    public init(
        _ method: Method, _ path: [String], query: [(name: String, value: String)] = [], base: String = "",
        contentType: String? = nil, accept: String? = nil, fields: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.base = base
        self.contentType = contentType
        self.accept = accept
        self.fields = fields
        self.body = body
    }

    /// The value of a parameter.
    func value(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// Whether a parameter says yes. Python's clients write `True`.
    func flag(_ name: String) -> Bool { value(name)?.lowercased() == "true" }

    /// The content type without its parameters, in lower case.
    var mediaType: String? {
        contentType?.split(separator: ";").first.map { text in
            String(text.lowercased().filter { $0 != " " && $0 != "\t" })
        }
    }
}

/// What an API of the schema registry answers.
public struct SchemaAPIResponse: Sendable {
    /// The HTTP status.
    public var status: UInt16
    /// `Content-Type`; empty where there is no body.
    public var contentType: String
    /// Other header fields.
    public var fields: [(name: String, value: String)]
    /// The body.
    public var body: [UInt8]

    /// An answer.
    public init(
        _ status: UInt16, contentType: String = "", fields: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.fields = fields
        self.body = body
    }
}

/// Whether a path, split and decoded, is one of an API, and which of its parts are what.
enum PathPattern {
    /// The parts of `path` that stand where `pattern` has an asterisk; nil when it is another path.
    static func match(_ path: [String], _ pattern: String...) -> [String]? {
        guard path.count == pattern.count else { return nil }
        var parts: [String] = []
        for (part, wanted) in zip(path, pattern) {
            if wanted == "*" { parts.append(part) } else if part != wanted { return nil }
        }
        return parts
    }
}
