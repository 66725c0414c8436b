// SPDX-License-Identifier: Apache-2.0

// Requests to AWS: addressed, signed, sent, tried again as the SDKs' standard mode does it. What is asked and answered is in the services' own files.

internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Requests to the services of one region.
final class AWSClient: Sendable {
    /// One request to one service.
    struct Request: Sendable {
        /// Such as `sqs`.
        var service: String
        /// `x-amz-target`, for services that speak JSON.
        var target: String?
        /// What the body is.
        var contentType: String
        /// The body.
        var body: [UInt8]
        /// How long the answer may take.
        var timeout: Duration = .seconds(30)
        /// The HTTP method and path, for the services that have more than one of each.
        var method = "POST"
        var path = "/"
    }

    /// The most bytes of an answer.
    static let answerBytesMax = 16 << 20

    /// The region.
    let region: String
    private let endpoint: String?
    private let chain: CredentialChain
    private let budget = RetryBudget()
    private let http: HTTPClient

    /// - Parameter endpoint: where all services are, for doubles of AWS; nil for AWS itself.
    init(region: String, endpoint: String?, chain: CredentialChain, http: HTTPClient) {
        self.region = region
        self.endpoint = endpoint
        self.chain = chain
        self.http = http
    }

    /// The answer to a request, after as many attempts as it takes.
    func send(_ request: Request) async throws(AWSError) -> [UInt8] {
        var attempt = 1
        var cost: Int?
        while true {
            do {
                let answer = try await sendOnce(request)
                budget.giveBack(cost)
                return answer
            } catch {
                guard error.isRetryable || error.isAboutCredentials, attempt < RetryBudget.attemptsMax,
                    !Task.isCancelled, let taken = budget.take(after: error)
                else { throw error }
                cost = taken
                attempt += 1
                let pause = RetryBudget.pause(before: attempt, chance: Double.random(in: 0...1))
                guard (try? await Task.sleep(for: pause)) != nil else { throw error }
            }
        }
    }

    // MARK: One attempt

    private func sendOnce(_ request: Request) async throws(AWSError) -> [UInt8] {
        let credentials: AWSCredentials
        do { credentials = try await chain.credentials() } catch {
            throw AWSError(kind: .credentials, message: error.description)
        }
        let base = endpoint ?? "https://\(request.service).\(region).\(Self.domain(region))"
        var message = HTTPClientRequest(url: base + request.path)
        message.method = HTTPMethod(rawValue: request.method)
        for header in signed(request, host: Self.host(base), credentials) where header.name != "host" {
            message.headers.add(name: header.name, value: header.value)
        }
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
            let error = AWSErrorDocument.read(
                body, status: Int(response.status.code),
                queryError: response.headers.first(name: "x-amzn-query-error"))
            if error.isAboutCredentials { await chain.invalidate(credentials) }
            throw error
        }
        return body
    }

    private func signed(
        _ request: Request, host: String, _ credentials: AWSCredentials
    ) -> [(name: String, value: String)] {
        let timestamp = AWSTime.compact(AWSTime.now)
        var headers = [
            (name: "host", value: host), (name: "content-type", value: request.contentType),
            (name: "x-amz-date", value: timestamp),
        ]
        if let target = request.target { headers.append(("x-amz-target", target)) }
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token)) }
        let signature = SignatureV4(region: region, service: request.service, timestamp: timestamp)
        let signable = SignableRequest(
            method: request.method, path: request.path, headers: headers, body: request.body)
        headers.append(("authorization", signature.authorization(of: signable, by: credentials)))
        return headers
    }

    private static func domain(_ region: String) -> String {
        region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
    }

    /// The host and port of an address, as the `Host` header has them.
    private static func host(_ base: String) -> String {
        let rest = base.firstRange(of: "://").map { base[$0.upperBound...] } ?? base[...]
        return String(rest.prefix { $0 != "/" })
    }

    private static func failure(_ error: any Error) -> AWSError {
        switch error {
        case let error as HTTPClientError where error == .connectTimeout:
            AWSError(kind: .unreachable, message: "no connection came about in time")
        case let error as NIOConnectionError:
            AWSError(kind: .unreachable, message: "\(error)")
        case is CancellationError: AWSError(kind: .unanswered, message: "cancelled")
        default: AWSError(kind: .unanswered, message: "\(error)")
        }
    }

    /// What the sources of credentials fetch with.
    static func fetch(with http: HTTPClient) -> CredentialFetch {
        { (method, address, headers, patience) async throws(CredentialError) in
            do {
                var message = HTTPClientRequest(url: address)
                message.method = HTTPMethod(rawValue: method)
                for (name, value) in headers { message.headers.add(name: name, value: value) }
                let response = try await http.execute(message, timeout: TimeAmount(patience))
                let body = Array(buffer: try await response.body.collect(upTo: 1 << 20))
                guard response.status == .ok else {
                    throw CredentialError(description: "\(address) answered \(response.status.code)")
                }
                return body
            } catch let error as CredentialError {
                throw error
            } catch {
                throw CredentialError(description: "\(address) cannot be asked: \(error)")
            }
        }
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
