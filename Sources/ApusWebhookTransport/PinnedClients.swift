// SPDX-License-Identifier: Apache-2.0

// HTTP clients that connect to addresses that have been checked, and to no other. Looking a name up, checking the answer and then
// letting a client look it up again would leave a gap: the second answer can differ (DNS rebinding). So each host gets a client
// that is told its address; TLS still verifies the certificate against the name.

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOPosix

/// Keeps one HTTP client for each host that events go to.
actor PinnedClients {
    /// Why there is no client.
    enum Refusal: Error, Sendable, Hashable {
        /// No address is known for the host; it may be later.
        case unknownHost(String)
        /// The host has an address that events do not go to.
        case forbidden(host: String, address: String, restriction: String)
        /// Deliveries have stopped.
        case closed
    }

    /// A client on loan.
    struct Loan: Sendable {
        var client: HTTPClient
        fileprivate var number: Int
    }

    private struct Entry {
        var number: Int
        var client: HTTPClient
        /// The address that the client connects to.
        var address: String
        var checked: ContinuousClock.Instant
    }

    private let configuration: WebhookConfiguration
    private let resolver: HostResolver
    private let group: any EventLoopGroup
    private var entries: [String: Entry] = [:]
    /// How many loans each client has; one that is not in `entries` any more is shut down after the last.
    private var loans: [Int: Int] = [:]
    private var retired: [Int: HTTPClient] = [:]
    private var count = 0
    private var isClosed = false

    private static let entriesMax = 256

    init(_ configuration: WebhookConfiguration, _ resolver: HostResolver, _ group: any EventLoopGroup) {
        self.configuration = configuration
        self.resolver = resolver
        self.group = group
    }

    /// A client that connects to a checked address of the URL's host.
    func borrow(for url: WebhookURL) async throws(Refusal) -> Loan {
        guard !isClosed else { throw .closed }
        if let entry = entries[url.host], entry.checked.duration(to: .now) < configuration.addressLifetime {
            return lend(entry)
        }
        let addresses = try await checkedAddresses(url)
        guard !isClosed else { throw .closed }
        // The address in use is kept while the name still has it: its connections are warm.
        if var entry = entries[url.host], addresses.contains(entry.address) {
            entry.checked = .now
            entries[url.host] = entry
            return lend(entry)
        }
        return lend(replace(url.host, addresses[0]))
    }

    /// Ends a loan.
    func giveBack(_ loan: Loan) async {
        let left = (loans[loan.number] ?? 1) - 1
        loans[loan.number] = left > 0 ? left : nil
        guard left == 0, let client = retired.removeValue(forKey: loan.number) else { return }
        try? await client.shutdown()
    }

    /// Lends nothing any more, and closes all connections.
    func close() async {
        isClosed = true
        let clients = entries.values.map(\.client) + retired.values
        entries = [:]
        retired = [:]
        for client in clients { try? await client.shutdown() }
    }

    // MARK: Addresses

    /// The host's addresses, at least one; every one of them is allowed.
    private func checkedAddresses(_ url: WebhookURL) async throws(Refusal) -> [String] {
        let literal = try? SocketAddress(ipAddress: url.host, port: url.port)
        let found: [SocketAddress]
        if let literal {
            found = [literal]
        } else {
            found = await resolver.addresses(of: url.host, port: url.port)
        }
        let addresses = found.compactMap(\.ipAddress)
        guard !addresses.isEmpty else { throw .unknownHost(url.host) }
        if configuration.allowPrivateTargets || configuration.allowedHosts.contains(url.host) {
            return addresses
        }
        for address in found {
            if let restriction = AddressPolicy.restriction(address) {
                throw .forbidden(host: url.host, address: address.ipAddress ?? "", restriction: restriction)
            }
        }
        return addresses
    }

    // MARK: Clients

    private func lend(_ entry: Entry) -> Loan {
        loans[entry.number, default: 0] += 1
        return Loan(client: entry.client, number: entry.number)
    }

    private func replace(_ host: String, _ address: String) -> Entry {
        if let old = entries.removeValue(forKey: host) { retire(old) }
        if entries.count >= Self.entriesMax,
            let oldest = entries.min(by: { $0.value.checked < $1.value.checked })
        {
            entries[oldest.key] = nil
            retire(oldest.value)
        }
        count += 1
        let entry = Entry(number: count, client: makeClient(host, address), address: address, checked: .now)
        entries[host] = entry
        return entry
    }

    private func retire(_ entry: Entry) {
        if loans[entry.number] != nil {
            retired[entry.number] = entry.client
        } else {
            // Nobody uses it; what becomes of its idle connections concerns nobody.
            Task { try? await entry.client.shutdown() }
        }
    }

    private func makeClient(_ host: String, _ address: String) -> HTTPClient {
        var client = HTTPClient.Configuration()
        client.redirectConfiguration = .disallow
        client.dnsOverride = host == address ? [:] : [host: address]
        client.timeout.connect = .seconds(10)
        // The engine retries, once, for every target; and it wants to know at once.
        client.connectionPool.retryConnectionEstablishment = false
        client.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        client.connectionPool.idleTimeout = .seconds(30)
        return HTTPClient(eventLoopGroupProvider: .shared(group), configuration: client)
    }
}
