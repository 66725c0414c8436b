// SPDX-License-Identifier: Apache-2.0

// Everything a server can be told: where to listen, and the bounds that keep one client from costing the
// others anything. Each bound has a unit in its name or its type, and a default fit for the open internet.

public import ApusHTTPCodec
public import ApusNetwork

/// How an `HTTPServer` listens and what it allows.
///
/// Deadlines are looked at a few times within the shortest of them, at most once a second: they are never early
/// and may be late by a quarter.
public struct HTTPServerConfiguration: Sendable {
    /// Where to listen. An IPv6 address takes IPv6 only; list `0.0.0.0` and `::` for both.
    public var addresses: [ListenAddress]
    /// The bounds of single requests.
    public var limits: HTTPLimits
    /// The time for a whole head, from its first byte or from the connection's start.
    public var headTimeout: Duration
    /// The stretch of time within which a body must make progress.
    public var bodyTimeout: Duration
    /// The slowest acceptable body, in bytes per second over `bodyTimeout`; one byte is always demanded.
    public var bodyBytesPerSecondMin: Int
    /// The time a connection may stay open without a request.
    public var idleTimeout: Duration
    /// The stretch of time within which a client must take some of the response bytes waiting for it.
    public var writeTimeout: Duration
    /// The slowest acceptable reader, in bytes per second over `writeTimeout`; one byte is always demanded.
    public var writeBytesPerSecondMin: Int
    /// The time a connection closed from here is still read from, so that the last response is not lost.
    public var lingerTimeout: Duration
    /// The most open connections; at this number, accepting pauses and clients wait in the backlog.
    public var connectionsMax: Int
    /// How many of ``connectionsMax`` others have use for at the moment; asked before each accept. 64 connections are allowed however
    /// many that is.
    public var connectionsReserved: @Sendable () -> Int
    /// The most bytes of bodies over 4 KiB that are held at the same time, from their arrival to the answer; requests beyond are refused
    /// with 503. At least as much as one body may have.
    public var bodiesBytesMax: Int
    /// The most requests of one connection that are handled at the same time.
    public var pipelinedRequestsMax: Int
    /// The most response bytes waiting in a connection before its requests are read no further.
    public var outputBytesMax: Int
    /// The most bytes a streamed response buffers before writes are refused.
    public var streamBufferBytesMax: Int
    /// The number of event loops; nil for one per core.
    public var eventLoopCount: Int?
    /// The number of connections the system holds that are not accepted yet.
    public var backlog: Int

    /// Makes a configuration of defaults that listens at `addresses`.
    public init(addresses: [ListenAddress] = [ListenAddress(host: "127.0.0.1", port: 0)]) {
        self.addresses = addresses
        limits = HTTPLimits()
        headTimeout = .seconds(10)
        bodyTimeout = .seconds(20)
        bodyBytesPerSecondMin = 100
        idleTimeout = .seconds(60)
        writeTimeout = .seconds(30)
        writeBytesPerSecondMin = 100
        lingerTimeout = .seconds(2)
        connectionsMax = 10_000
        connectionsReserved = { 0 }
        bodiesBytesMax = 256 << 20
        pipelinedRequestsMax = 16
        outputBytesMax = 256 * 1024
        streamBufferBytesMax = 64 * 1024
        eventLoopCount = nil
        backlog = 1024
    }

    /// How often deadlines are looked at.
    var tickInterval: Duration {
        let shortest =
            [headTimeout, bodyTimeout, idleTimeout, writeTimeout, lingerTimeout].min() ?? .seconds(1)
        return min(max(shortest / 8, .milliseconds(5)), .seconds(1))
    }
}
