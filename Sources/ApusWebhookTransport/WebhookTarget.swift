// SPDX-License-Identifier: Apache-2.0

// Delivery of events by HTTP POST (CloudEvents HTTP binding). One attempt in, one outcome out. Redirects are never followed, and
// events go to addresses on the open internet only, unless configured otherwise: checked when a webhook is configured, and again
// for every connection, against the very address that is connected to.

public import ApusTransport
internal import AsyncHTTPClient
internal import CloudEvents
internal import Glibc
public import Logging
public import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Webhooks as a target.
public final class WebhookTarget: Target {
    private let configuration: WebhookConfiguration
    private let clients: PinnedClients
    private let threads: NIOThreadPool
    private let logger: Logger

    /// Makes a target whose connections run on `group`.
    public convenience init(
        configuration: WebhookConfiguration, group: any EventLoopGroup,
        logger: Logger = Logger(label: "apus.webhook")
    ) {
        self.init(configuration: configuration, group: group, logger: logger, lookUp: HostResolver.system)
    }

    init(
        configuration: WebhookConfiguration, group: any EventLoopGroup, logger: Logger,
        lookUp: @escaping @Sendable (String, Int) -> [SocketAddress]
    ) {
        self.configuration = configuration
        self.logger = logger
        threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        clients = PinnedClients(configuration, HostResolver(threads: threads, lookUp: lookUp), group)
    }

    /// Makes no attempt any more, and closes all connections.
    public func close() async {
        await clients.close()
        try? await threads.shutdownGracefully()
    }

    // MARK: Target

    /// Why events will not be delivered to this address: no acceptable URL, or an address literal that is not on the open internet.
    /// What a name stands for is checked at each connection, as it can change.
    public func objection(to settings: PushSettings) -> String? {
        let url: WebhookURL
        do {
            url = try WebhookURL(settings.url)
        } catch {
            return error.reason
        }
        guard !configuration.allowPrivateTargets, !configuration.allowedHosts.contains(url.host) else {
            return nil
        }
        if url.host == "localhost" || url.host.hasSuffix(".localhost") {
            return Self.forbidden(url.host, "loopback")
        }
        guard let address = try? SocketAddress(ipAddress: url.host, port: url.port),
            let restriction = AddressPolicy.restriction(address)
        else { return nil }
        return Self.forbidden(url.host, restriction)
    }

    private static func forbidden(_ host: String, _ restriction: String) -> String {
        "events are not delivered to \(host) (\(restriction)) unless the server's configuration allows it"
    }

    /// Makes one attempt; returns within the settings' timeout.
    public func deliver(_ delivery: Delivery, to settings: PushSettings) async -> Outcome {
        let url: WebhookURL
        do {
            url = try WebhookURL(settings.url)
        } catch {
            return .refused(status: nil, reason: error.reason)
        }
        let late = Outcome.retry(
            after: nil, status: nil, reason: "no answer within \(settings.timeout.components.seconds) s")
        return await withTaskGroup(of: Outcome.self) { group in
            group.addTask { await self.attempt(delivery, settings, url) }
            group.addTask {
                // Cancelled when the attempt is over; then nobody looks at what it returns.
                try? await Task.sleep(for: settings.timeout)
                return late
            }
            defer { group.cancelAll() }
            return await group.next() ?? late
        }
    }

    // MARK: One attempt

    private func attempt(_ delivery: Delivery, _ settings: PushSettings, _ url: WebhookURL) async -> Outcome {
        let loan: PinnedClients.Loan
        do {
            loan = try await clients.borrow(for: url)
        } catch {
            return outcome(of: error)
        }
        let outcome = await exchange(
            WebhookRequest.make(delivery, settings, url, configuration), loan.client, settings)
        await clients.giveBack(loan)
        return outcome
    }

    private func outcome(of refusal: PinnedClients.Refusal) -> Outcome {
        switch refusal {
        case .unknownHost(let host):
            return .retry(after: nil, status: nil, reason: "no address is known for \(host)")
        case .closed: return .retry(after: nil, status: nil, reason: "deliveries have stopped")
        case .forbidden(let host, let address, let restriction):
            logger.warning(
                "a webhook's host has an address that events do not go to",
                metadata: ["host": "\(host)", "address": "\(address)", "restriction": "\(restriction)"])
            return .refused(
                status: nil, reason: "\(host) is \(address): " + Self.forbidden(host, restriction))
        }
    }

    private func exchange(
        _ request: HTTPClientRequest, _ client: HTTPClient, _ settings: PushSettings
    ) async -> Outcome {
        do {
            let response = try await client.execute(
                request, timeout: TimeAmount(settings.timeout), logger: logger)
            let excerpt = await readBody(response)
            return WebhookOutcome.of(
                status: Int(response.status.code), retryAfter: response.headers.first(name: "retry-after"),
                retryAfterMax: configuration.retryAfterMax, excerpt: excerpt, now: Self.now())
        } catch {
            return .retry(after: nil, status: nil, reason: "no answer: \(error)")
        }
    }

    /// Reads the answer's body, so that the connection can be used again, but not more than allowed; returns its beginning.
    private func readBody(_ response: HTTPClientResponse) async -> String {
        var (beginning, count): ([UInt8], Int) = ([], 0)
        do {
            for try await part in response.body {
                if beginning.count < 200 { beginning += part.readableBytesView.prefix(200) }
                count += part.readableBytes
                if count > configuration.responseBytesMax { break }
            }
        } catch {
            // The status has been told; how the body ends does not change what it means.
            logger.debug("an answer broke off", metadata: ["error": "\(error)"])
        }
        return WebhookOutcome.excerpt(beginning)
    }

    private static func now() -> Int64 { Int64(time(nil)) }
}
