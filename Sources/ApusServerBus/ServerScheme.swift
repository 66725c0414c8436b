// SPDX-License-Identifier: Apache-2.0

// `apus://host:port`: how its URL is read and what a server can do.

public import ApusBus
import ApusClient
import ApusModel

extension TransportScheme {
    /// An Apus server, over HTTP: `apus://localhost`, or `apus+tls://events.example.com` where a proxy ends TLS.
    ///
    /// A server's token is the URL's password (`apus://:TOKEN@host`) or the setting `token`.
    public static var server: TransportScheme {
        TransportScheme(names: ["apus", "apus+tls"], capabilities: .server) { url, options throws(BusError) in
            let client = ApusClient(try ServerAddress.configuration(url, options))
            let bus = ServerBus(client)
            do throws(ApusClientError) {
                // Whether it is there, is an Apus and lets us in is to be known now and not at the first event.
                _ = try await client.status()
            } catch {
                await bus.close()
                throw BusError(error, publishing: false)
            }
            return bus
        }
    }
}

extension Capabilities {
    static var server: Capabilities {
        var server = Capabilities(
            transport: "apus",
            features: [
                .orderByKey, .replay, .delay, .cancelDelayed, .delayedRetry, .countsCrashes, .leases,
                .filterByType,
                .filterByContent, .rules, .webhooks, .recurring, .offsets, .temporarySubscriptions,
                .managedSubscriptions, .deadLetters,
            ], eventBytesMax: Defaults.eventBytesMax, delayMax: .seconds(365 * 86_400), durability: .flushed)
        // The server takes all or none of those for one partition, and is sent no more behind some that it did not take.
        server.keepsOrderInBatches = true
        return server
    }
}

enum ServerAddress {
    /// What a URL says of how to reach a server.
    static func configuration(
        _ url: BusURL, _ options: ConnectionOptions
    ) throws(BusError) -> ApusClientConfiguration {
        if let unknown = url.query.keys.sorted().first(where: { $0 != "token" }) {
            throw .invalid("'\(unknown)' is no setting of \(url.scheme)://; there is: token")
        }
        guard url.hosts.count <= 1 else {
            throw .invalid("\(url.scheme):// has one host, not \(url.hosts.count)")
        }
        guard url.path.allSatisfy({ $0 == "/" }) else {
            throw .invalid("\(url.scheme):// has no path: events are published to topics by name")
        }
        let host = url.hosts.first ?? BusURL.Host(name: "localhost")
        let isSecure = url.scheme == "apus+tls"
        let name = host.name.contains(":") ? "[\(host.name)]" : host.name
        let port = host.port ?? (isSecure ? 443 : Defaults.port)
        return ApusClientConfiguration(
            url: "\(isSecure ? "https" : "http")://\(name):\(port)",
            token: url.query["token"] ?? url.password,
            connectTimeout: options.connectTimeout)
    }
}
