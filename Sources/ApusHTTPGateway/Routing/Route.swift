// SPDX-License-Identifier: Apache-2.0

// One row of the table that the whole API is made of: what is asked, who answers, and what the answer can be. Routing, the
// check of query parameters and the OpenAPI document all come from it, so that they cannot drift apart.

internal import ApusHTTPCodec
internal import NIOCore

/// One thing that can be asked.
struct Route: Sendable {
    /// The method; GET answers HEAD too, unless it streams.
    var method: HTTPMethod
    /// The path.
    var path: PathTemplate
    /// The name in the OpenAPI document, unique.
    var operation: String
    /// What it does, in a sentence.
    var summary: String
    /// The chapter of the OpenAPI document.
    var chapter: Chapter
    /// The query parameters that it knows; all others are refused.
    var parameters: [QueryParameter] = []
    /// What the body must be.
    var body: RequestBody = .none
    /// The answers other than problems.
    var successes: [Success]
    /// The problems beside those that every route has.
    var problems: [Problem.Kind] = []
    /// Who answers.
    var handler: Handler

    /// The chapters of the API.
    enum Chapter: String, Sendable, CaseIterable {
        case events = "Events"
        case topics = "Topics"
        case subscriptions = "Subscriptions"
        case rules = "Rules"
        case deadLetters = "Dead letters"
        case schedules = "Schedules"
        case schemas = "Schemas"
        case eventTypes = "Catalogue of events"
        case groups = "Consumer groups"
        case bridges = "Bridges"
        case operations = "Operations"
    }

    /// Who answers, and how.
    enum Handler: Sendable {
        /// The hot path: synchronous, on the event loop.
        case publish
        /// A task of its own.
        case answer(@Sendable (GatewayContext, Call) async throws(Problem) -> Answer)
        /// A task of its own that writes for as long as the client listens.
        case stream(@Sendable (GatewayContext, Call) async throws(Problem) -> StreamBody)
    }
}

/// Problems that every route can answer with: those of admission, of the request as such, and of the server's state.
extension Problem.Kind {
    static let common: [Problem.Kind] = [
        .malformed, .unauthorized, .foreignOrigin, .timeout, .tooLarge, .uriTooLong, .expectationFailed,
        .misdirected, .headersTooLarge, .storage, .versionNotSupported, .unavailable,
    ]
}

extension Route {
    /// Every status that the route may answer with.
    var statuses: Set<UInt16> {
        let kinds = problems + Problem.Kind.common
        return Set(successes.map(\.status.code)).union(kinds.map(\.status.code))
    }

    /// The route's label in metrics.
    var label: String { "\(method.name) \(path.description)" }
}

extension HTTPMethod {
    /// The method as it is written.
    var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        case .other: "OTHER"
        }
    }
}

/// A query parameter.
struct QueryParameter: Sendable {
    var name: String
    var schema: Schema
    var about: String
    var isRepeatable = false
}

/// What the body of a request must be.
enum RequestBody: Sendable {
    /// There is none, and one that is sent is not read.
    case none
    /// JSON, by this schema.
    case json(Schema)
    /// The same, or nothing, which means an object without members.
    case optionalJSON(Schema)
    /// An event or a batch, in any content type but those of HTML forms.
    case event

    /// Whether a body that is sent is read as JSON.
    var isJSON: Bool {
        switch self {
        case .json, .optionalJSON: true
        case .none, .event: false
        }
    }
}

/// An answer other than a problem.
struct Success: Sendable {
    /// One form in which the body can come.
    struct Content: Sendable {
        var mediaType: String
        var schema: Schema
    }

    var status: HTTPStatus
    var about: String
    var content: [Content] = []
    /// Header fields, with what they say.
    var fields: [(name: String, about: String)] = []

    /// An answer in JSON.
    static func json(_ status: HTTPStatus, _ about: String, _ schema: Schema) -> Success {
        Success(
            status: status, about: about, content: [Content(mediaType: "application/json", schema: schema)])
    }

    /// An answer in JSON by a named schema.
    static func json(_ status: HTTPStatus, _ about: String, _ definition: Definition) -> Success {
        json(status, about, .reference(definition))
    }

    /// Done; nothing to say.
    static let done = Success(status: .noContent, about: "Done.")
}

/// A path with places for names.
struct PathTemplate: Sendable, CustomStringConvertible {
    /// One part between slashes.
    enum Segment: Sendable, Hashable {
        case literal(String)
        case parameter(String)
    }

    /// The path as OpenAPI writes it: `/v1/topics/{topic}`.
    let description: String
    /// Its parts.
    let segments: [Segment]
    /// How many parts are literal: of two templates that match, the one with more is meant.
    let literalCount: Int

    init(_ text: String) {
        description = text
        segments = text.split(separator: "/").map { part in
            part.hasPrefix("{") ? .parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
        literalCount = segments.count { if case .literal = $0 { true } else { false } }
    }

    /// The names of its parameters, in order.
    var parameters: [String] {
        segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
    }

    /// The values of the parameters, nil if `path` is another one.
    func match(_ path: [String]) -> [String]? {
        guard path.count == segments.count else { return nil }
        var values: [String] = []
        for (segment, part) in zip(segments, path) {
            switch segment {
            case .literal(let literal): if literal != part { return nil }
            case .parameter: values.append(part)
            }
        }
        return values
    }
}
