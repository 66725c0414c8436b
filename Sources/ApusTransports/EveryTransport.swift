// SPDX-License-Identifier: Apache-2.0

// Every transport that this package has, in one list: what checks brokers, what the table in "Choosing a broker" is printed from, and what programs
// list that are to talk to any broker. A transport is added here, and nowhere else.

internal import ApusAMQP
internal import ApusAWS
public import ApusBus
internal import ApusEmbeddedBus
internal import ApusEventGrid
internal import ApusKafka
internal import ApusServerBus

extension [TransportScheme] {
    /// Every kind of broker that this package has a transport for.
    ///
    /// A program that lists them all is linked with an HTTP client and TLS; one that knows its brokers lists those.
    public static var every: [TransportScheme] {
        [
            .memory,
            .file,
            .server,
            .amqp,
            .aws,
            .eventBridge,
            .eventGrid,
            .kafka,
        ]
    }
}
