// SPDX-License-Identifier: Apache-2.0

// What Event Grid says when it does not do as asked, and what that means to an application.

internal import ApusBus
internal import JSONText

/// An error of the service, or on the way to it.
struct EventGridError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is known of what happened.
    enum Kind: Sendable, Hashable {
        /// The service's own error, by its code and HTTP status.
        case service(code: String, status: Int)
        /// No connection came about: nothing was asked.
        case unreachable
        /// The connection went, or the time ran out, after the request was sent.
        case unanswered
        /// The answer makes no sense.
        case unexpected
    }

    /// What is known of what happened.
    var kind: Kind
    /// For a person.
    var message: String
    /// How long the service wants to be left alone, if it says so.
    var retryAfter: Duration?

    var description: String {
        if case .service(let code, let status) = kind { "\(code) (\(status)): \(message)" } else { message }
    }

    var status: Int? { if case .service(_, let status) = kind { status } else { nil } }

    /// Whether the same request can succeed later.
    var isRetryable: Bool {
        switch kind {
        case .service(_, let status): status == 408 || status == 429 || status >= 500
        case .unreachable, .unanswered: true
        case .unexpected: false
        }
    }

    /// What it means to an application.
    func busError(_ what: String) -> BusError {
        switch kind {
        case .unanswered: .undecided("\(what): \(message)")
        case .unreachable, .unexpected: .unavailable("\(what): \(message)")
        case .service(_, let status):
            switch status {
            case _ where isRetryable: .unavailable("\(what): \(self)")
            case 401, 403: .unauthorized("\(what): \(self)")
            case 404: .unknown("\(what): \(self)")
            default: .refused("\(what): \(self)")
            }
        }
    }

    /// Reads `{"error": {"code", "message"}}`; whatever else it is, the status tells enough.
    static func read(_ body: [UInt8], status: Int, retryAfter: Duration?) -> EventGridError {
        let error = (try? JSONValue(parsing: body))?["error"]
        return EventGridError(
            kind: .service(code: error?["code"]?.string ?? "HTTP", status: status),
            message: String((error?["message"]?.string ?? "no reason was given").prefix(1_000)),
            retryAfter: retryAfter)
    }
}

/// When a request is tried again: four attempts, from 0.8 s on, doubling, a fifth of each pause left to chance; or when the service says.
enum EventGridRetry {
    /// Attempts of one request, the first one counted.
    static let attemptsMax = 4
    /// The longest pause, also when the service asks for a longer one: then the application learns of it.
    static let pauseMax = Duration.seconds(30)

    /// How long to wait before attempt `attempt` (from 2); nil when that is too long.
    ///
    /// - Parameter chance: evenly from 0 to 1.
    static func pause(before attempt: Int, after error: EventGridError, chance: Double) -> Duration? {
        if let asked = error.retryAfter { return asked <= pauseMax ? asked : nil }
        return min(.milliseconds(800) * (1 << min(max(attempt - 2, 0), 10)), pauseMax) * (0.8 + 0.2 * chance)
    }
}
