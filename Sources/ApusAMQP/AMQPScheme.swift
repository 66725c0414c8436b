// SPDX-License-Identifier: Apache-2.0

// RabbitMQ among the schemes that a program is linked with.

public import ApusBus

extension TransportScheme {
    /// RabbitMQ: `amqp://user:password@host:5672/vhost`, `amqps://` with TLS.
    public static let amqp = TransportScheme(
        names: ["amqp", "amqps"], capabilities: AMQPTransport.capabilities(AMQPLimits.eventBytesMax)
    ) { (url, options) throws(BusError) in
        try await AMQPTransport.connect(url, options)
    }
}
