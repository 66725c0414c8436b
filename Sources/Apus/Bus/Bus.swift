// SPDX-License-Identifier: Apache-2.0

// The bus: one broker, and what every publisher and consumer of the program shares. It keeps no events: what is published is the broker's when the call
// returns, and what is consumed is asked for when there is room.

import Logging
import Synchronization

/// One broker, as an application uses it.
///
/// ```swift
/// let bus = try await Bus.connect("memory:")
/// try await bus.publish(OrderPlaced(orderID: "o-1", total: 12.5))
/// ```
public final class Bus: Sendable {
    /// The broker.
    public let transport: any BusTransport
    /// What the broker can do.
    public let capabilities: Capabilities
    /// What the program said of itself.
    public let options: BusOptions

    /// The kinds of broker that the program is linked with, for errors that say who could do what this one cannot.
    let schemes: [TransportScheme]
    let telemetry: BusTelemetry
    let publishing: PublishMetrics
    let replies: ReplyInbox
    let ids = EventIDs.shared

    var clock: any BusClock { options.clock }
    var logger: Logger { options.logger }

    /// A bus over a broker that was reached already.
    ///
    /// - Parameters:
    ///   - transport: the broker.
    ///   - options: what the program says of itself.
    ///   - schemes: other kinds of broker that the program could use, for errors to name.
    public init(
        transport: any BusTransport, options: BusOptions = BusOptions(), schemes: [TransportScheme] = []
    ) {
        self.transport = transport
        self.capabilities = transport.capabilities
        self.options = options
        self.schemes = schemes
        self.telemetry = BusTelemetry(tracer: options.tracer, transport: transport.capabilities.transport)
        self.publishing = PublishMetrics()
        self.replies = ReplyInbox()
    }

    /// Ends all connections; consumers that still run end with ``BusError/closed``.
    public func close() async {
        await replies.close()
        await transport.close()
    }
}

/// What cannot be assembled because the broker lacks it, said before anything is consumed.
public struct MissingFeatures: Error, Sendable, Hashable, CustomStringConvertible {
    /// A feature, and what asks for it.
    public struct Need: Sendable, Hashable {
        /// What is lacking.
        public var feature: Feature
        /// What asks for it, as the program wrote it.
        public var reason: String
    }

    /// The broker, by its URL scheme.
    public var transport: String
    /// What it lacks.
    public var needs: [Need]
    /// The linked-in transports that have all of it, by URL scheme, with the setting that it takes.
    public var alternatives: [String]

    public var description: String {
        let lacks = needs.map { "\($0.feature.title) (\($0.reason))" }.joined(separator: ", ")
        let others =
            alternatives.isEmpty
            ? "none of the transports linked in has that"
            : "these have: \(alternatives.joined(separator: ", "))"
        return "\(transport): cannot do \(lacks); \(others)"
    }
}

extension Bus {
    /// - Throws: ``MissingFeatures`` with all of `needs` that the broker lacks.
    func require(_ needs: [MissingFeatures.Need]) throws(MissingFeatures) {
        let missing = needs.filter { !capabilities.features.contains($0.feature) }
        guard !missing.isEmpty else { return }
        let needed = missing.map(\.feature)
        throw MissingFeatures(
            transport: capabilities.transport, needs: missing,
            alternatives: schemes.compactMap { $0.name(having: needed) }.filter {
                $0 != capabilities.transport
            })
    }
}
