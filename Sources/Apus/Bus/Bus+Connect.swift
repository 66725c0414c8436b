// SPDX-License-Identifier: Apache-2.0

// From a URL to a bus.

public import ApusBus
public import ApusEmbeddedBus

extension Bus {
    /// Reaches the broker that a URL names.
    ///
    /// ```swift
    /// let bus = try await Bus.connect("file:///var/lib/shop/events")
    /// ```
    ///
    /// - Parameters:
    ///   - url: `memory:` and `file:///folder` for a broker in this process, and the schemes of whatever else is listed in `transports`.
    ///   - transports: the kinds of broker that the program is linked with; by default those in the process. Others are products of their own, such as `ApusServerBus`,
    ///     which has `.server` for `apus://host`.
    ///   - options: what the program says of itself, and needs.
    /// - Throws: ``BusError``; ``BusError/invalid(_:)`` when none of `transports` goes by the URL's scheme, ``BusError/missing(_:)`` with all of ``BusOptions/needs``
    ///   that the broker lacks, and the transports that have it.
    public static func connect(
        _ url: String, transports: [TransportScheme] = [.memory, .file], options: BusOptions = BusOptions()
    ) async throws(BusError) -> Bus {
        let connection = ConnectionOptions(
            logger: options.logger, clientName: options.clientName, connectTimeout: options.connectTimeout)
        let transport = try await TransportScheme.connect(try BusURL(url), among: transports, connection)
        let bus = Bus(transport: transport, options: options, schemes: transports)
        let needs = options.needs.sorted { $0.rawValue < $1.rawValue }
        do throws(MissingFeatures) {
            try bus.require(needs.map { .init(feature: $0, reason: "BusOptions.needs") })
        } catch {
            await bus.close()
            throw .missing(error)
        }
        return bus
    }
}
