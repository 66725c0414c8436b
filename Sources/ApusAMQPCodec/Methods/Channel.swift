// SPDX-License-Identifier: Apache-2.0

// Class channel (20) of AMQP 0-9-1: opens and ends channels.

package import NIOCore

/// The methods of class channel.
package enum Channel {
    /// Method 10: opens a channel.
    package struct Open: AMQPMethodFields {
        package static let id = AMQPMethodID(20, 10)
        package var reserved1: String = ""

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved1)
        }
    }

    /// Method 11: says that it is open.
    package struct OpenOk: AMQPMethodFields {
        package static let id = AMQPMethodID(20, 11)
        package var reserved1: ByteBuffer = ByteBuffer()

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reserved-1", &reserved1)
        }
    }

    /// Method 20: stops or resumes messages.
    package struct Flow: AMQPMethodFields {
        package static let id = AMQPMethodID(20, 20)
        package var active: Bool = false

        package init() {}

        package init(active: Bool = false) {
            self.active = active
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("active", &active)
        }
    }

    /// Method 21: confirms it.
    package struct FlowOk: AMQPMethodFields {
        package static let id = AMQPMethodID(20, 21)
        package var active: Bool = false

        package init() {}

        package init(active: Bool = false) {
            self.active = active
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("active", &active)
        }
    }

    /// Method 40: ends the channel, with the reason.
    package struct Close: AMQPMethodFields {
        package static let id = AMQPMethodID(20, 40)
        package var replyCode: UInt16 = 0
        package var replyText: String = ""
        package var classID: UInt16 = 0
        package var methodID: UInt16 = 0

        package init() {}

        package init(replyCode: UInt16 = 0, replyText: String = "", classID: UInt16 = 0, methodID: UInt16 = 0)
        {
            self.replyCode = replyCode
            self.replyText = replyText
            self.classID = classID
            self.methodID = methodID
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("reply-code", &replyCode)
            try coder.field("reply-text", &replyText)
            try coder.field("class-id", &classID)
            try coder.field("method-id", &methodID)
        }
    }

    /// Method 41: confirms the end.
    package struct CloseOk: AMQPMethodFields {
        package static let id = AMQPMethodID(20, 41)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }
}
