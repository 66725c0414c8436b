// SPDX-License-Identifier: Apache-2.0

// How a method is defined once for both directions: it shows each of its fields, in the order of the wire, to a coder, which fills the field
// (decoder) or writes it (encoder). Everything here is specialised within the module; other modules use `AMQPMethod`.

package import NIOCore

/// Visits the fields of a method in the order in which the wire has them.
package protocol AMQPFieldCoder: ~Copyable {
    /// One byte.
    mutating func field(_ name: StaticString, _ value: inout UInt8) throws(AMQPCodecError)
    /// Two bytes, the most significant first.
    mutating func field(_ name: StaticString, _ value: inout UInt16) throws(AMQPCodecError)
    /// Four bytes, the most significant first.
    mutating func field(_ name: StaticString, _ value: inout UInt32) throws(AMQPCodecError)
    /// Eight bytes, the most significant first.
    mutating func field(_ name: StaticString, _ value: inout UInt64) throws(AMQPCodecError)
    /// A bit; up to eight that follow each other share a byte, the first being the least significant.
    mutating func field(_ name: StaticString, _ value: inout Bool) throws(AMQPCodecError)
    /// Text of at most 255 bytes.
    mutating func field(_ name: StaticString, _ value: inout String) throws(AMQPCodecError)
    /// Bytes, of which there are as many as a frame takes.
    mutating func field(_ name: StaticString, _ value: inout ByteBuffer) throws(AMQPCodecError)
    /// Named values.
    mutating func field(_ name: StaticString, _ value: inout FieldTable) throws(AMQPCodecError)
}

/// The fields of one method.
package protocol AMQPMethodFields: Sendable, Hashable {
    /// Which method it is.
    static var id: AMQPMethodID { get }
    /// The method with each field empty.
    init()
    /// Shows each field to the coder, in the order of the wire.
    mutating func code<Coder: AMQPFieldCoder & ~Copyable>(with coder: inout Coder) throws(AMQPCodecError)
}

/// Which method: the numbers of its class and of itself within it.
package struct AMQPMethodID: Hashable, Sendable {
    package var classID: UInt16
    package var methodID: UInt16

    package init(_ classID: UInt16, _ methodID: UInt16) {
        self.classID = classID
        self.methodID = methodID
    }
}
