// SPDX-License-Identifier: Apache-2.0

// The bus: one broker, and what every publisher and consumer of the program shares. It keeps no events: what is published is the broker's when the call
// returns, and what is consumed is asked for when there is room.

import Logging
import Synchronization

/// One broker, as an application uses it.
///
/// ```swift
/// let bus = try await Bus.connect("file:///var/lib/shop/events")
/// try await bus.publish(OrderPlaced(orderID: "o-1", region: "eu", total: 12.5))
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

extension Bus {
    /// - Throws: ``MissingFeatures`` with all of `needs` that the broker lacks.
    func require(_ needs: [MissingFeatures.Need]) throws(MissingFeatures) {
        let missing = needs.filter { !capabilities.features.contains($0.feature) }
        guard !missing.isEmpty else { return }
        let needed = missing.map(\.feature)
        let others = schemes.compactMap { $0.name(having: needed) }.filter { $0 != capabilities.transport }
        throw MissingFeatures(
            transport: capabilities.transport, needs: missing, alternatives: schemes.isEmpty ? nil : others)
    }

    /// - Throws: ``BusError/missing(_:)`` with those of `features` that the broker lacks.
    func require(_ features: Feature...) throws(BusError) {
        do throws(MissingFeatures) { try require(features.map { .init(feature: $0) }) } catch {
            throw .missing(error)
        }
    }
}
