// SPDX-License-Identifier: Apache-2.0

// Requests to one namespace: addressed, authorised, sent, tried again. What is asked and answered is in EventGridService.

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Requests to one namespace.
final class EventGridClient: Sendable {
    /// One request.
    struct Request: Sendable {
        /// With its leading slash, without `api-version`.
        var path: String
        /// What the body is.
        var contentType = "application/json"
        /// The body.
        var body: [UInt8] = []
        /// How long the answer may take.
        var timeout: Duration = .seconds(30)
    }

    /// The version of the data plane that this speaks.
    static let apiVersion = "2024-06-01"
    /// The most bytes of an answer: a hundred events of 1 MiB, and what stands between them.
    static let answerBytesMax = 110 << 20

    private let base: String
    private let credentials: EventGridCredentials
    private let http: HTTPClient

    /// - Parameter base: `https://HOST`, without a slash at its end.
    init(base: String, credentials: EventGridCredentials, http: HTTPClient) {
        self.base = base
        self.credentials = credentials
        self.http = http
    }

    /// The answer to a request, after as many attempts as it takes.
    func send(_ request: Request) async throws(EventGridError) -> [UInt8] {
        var attempt = 1
        while true {
            do {
                return try await sendOnce(request)
            } catch {
                attempt += 1
                guard error.isRetryable, attempt <= EventGridRetry.attemptsMax, !Task.isCancelled,
                    let pause = EventGridRetry.pause(
                        before: attempt, after: error, chance: Double.random(in: 0...1)),
                    (try? await Task.sleep(for: pause)) != nil
                else { throw error }
            }
        }
    }

    private func sendOnce(_ request: Request) async throws(EventGridError) -> [UInt8] {
        let separator = request.path.contains("?") ? "&" : "?"
        var message = HTTPClientRequest(
            url: "\(base)\(request.path)\(separator)api-version=\(Self.apiVersion)")
        message.method = .POST
        message.headers.add(name: "authorization", value: credentials.authorization(at: Int64(time(nil))))
        message.headers.add(name: "content-type", value: request.contentType)
        message.body = .bytes(ByteBuffer(bytes: request.body))
        let response: HTTPClientResponse
        let body: [UInt8]
        do {
            response = try await http.execute(message, timeout: TimeAmount(request.timeout))
            body = Array(buffer: try await response.body.collect(upTo: Self.answerBytesMax))
        } catch {
            throw Self.failure(error)
        }
        guard (200..<300).contains(Int(response.status.code)) else {
            // Seconds; a date, which the reference does not mention, leaves it to our own pauses.
            let after = response.headers.first(name: "retry-after").flatMap { Int64($0) }
            throw EventGridError.read(
                body, status: Int(response.status.code),
                retryAfter: after.map { .seconds(min(max($0, 0), 86_400)) })
        }
        return body
    }

    private static func failure(_ error: any Error) -> EventGridError {
        switch error {
        case let error as HTTPClientError where error == .connectTimeout:
            EventGridError(kind: .unreachable, message: "no connection came about in time")
        case let error as NIOConnectionError:
            EventGridError(kind: .unreachable, message: "\(error)")
        case is CancellationError: EventGridError(kind: .unanswered, message: "cancelled")
        default: EventGridError(kind: .unanswered, message: "\(error)")
        }
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
