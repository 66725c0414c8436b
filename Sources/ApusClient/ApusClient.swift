// SPDX-License-Identifier: Apache-2.0

// A server's HTTP API from the other side (docs/http-api.md). This file has the client's life and the one way a request is
// made; what can be asked is in the extensions, a file for each chapter of the API.

import ApusModel
internal import AsyncHTTPClient
internal import JSONText
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A client of one server, which any number of tasks can use at the same time.
///
/// It holds connections: call ``shutdown()`` when done with it, or let ``run(_:_:)`` do so.
public struct ApusClient: Sendable {
    /// How the server is reached.
    public let configuration: ApusClientConfiguration
    private let http: HTTPClient
    /// For tails: here a connection that is silent for longer than the server's heartbeat is a dead one.
    private let streams: HTTPClient

    /// The most bytes of an answer that is taken into memory.
    private static let answerBytesMax = 256 << 20
    /// Three missed heartbeats of a tail.
    private static let silenceMax: TimeAmount = .seconds(45)

    /// A client of the server that the configuration names; nothing is sent yet.
    public init(_ configuration: ApusClientConfiguration) {
        self.configuration = configuration
        http = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: Self.settings(configuration, silence: nil))
        streams = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: Self.settings(configuration, silence: Self.silenceMax))
    }

    /// Runs `body` with a client and closes its connections afterwards.
    public static func run<Result: Sendable>(
        _ configuration: ApusClientConfiguration, _ body: (ApusClient) async throws -> Result
    ) async throws -> Result {
        let client = ApusClient(configuration)
        do {
            let result = try await body(client)
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// Closes the client's connections; requests that are under way fail.
    public func shutdown() async {
        // The only error is "already shut down", which is what was wanted.
        try? await http.shutdown()
        try? await streams.shutdown()
    }

    private static func settings(
        _ configuration: ApusClientConfiguration, silence: TimeAmount?
    ) -> HTTPClient.Configuration {
        var settings = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(configuration.connectTimeout), read: silence))
        settings.httpVersion = .http1Only
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.connections
        // The client's own retries would hide from the caller that an event may have been published twice.
        settings.connectionPool.retryConnectionEstablishment = false
        return settings
    }
}

// MARK: - Requests

extension ApusClient {
    /// Sends a request and returns its answer, if that is one of success.
    func send(_ request: APIRequest) async throws(ApusClientError) -> APIAnswer {
        let answer = try await exchange(request)
        guard answer.status < 400 else { throw ApusClientError(status: answer.status, body: answer.body) }
        return answer
    }

    /// Sends a request and returns its answer, whatever its status.
    func exchange(_ request: APIRequest) async throws(ApusClientError) -> APIAnswer {
        let timeout = (request.timeout ?? configuration.requestTimeout) + request.wait
        do {
            let response = try await http.execute(prepared(request), timeout: TimeAmount(timeout))
            let body = try await withTimeout(timeout) {
                try await response.body.collect(upTo: Self.answerBytesMax)
            }
            return APIAnswer(
                status: Int(response.status.code), body: Array(body.readableBytesView))
        } catch {
            throw failure(error)
        }
    }

    /// Sends a request whose answer goes on for ever.
    func stream(_ request: APIRequest) async throws(ApusClientError) -> HTTPClientResponse.Body {
        do {
            let response = try await streams.execute(
                prepared(request), timeout: TimeAmount(configuration.requestTimeout))
            guard response.status.code < 400 else {
                let body = try await response.body.collect(upTo: 1 << 20)
                throw ApusClientError(status: Int(response.status.code), body: Array(body.readableBytesView))
            }
            return response.body
        } catch {
            throw failure(error)
        }
    }

    private func prepared(_ request: APIRequest) -> HTTPClientRequest {
        var prepared = HTTPClientRequest(url: request.address(under: configuration.url))
        prepared.method = .init(rawValue: request.method.rawValue)
        prepared.headers.add(name: "user-agent", value: "apus-client")
        prepared.headers.add(name: "accept", value: request.accept)
        for (name, value) in request.headers { prepared.headers.add(name: name, value: value) }
        if let token = configuration.token {
            prepared.headers.add(name: "authorization", value: "Bearer \(token)")
        }
        if let body = request.body {
            prepared.headers.add(name: "content-type", value: body.contentType)
            prepared.body = .bytes(ByteBuffer(bytes: body.bytes))
        }
        return prepared
    }

    /// Bounds the arrival of a body; AsyncHTTPClient's own deadline ends with the head.
    private func withTimeout<Value: Sendable>(
        _ timeout: Duration, _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask(operation: operation)
            group.addTask {
                try await Task.sleep(for: timeout)
                throw HTTPClientError.deadlineExceeded
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }
}

// MARK: - Errors of the connection

extension ApusClient {
    /// What an error of the HTTP client means to a person who called a server.
    func failure(_ error: any Error) -> ApusClientError {
        switch error {
        case let error as ApusClientError: error
        case is CancellationError: ApusClientError(.cancelled, what: "cancelled")
        case let error as HTTPClientError: failure(error)
        case let error as NIOConnectionError: unreachable(reason(error))
        case let error as IOError: unreachable(reason(error))
        case is NIOTooManyBytesError:
            .unexpected("the answer is larger than \(Self.answerBytesMax >> 20) MiB")
        default: unreachable(String(describing: error))
        }
    }

    private func failure(_ error: HTTPClientError) -> ApusClientError {
        switch error {
        case .deadlineExceeded, .readTimeout, .getConnectionFromPoolTimeout:
            ApusClientError(
                .timedOut, what: "no answer from \(configuration.url) in time",
                why: "the server is busy, or something between here and there swallows the request",
                hint: "apus doctor", retryable: true)
        case .cancelled: ApusClientError(.cancelled, what: "cancelled")
        case .connectTimeout:
            unreachable("no connection within \(DurationText.format(configuration.connectTimeout))")
        case .remoteConnectionClosed: unreachable("the connection was closed before the answer was complete")
        case .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath:
            ApusClientError(
                .refused, what: "'\(configuration.url)' is not the address of a server",
                hint: "an address looks like http://127.0.0.1:8222")
        default: unreachable(error.shortDescription)
        }
    }

    private func reason(_ error: NIOConnectionError) -> String {
        if error.dnsAError != nil || error.dnsAAAAError != nil, error.connectionErrors.isEmpty {
            return "the host name '\(error.host)' cannot be resolved"
        }
        // Each address of a host has its own error; they are mostly the same, and the first one says enough.
        guard let first = error.connectionErrors.first?.error else { return "no connection" }
        return (first as? IOError).map(reason) ?? String(describing: first)
    }

    private func reason(_ error: IOError) -> String { String(cString: strerror(error.errnoCode)) }

    private func unreachable(_ why: String) -> ApusClientError {
        ApusClientError(
            .unreachable, what: "cannot reach a server at \(configuration.url)", why: why,
            hint: "start one with 'apus dev', or name another address with --url or APUS_URL",
            retryable: true)
    }
}
