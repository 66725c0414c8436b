// SPDX-License-Identifier: Apache-2.0

// Class basic (60) of AMQP 0-9-1: carries messages.

/// The methods of class basic.
package enum Basic {
    /// Method 10: limits how many messages are out.
    package struct Qos: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 10)
        package var prefetchSize: UInt32 = 0
        package var prefetchCount: UInt16 = 0
        package var isGlobal: Bool = false

        package init() {}

        package init(prefetchSize: UInt32 = 0, prefetchCount: UInt16 = 0, isGlobal: Bool = false) {
            self.prefetchSize = prefetchSize
            self.prefetchCount = prefetchCount
            self.isGlobal = isGlobal
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("prefetch-size", &prefetchSize)
            try coder.field("prefetch-count", &prefetchCount)
            try coder.field("global", &isGlobal)
        }
    }

    /// Method 11: confirms it.
    package struct QosOk: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 11)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 20: asks for the messages of a queue.
    package struct Consume: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 20)
        package var reserved: UInt16 = 0
        package var queue: String = ""
        package var consumerTag: String = ""
        package var noLocal: Bool = false
        package var noAck: Bool = false
        package var exclusive: Bool = false
        package var noWait: Bool = false
        package var arguments: FieldTable = FieldTable()

        package init() {}

        package init(
            queue: String = "", consumerTag: String = "", noLocal: Bool = false, noAck: Bool = false,
            exclusive: Bool = false, noWait: Bool = false, arguments: FieldTable = FieldTable()
        ) {
            self.queue = queue
            self.consumerTag = consumerTag
            self.noLocal = noLocal
            self.noAck = noAck
            self.exclusive = exclusive
            self.noWait = noWait
            self.arguments = arguments
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("queue", &queue)
            try coder.field("consumer-tag", &consumerTag)
            try coder.field("no-local", &noLocal)
            try coder.field("no-ack", &noAck)
            try coder.field("exclusive", &exclusive)
            try coder.field("no-wait", &noWait)
            try coder.field("arguments", &arguments)
        }
    }

    /// Method 21: confirms it.
    package struct ConsumeOk: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 21)
        package var consumerTag: String = ""

        package init() {}

        package init(consumerTag: String = "") {
            self.consumerTag = consumerTag
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("consumer-tag", &consumerTag)
        }
    }

    /// Method 30: ends a consumer; servers send it too.
    package struct Cancel: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 30)
        package var consumerTag: String = ""
        package var noWait: Bool = false

        package init() {}

        package init(consumerTag: String = "", noWait: Bool = false) {
            self.consumerTag = consumerTag
            self.noWait = noWait
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("consumer-tag", &consumerTag)
            try coder.field("no-wait", &noWait)
        }
    }

    /// Method 31: confirms it.
    package struct CancelOk: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 31)
        package var consumerTag: String = ""

        package init() {}

        package init(consumerTag: String = "") {
            self.consumerTag = consumerTag
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("consumer-tag", &consumerTag)
        }
    }

    /// Method 40: publishes the message that follows.
    package struct Publish: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 40)
        package var reserved: UInt16 = 0
        package var exchange: String = ""
        package var routingKey: String = ""
        package var mandatory: Bool = false
        package var immediate: Bool = false

        package init() {}

        package init(
            exchange: String = "", routingKey: String = "", mandatory: Bool = false, immediate: Bool = false
        ) {
            self.exchange = exchange
            self.routingKey = routingKey
            self.mandatory = mandatory
            self.immediate = immediate
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("exchange", &exchange)
            try coder.field("routing-key", &routingKey)
            try coder.field("mandatory", &mandatory)
            try coder.field("immediate", &immediate)
        }
    }

    /// Method 50: gives back a message that went nowhere.
    package struct Return: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 50)
        package var replyCode: UInt16 = 0
        package var replyText: String = ""
        package var exchange: String = ""
        package var routingKey: String = ""

        package init() {}

        package init(
            replyCode: UInt16 = 0, replyText: String = "", exchange: String = "", routingKey: String = ""
        ) {
            self.replyCode = replyCode
            self.replyText = replyText
            self.exchange = exchange
            self.routingKey = routingKey
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reply-code", &replyCode)
            try coder.field("reply-text", &replyText)
            try coder.field("exchange", &exchange)
            try coder.field("routing-key", &routingKey)
        }
    }

    /// Method 60: hands out the message that follows.
    package struct Deliver: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 60)
        package var consumerTag: String = ""
        package var deliveryTag: UInt64 = 0
        package var redelivered: Bool = false
        package var exchange: String = ""
        package var routingKey: String = ""

        package init() {}

        package init(
            consumerTag: String = "", deliveryTag: UInt64 = 0, redelivered: Bool = false,
            exchange: String = "", routingKey: String = ""
        ) {
            self.consumerTag = consumerTag
            self.deliveryTag = deliveryTag
            self.redelivered = redelivered
            self.exchange = exchange
            self.routingKey = routingKey
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("consumer-tag", &consumerTag)
            try coder.field("delivery-tag", &deliveryTag)
            try coder.field("redelivered", &redelivered)
            try coder.field("exchange", &exchange)
            try coder.field("routing-key", &routingKey)
        }
    }

    /// Method 70: asks for one message.
    package struct Get: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 70)
        package var reserved: UInt16 = 0
        package var queue: String = ""
        package var noAck: Bool = false

        package init() {}

        package init(queue: String = "", noAck: Bool = false) {
            self.queue = queue
            self.noAck = noAck
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved)
            try coder.field("queue", &queue)
            try coder.field("no-ack", &noAck)
        }
    }

    /// Method 71: hands out the message that follows, as asked.
    package struct GetOk: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 71)
        package var deliveryTag: UInt64 = 0
        package var redelivered: Bool = false
        package var exchange: String = ""
        package var routingKey: String = ""
        package var messageCount: UInt32 = 0

        package init() {}

        package init(
            deliveryTag: UInt64 = 0, redelivered: Bool = false, exchange: String = "",
            routingKey: String = "", messageCount: UInt32 = 0
        ) {
            self.deliveryTag = deliveryTag
            self.redelivered = redelivered
            self.exchange = exchange
            self.routingKey = routingKey
            self.messageCount = messageCount
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("delivery-tag", &deliveryTag)
            try coder.field("redelivered", &redelivered)
            try coder.field("exchange", &exchange)
            try coder.field("routing-key", &routingKey)
            try coder.field("message-count", &messageCount)
        }
    }

    /// Method 72: says that there is none.
    package struct GetEmpty: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 72)
        package var reserved1: String = ""

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved1)
        }
    }

    /// Method 80: acknowledges messages; from a server, confirms publishes.
    package struct Ack: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 80)
        package var deliveryTag: UInt64 = 0
        package var multiple: Bool = false

        package init() {}

        package init(deliveryTag: UInt64 = 0, multiple: Bool = false) {
            self.deliveryTag = deliveryTag
            self.multiple = multiple
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("delivery-tag", &deliveryTag)
            try coder.field("multiple", &multiple)
        }
    }

    /// Method 90: gives back one message.
    package struct Reject: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 90)
        package var deliveryTag: UInt64 = 0
        package var requeue: Bool = true

        package init() {}

        package init(deliveryTag: UInt64 = 0, requeue: Bool = true) {
            self.deliveryTag = deliveryTag
            self.requeue = requeue
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("delivery-tag", &deliveryTag)
            try coder.field("requeue", &requeue)
        }
    }

    /// Method 100: gives back all messages, without an answer.
    package struct RecoverAsync: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 100)
        package var requeue: Bool = false

        package init() {}

        package init(requeue: Bool = false) {
            self.requeue = requeue
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("requeue", &requeue)
        }
    }

    /// Method 110: gives back all messages.
    package struct Recover: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 110)
        package var requeue: Bool = false

        package init() {}

        package init(requeue: Bool = false) {
            self.requeue = requeue
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("requeue", &requeue)
        }
    }

    /// Method 111: confirms it.
    package struct RecoverOk: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 111)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 120: gives back messages; from a server, says that publishes failed (an extension).
    package struct Nack: AMQPMethodFields {
        package static let id = AMQPMethodID(60, 120)
        package var deliveryTag: UInt64 = 0
        package var multiple: Bool = false
        package var requeue: Bool = true

        package init() {}

        package init(deliveryTag: UInt64 = 0, multiple: Bool = false, requeue: Bool = true) {
            self.deliveryTag = deliveryTag
            self.multiple = multiple
            self.requeue = requeue
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("delivery-tag", &deliveryTag)
            try coder.field("multiple", &multiple)
            try coder.field("requeue", &requeue)
        }
    }
}
