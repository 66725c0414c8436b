// SPDX-License-Identifier: Apache-2.0

// Why a request came to nothing: the server's own words (problem+json, RFC 9457) where it answered, ours where it
// did not. One error type, so that callers can show any failure as what happened, why, and what to do about it.

internal import JSONText

/// Why a request to a server failed.
public struct ApusClientError: Error, Sendable, Hashable {
    /// The kinds of failure that callers treat differently.
    public enum Kind: Sendable, Hashable {
        /// What was named does not exist (404).
        case notFound
        /// No token, a wrong one, or a caller that may not (401, 403).
        case denied
        /// The request contradicts what exists (409).
        case conflict
        /// The server will not do it, whoever asks and however often (other 4xx).
        case refused
        /// The server cannot do it now (429, 5xx).
        case unavailable
        /// No connection to the server came about, or it broke.
        case unreachable
        /// No answer in time.
        case timedOut
        /// The task was cancelled.
        case cancelled
        /// The answer is not what the API promises: another program, or another version.
        case unexpectedAnswer
    }

    /// What sort of failure this is.
    public var kind: Kind
    /// What happened, in a few words.
    public var what: String
    /// Why, if that is known.
    public var why: String?
    /// What to do about it, if the server or the client has an idea.
    public var hint: String?
    /// Whether the same request can succeed later without anybody changing anything.
    public var retryable: Bool
    /// The HTTP status, if there was an answer.
    public var status: Int?
    /// The problem's `type`, if the answer named one (`trimmed`, `corrupt`, ...).
    public var type: String?

    /// Why a request failed.
    public init(
        _ kind: Kind, what: String, why: String? = nil, hint: String? = nil, retryable: Bool = false,
        status: Int? = nil, type: String? = nil
    ) {
        self.kind = kind
        self.what = what
        self.why = why
        self.hint = hint
        self.retryable = retryable
        self.status = status
        self.type = type
    }
}

extension ApusClientError: CustomStringConvertible {
    /// What happened, and why.
    public var description: String { why.map { "\(what): \($0)" } ?? what }
}

// MARK: - From answers

extension ApusClientError {
    /// What an answer with a status of 400 or more says.
    ///
    /// A body that is not a problem document (a proxy's page, say) is told by its status alone. Not a 404: every server has that for
    /// paths it does not know, and only Apus's own says that a topic does not exist.
    init(status: Int, body: [UInt8]) {
        let problem = (try? JSONValue(parsing: body)) ?? .null
        guard status != 404 || problem["title"]?.string != nil else {
            self = .unexpected("it is a 404 without the problem document that Apus sends along")
            self.status = status
            return
        }
        self.init(
            Self.kind(of: status), what: problem["title"]?.string ?? Self.title(of: status),
            why: problem["detail"]?.string, hint: problem["hint"]?.string,
            retryable: problem["retryable"]?.bool ?? (status == 429 || status == 503), status: status,
            type: problem["type"]?.string.map(Self.shortType))
    }

    private static func kind(of status: Int) -> Kind {
        switch status {
        case 401, 403: .denied
        case 404: .notFound
        case 408, 504: .timedOut
        case 409: .conflict
        case 429, 500...: .unavailable
        default: .refused
        }
    }

    private static func title(of status: Int) -> String {
        switch status {
        case 401: "the server wants a token"
        case 403: "the server does not allow this"
        case 409: "conflict with what exists"
        case 413: "too large"
        case 503: "the server cannot do this now"
        default: "the server answered with status \(status)"
        }
    }

    /// The last part of a problem's type, whether it is written as a word, a path or an address.
    private static func shortType(_ type: String) -> String {
        type.split(whereSeparator: { $0 == "/" || $0 == "#" || $0 == ":" }).last.map(String.init) ?? type
    }

    /// An answer that is not what the API promises.
    static func unexpected(_ why: String) -> ApusClientError {
        ApusClientError(
            .unexpectedAnswer, what: "the answer is not one of Apus's HTTP API", why: why,
            hint: "check that the address is that of an Apus server, and that its version fits this client's")
    }
}
