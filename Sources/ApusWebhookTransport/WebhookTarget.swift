// SPDX-License-Identifier: Apache-2.0

// Delivery of events by HTTP POST (CloudEvents HTTP binding). One attempt in, one outcome out. Redirects are never followed, and
// events go to addresses on the open internet only, unless configured otherwise: checked when a webhook is configured, and again
// for every connection, against the very address that is connected to.

internal import ApusModel
public import ApusTransport
internal import CloudEvents
internal import Glibc
public import Logging
public import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// Webhooks as a target.
public final class WebhookTarget: Target {
    private let configuration: WebhookConfiguration
    private let client: WebhookClient
    private let addresses: AddressBook
    private let threads: NIOThreadPool
    private let logger: Logger
    /// URLs that were read already.
    private let urls = Mutex<[String: WebhookURL]>([:])

    private static let urlsMax = 4096

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
        addresses = AddressBook(configuration, HostResolver(threads: threads, lookUp: lookUp))
        client = WebhookClient(configuration, group)
    }

    /// Makes no attempt any more, and closes all connections.
    public func close() async {
        await client.close()
        try? await threads.shutdownGracefully()
    }

    /// How many connections are open, idle ones included.
    public var connectionsOpen: Int { client.connectionsOpen }

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
        let name = url.host.hasSuffix(".") ? String(url.host.dropLast()) : url.host
        if name == "localhost" || name.hasSuffix(".localhost") { return Self.forbidden(url.host, "loopback") }
        guard let address = HostResolver.literal(name, url.port),
            let restriction = AddressPolicy.restriction(address)
        else { return nil }
        return Self.forbidden(url.host, restriction)
    }

    private static func forbidden(_ host: String, _ restriction: String) -> String {
        "events are not delivered to \(host) (\(restriction)) unless the server's configuration allows it"
    }

    /// Makes one attempt; returns within the settings' timeout.
    public func deliver(_ deliveries: [Delivery], to settings: PushSettings) async -> Outcome {
        guard !deliveries.isEmpty else { return .delivered }
        let url: WebhookURL
        do {
            url = try read(settings.url)
        } catch {
            return .refused(status: nil, reason: error.reason)
        }
        do {
            let topic = deliveries.first?.topic.description ?? ""
            let recording = WebhookRecording(deliveries.first?.witness, settings)
            let answer = try await exchange(url, settings, topic: topic) { [configuration] in
                let now = Self.now()
                let request = WebhookRequest.make(deliveries, settings, url, configuration, now: now)
                recording?.note(request, now: now)
                return request
            }
            let outcome = outcome(of: answer, settings)
            recording?.conclude(answer, outcome)
            return outcome
        } catch {
            return outcome(of: error)
        }
    }

    private func outcome(of answer: WebhookAnswer, _ settings: PushSettings) -> Outcome {
        switch answer {
        case .answered(200...299, _, _): return .delivered
        case .answered(let status, let headers, let body):
            let excerpt = SecretMask.scrub(SecretMask.members(of: body), of: settings.knownSecrets)
            return WebhookOutcome.of(
                status: status, retryAfter: headers.first(name: "retry-after"),
                retryAfterMax: configuration.retryAfterMax, excerpt: WebhookOutcome.excerpt(excerpt),
                now: Self.now() / 1000)
        case .failed(let reason, _): return .retry(after: nil, status: nil, reason: reason)
        }
    }

    /// Makes one attempt without waiting, if the URL is one and its address is known.
    public func begin(
        _ deliveries: [Delivery], to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) -> Bool {
        guard let topic = deliveries.first?.topic, let url = try? read(settings.url),
            let address = addresses.known(url)
        else { return false }
        let deadline = NIODeadline.now() + TimeAmount(settings.timeout)
        let recording = WebhookRecording(deliveries.first?.witness, settings)
        client.exchange(
            with: url, at: address, topic: topic.description, until: deadline
        ) { [configuration] in
            let now = Self.now()
            let request = WebhookRequest.make(deliveries, settings, url, configuration, now: now)
            recording?.note(request, now: now)
            return request
        } end: { [self] answer in
            let outcome = outcome(of: answer, settings)
            recording?.conclude(answer, outcome)
            completion(outcome)
        }
        return true
    }

    /// Asks the receiver for its consent, as CloudEvents' web hooks do it.
    public func requestPermission(_ settings: PushSettings) async -> Permission {
        do {
            let url = try WebhookURL(settings.url)
            let answer = try await exchange(url, settings) { [configuration] in
                WebhookRequest.handshake(settings, url, configuration)
            }
            switch answer {
            case .answered(let status, let headers, _):
                return WebhookConsent.of(status: status, headers, origin: configuration.origin)
            case .failed(let reason, _):
                return .withheld(reason: "the receiver could not be asked for its consent: \(reason)")
            }
        } catch let error as WebhookURL.Refusal {
            return .withheld(reason: error.reason)
        } catch let error as AddressBook.Refusal {
            if case .retry(_, _, let reason) = outcome(of: error) { return .withheld(reason: reason) }
            if case .refused(_, let reason) = outcome(of: error) { return .withheld(reason: reason) }
            return .withheld(reason: "\(error)")
        } catch {
            return .withheld(reason: "\(error)")
        }
    }

    // MARK: One exchange

    private func read(_ text: String) throws(WebhookURL.Refusal) -> WebhookURL {
        if let url = urls.withLock({ $0[text] }) { return url }
        let url = try WebhookURL(text)
        urls.withLock { urls in
            if urls.count >= Self.urlsMax { urls = [:] }
            urls[text] = url
        }
        return url
    }

    /// - Parameter request: made when there is a connection, so that it tells the time at which it is sent.
    private func exchange(
        _ url: WebhookURL, _ settings: PushSettings, topic: String = "",
        _ request: @escaping @Sendable () -> WebhookRequest
    ) async throws(AddressBook.Refusal) -> WebhookAnswer {
        let deadline = NIODeadline.now() + TimeAmount(settings.timeout)
        let address: SocketAddress
        if let known = addresses.known(url) {
            address = known
        } else if let found = try await addresses.lookUp(url, within: settings.timeout) {
            address = found
        } else {
            return .failed(reason: "no address in time", isUntouched: false)
        }
        let known = address
        return await withUnsafeContinuation { continuation in
            client.exchange(with: url, at: known, topic: topic, until: deadline, request) {
                continuation.resume(returning: $0)
            }
        }
    }

    private func outcome(of refusal: AddressBook.Refusal) -> Outcome {
        switch refusal {
        case .unknownHost(let host):
            return .retry(after: nil, status: nil, reason: "no address is known for \(host)")
        case .forbidden(let host, let address, let restriction):
            logger.warning(
                "a webhook's host has an address that events do not go to",
                metadata: ["host": "\(host)", "address": "\(address)", "restriction": "\(restriction)"])
            return .refused(
                status: nil, reason: "\(host) is \(address): " + Self.forbidden(host, restriction))
        }
    }

    /// Milliseconds since 1970.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
