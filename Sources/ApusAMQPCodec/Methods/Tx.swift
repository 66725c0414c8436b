// SPDX-License-Identifier: Apache-2.0

// Class tx (90) of AMQP 0-9-1: makes publishes and acknowledgements one step.

/// The methods of class tx.
package enum Tx {
    /// Method 10: begins transactions.
    package struct Select: AMQPMethodFields {
        package static let id = AMQPMethodID(90, 10)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 11: confirms it.
    package struct SelectOk: AMQPMethodFields {
        package static let id = AMQPMethodID(90, 11)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 20: makes it so.
    package struct Commit: AMQPMethodFields {
        package static let id = AMQPMethodID(90, 20)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 21: says that it is so.
    package struct CommitOk: AMQPMethodFields {
        package static let id = AMQPMethodID(90, 21)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 30: makes it undone.
    package struct Rollback: AMQPMethodFields {
        package static let id = AMQPMethodID(90, 30)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }

    /// Method 31: says that it is undone.
    package struct RollbackOk: AMQPMethodFields {
        package static let id = AMQPMethodID(90, 31)

        package init() {}

        package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
            with coder: inout Coder
        ) throws(AMQPCodecError) {}
    }
}
