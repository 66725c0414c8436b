// SPDX-License-Identifier: Apache-2.0

// The kinds of outside brokers that connections can lead to: a line for each, and the module in Package.swift.

import ApusAMQP
import ApusAWS
import ApusBus
import ApusEventGrid
import ApusKafka
import ApusServerBus

extension BridgeParts {
    /// Every kind of broker that this server is linked with.
    static let schemes: [TransportScheme] = [.amqp, .aws, .eventBridge, .eventGrid, .kafka, .server]
}
