// SPDX-License-Identifier: Apache-2.0

// Class queue (50) of AMQP 0-9-1: makes, binds and deletes queues.

/// The methods of class queue.
package enum Queue {
    /// Method 10: makes a queue, or checks that it is there.
    package struct Declare: AMQPMethodFields {
        package static let id = AMQPMethodID(50, 10)
        package var reserved: UInt16 = 0
        package var queue: String = ""
        package var passive: Bool = false
        package var durable: Bool = false
        package var exclusive: Bool = false
        package var autoDelete: Bool = false
        package var noWait: Bool = false
        package var arguments: FieldTable = FieldTable()

        package init() {}

        package init(
            queue: String = "", passive: Bool = false, durable: Bool = false, exclusive: Bool = false,
            autoDelete: Bool = false, noWait: Bool = false, arguments: FieldTable = FieldTable()
        ) {
            self.queue = queue
            self.passive = passive
            self.durable = durable
            self.exclusive = exclusive
            self.autoDelete = autoDelete
            self.noWait = noWait
            self.arguments = arguments
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("queue", &queue)
            try coder.field("passive", &passive)
            try coder.field("durable", &durable)
            try coder.field("exclusive", &exclusive)
            try coder.field("auto-delete", &autoDelete)
            try coder.field("no-wait", &noWait)
            try coder.field("arguments", &arguments)
        }
    }

    /// Method 11: says that it is there.
    package struct DeclareOk: AMQPMethodFields {
        package static let id = AMQPMethodID(50, 11)
        package var queue: String = ""
        package var messageCount: UInt32 = 0
        package var consumerCount: UInt32 = 0

        package init() {}

        package init(queue: String = "", messageCount: UInt32 = 0, consumerCount: UInt32 = 0) {
            self.queue = queue
            self.messageCount = messageCount
            self.consumerCount = consumerCount
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("queue", &queue)
            try coder.field("message-count", &messageCount)
            try coder.field("consumer-count", &consumerCount)
        }
    }

    /// Method 20: has a queue get what an exchange has.
    package struct Bind: AMQPMethodFields {
        package static let id = AMQPMethodID(50, 20)
        package var reserved: UInt16 = 0
        package var queue: String = ""
        package var exchange: String = ""
        package var routingKey: String = ""
        package var noWait: Bool = false
        package var arguments: FieldTable = FieldTable()

        package init() {}

        package init(
            queue: String = "", exchange: String = "", routingKey: String = "", noWait: Bool = false,
            arguments: FieldTable = FieldTable()
        ) {
            self.queue = queue
            self.exchange = exchange
            self.routingKey = routingKey
            self.noWait = noWait
            self.arguments = arguments
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("queue", &queue)
            try coder.field("exchange", &exchange)
            try coder.field("routing-key", &routingKey)
            try coder.field("no-wait", &noWait)
            try coder.field("arguments", &arguments)
        }
    }

    /// Method 21: says that it is bound.
    package struct BindOk: AMQPMethodFields {
        package static let id = AMQPMethodID(50, 21)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 30: empties a queue.
    package struct Purge: AMQPMethodFields {
        package static let id = AMQPMethodID(50, 30)
        package var reserved: UInt16 = 0
        package var queue: String = ""
        package var noWait: Bool = false

        package init() {}

        package init(queue: String = "", noWait: Bool = false) {
            self.queue = queue
            self.noWait = noWait
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("queue", &queue)
            try coder.field("no-wait", &noWait)
        }
    }

    /// Method 31: says how many messages are gone.
    package struct PurgeOk: AMQPMethodFields {
        package static let id = AMQPMethodID(50, 31)
        package var messageCount: UInt32 = 0

        package init() {}

        package init(messageCount: UInt32 = 0) {
            self.messageCount = messageCount
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("message-count", &messageCount)
        }
    }

    /// Method 40: deletes a queue.
    package struct Delete: AMQPMethodFields {
        package static let id = AMQPMethodID(50, 40)
        package var reserved: UInt16 = 0
        package var queue: String = ""
        package var ifUnused: Bool = false
        package var ifEmpty: Bool = false
        package var noWait: Bool = false

        package init() {}

        package init(queue: String = "", ifUnused: Bool = false, ifEmpty: Bool = false, noWait: Bool = false)
        {
            self.queue = queue
            self.ifUnused = ifUnused
            self.ifEmpty = ifEmpty
            self.noWait = noWait
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("queue", &queue)
            try coder.field("if-unused", &ifUnused)
            try coder.field("if-empty", &ifEmpty)
            try coder.field("no-wait", &noWait)
        }
    }

    /// Method 41: says how many messages are gone.
    package struct DeleteOk: AMQPMethodFields {
        package static let id = AMQPMethodID(50, 41)
        package var messageCount: UInt32 = 0

        package init() {}

        package init(messageCount: UInt32 = 0) {
            self.messageCount = messageCount
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("message-count", &messageCount)
        }
    }

    /// Method 50: ends a binding.
    package struct Unbind: AMQPMethodFields {
        package static let id = AMQPMethodID(50, 50)
        package var reserved: UInt16 = 0
        package var queue: String = ""
        package var exchange: String = ""
        package var routingKey: String = ""
        package var arguments: FieldTable = FieldTable()

        package init() {}

        package init(
            queue: String = "", exchange: String = "", routingKey: String = "",
            arguments: FieldTable = FieldTable()
        ) {
            self.queue = queue
            self.exchange = exchange
            self.routingKey = routingKey
            self.arguments = arguments
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("queue", &queue)
            try coder.field("exchange", &exchange)
            try coder.field("routing-key", &routingKey)
            try coder.field("arguments", &arguments)
        }
    }

    /// Method 51: says that it is not bound any more.
    package struct UnbindOk: AMQPMethodFields {
        package static let id = AMQPMethodID(50, 51)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }
}
