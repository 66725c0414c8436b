// SPDX-License-Identifier: Apache-2.0

// Class confirm (85) of AMQP 0-9-1: has publishes confirmed (an extension).

/// The methods of class confirm.
package enum Confirm {
    /// Method 10: asks for confirms.
    package struct Select: AMQPMethodFields {
        package static let id = AMQPMethodID(85, 10)
        package var noWait: Bool = false

        package init() {}

        package init(noWait: Bool = false) {
            self.noWait = noWait
        }

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {
            try coder.field("no-wait", &noWait)
        }
    }

    /// Method 11: says that there will be some.
    package struct SelectOk: AMQPMethodFields {
        package static let id = AMQPMethodID(85, 11)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }
}
