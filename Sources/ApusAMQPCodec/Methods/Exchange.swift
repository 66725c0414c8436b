// SPDX-License-Identifier: Apache-2.0

// Class exchange (40) of AMQP 0-9-1: makes, binds and deletes exchanges.

/// The methods of class exchange.
package enum Exchange {
    /// Method 10: makes an exchange, or checks that it is there.
    package struct Declare: AMQPMethodFields {
        package static let id = AMQPMethodID(40, 10)
        package var reserved: UInt16 = 0
        package var exchange: String = ""
        package var type: String = "direct"
        package var passive: Bool = false
        package var durable: Bool = false
        package var autoDelete: Bool = false
        package var isInternal: Bool = false
        package var noWait: Bool = false
        package var arguments: FieldTable = FieldTable()

        package init() {}

        package init(
            exchange: String = "", type: String = "direct", passive: Bool = false, durable: Bool = false,
            autoDelete: Bool = false, isInternal: Bool = false, noWait: Bool = false,
            arguments: FieldTable = FieldTable()
        ) {
            self.exchange = exchange
            self.type = type
            self.passive = passive
            self.durable = durable
            self.autoDelete = autoDelete
            self.isInternal = isInternal
            self.noWait = noWait
            self.arguments = arguments
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("exchange", &exchange)
            try coder.field("type", &type)
            try coder.field("passive", &passive)
            try coder.field("durable", &durable)
            try coder.field("auto-delete", &autoDelete)
            try coder.field("internal", &isInternal)
            try coder.field("no-wait", &noWait)
            try coder.field("arguments", &arguments)
        }
    }

    /// Method 11: says that it is there.
    package struct DeclareOk: AMQPMethodFields {
        package static let id = AMQPMethodID(40, 11)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 20: deletes an exchange.
    package struct Delete: AMQPMethodFields {
        package static let id = AMQPMethodID(40, 20)
        package var reserved: UInt16 = 0
        package var exchange: String = ""
        package var ifUnused: Bool = false
        package var noWait: Bool = false

        package init() {}

        package init(exchange: String = "", ifUnused: Bool = false, noWait: Bool = false) {
            self.exchange = exchange
            self.ifUnused = ifUnused
            self.noWait = noWait
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("exchange", &exchange)
            try coder.field("if-unused", &ifUnused)
            try coder.field("no-wait", &noWait)
        }
    }

    /// Method 21: says that it is gone.
    package struct DeleteOk: AMQPMethodFields {
        package static let id = AMQPMethodID(40, 21)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 30: has an exchange get what another has (an extension).
    package struct Bind: AMQPMethodFields {
        package static let id = AMQPMethodID(40, 30)
        package var reserved: UInt16 = 0
        package var destination: String = ""
        package var source: String = ""
        package var routingKey: String = ""
        package var noWait: Bool = false
        package var arguments: FieldTable = FieldTable()

        package init() {}

        package init(
            destination: String = "", source: String = "", routingKey: String = "", noWait: Bool = false,
            arguments: FieldTable = FieldTable()
        ) {
            self.destination = destination
            self.source = source
            self.routingKey = routingKey
            self.noWait = noWait
            self.arguments = arguments
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("destination", &destination)
            try coder.field("source", &source)
            try coder.field("routing-key", &routingKey)
            try coder.field("no-wait", &noWait)
            try coder.field("arguments", &arguments)
        }
    }

    /// Method 31: says that it is bound (an extension).
    package struct BindOk: AMQPMethodFields {
        package static let id = AMQPMethodID(40, 31)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 40: ends that (an extension).
    package struct Unbind: AMQPMethodFields {
        package static let id = AMQPMethodID(40, 40)
        package var reserved: UInt16 = 0
        package var destination: String = ""
        package var source: String = ""
        package var routingKey: String = ""
        package var noWait: Bool = false
        package var arguments: FieldTable = FieldTable()

        package init() {}

        package init(
            destination: String = "", source: String = "", routingKey: String = "", noWait: Bool = false,
            arguments: FieldTable = FieldTable()
        ) {
            self.destination = destination
            self.source = source
            self.routingKey = routingKey
            self.noWait = noWait
            self.arguments = arguments
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("destination", &destination)
            try coder.field("source", &source)
            try coder.field("routing-key", &routingKey)
            try coder.field("no-wait", &noWait)
            try coder.field("arguments", &arguments)
        }
    }

    /// Method 51: says that it is not bound any more (an extension).
    package struct UnbindOk: AMQPMethodFields {
        package static let id = AMQPMethodID(40, 51)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }
}
