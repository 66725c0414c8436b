// SPDX-License-Identifier: Apache-2.0

// How a URL becomes a transport. Programs list the schemes that they are linked with, so that an application pays for no broker that it does not use;
// which of them it talks to is then a matter of its configuration.

public import Logging

/// A kind of broker: the URL schemes it goes by, what it can do, how to reach one.
public struct TransportScheme: Sendable {
    /// The URL schemes, the usual one first.
    public var names: [String]
    /// What such brokers can do, as far as that is known before one is reached.
    public var capabilities: Capabilities
    /// What settings of the URL make of it.
    public var variants: [Variant]
    /// Reaches a broker.
    public var connect: @Sendable (BusURL, ConnectionOptions) async throws(BusError) -> any BusTransport

    /// What such brokers can do when the URL has a setting.
    public struct Variant: Sendable, Hashable {
        /// The setting as it is written in a URL: `fifo=true`.
        public var setting: String
        /// What such a broker can do with it.
        public var capabilities: Capabilities

        /// What such brokers can do when the URL has a setting.
        public init(setting: String, capabilities: Capabilities) {
            self.setting = setting
            self.capabilities = capabilities
        }
    }

    /// A kind of broker.
    public init(
        names: [String], capabilities: Capabilities, variants: [Variant] = [],
        connect: @escaping @Sendable (BusURL, ConnectionOptions) async throws(BusError) -> any BusTransport
    ) {
        self.names = names
        self.capabilities = capabilities
        self.variants = variants
        self.connect = connect
    }
}

/// What every transport wants to know of the program.
public struct ConnectionOptions: Sendable {
    /// Where it logs.
    public var logger: Logger
    /// What the program calls itself towards the broker.
    public var clientName: String
    /// How long to try to reach the broker before giving up, at the start.
    public var connectTimeout: Duration

    /// What every transport wants to know of the program.
    public init(logger: Logger, clientName: String = "apus", connectTimeout: Duration = .seconds(10)) {
        self.logger = logger
        self.clientName = clientName
        self.connectTimeout = connectTimeout
    }
}

extension TransportScheme {
    /// Reaches the broker that `url` names.
    ///
    /// - Throws: ``BusError/invalid(_:)`` when none of `schemes` goes by the URL's scheme, with those that there are.
    public static func connect(
        _ url: BusURL, among schemes: [TransportScheme], _ options: ConnectionOptions
    ) async throws(BusError) -> any BusTransport {
        guard let scheme = schemes.first(where: { $0.names.contains(url.scheme) }) else {
            let known = schemes.flatMap(\.names).joined(separator: ", ")
            throw .invalid("no transport for '\(url.scheme):' is linked in; those that are: \(known)")
        }
        return try await scheme.connect(url, options)
    }
}
