// SPDX-License-Identifier: Apache-2.0

// Where the server is, and how long to wait for it.

public import ApusModel

/// How to reach a server.
public struct ApusClientConfiguration: Sendable {
    /// The server's base address, such as `http://127.0.0.1:8222`, without a path behind it.
    public var url: String
    /// The token that the server asks for; nil for a server without one.
    public var token: String?
    /// How long a connection may take to come about.
    public var connectTimeout: Duration
    /// How long an answer may take, beyond what the request itself asked the server to wait.
    public var requestTimeout: Duration
    /// How many connections are kept for requests at the same time.
    public var connections: Int

    /// How to reach a server.
    ///
    /// - Parameters:
    ///   - url: base address of the server.
    ///   - token: bearer token, if the server has one.
    ///   - connectTimeout: for a connection to come about.
    ///   - requestTimeout: for an answer to arrive.
    ///   - connections: kept at the same time, at least 1.
    public init(
        url: String = Defaults.url, token: String? = nil, connectTimeout: Duration = .seconds(5),
        requestTimeout: Duration = Defaults.commandTimeout, connections: Int = 8
    ) {
        self.url = url
        self.token = token
        self.connectTimeout = connectTimeout
        self.requestTimeout = requestTimeout
        self.connections = max(1, connections)
    }
}
