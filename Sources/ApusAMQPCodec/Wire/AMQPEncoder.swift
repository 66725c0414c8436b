// SPDX-License-Identifier: Apache-2.0

// Writes frames, one after the other, into one buffer. A frame's length is known when it is closed and is put in its place then.

package import NIOCore

/// Writes methods, content and heartbeats as frames.
package struct AMQPEncoder: AMQPFieldCoder, ~Copyable {
    /// What was written.
    package private(set) var buffer: ByteBuffer
    /// Where the frame that is open begins.
    private var frameStart = 0
    private var nextBit = 8

    /// An encoder that has written nothing.
    package init(capacity: Int = 256) {
        buffer = ByteBuffer()
        buffer.reserveCapacity(capacity)
    }

    /// How many bytes were written.
    package var count: Int { buffer.writerIndex }

    // MARK: Frames

    /// Begins a frame.
    package mutating func openFrame(_ type: AMQPFrameType, channel: UInt16) {
        frameStart = buffer.writerIndex
        buffer.writeMultipleIntegers(type.rawValue, channel, UInt32(0))
        nextBit = 8
    }

    /// Ends the frame that was begun.
    package mutating func closeFrame() {
        let length = buffer.writerIndex - frameStart - AMQPFrameType.headerBytes
        buffer.setInteger(UInt32(length), at: frameStart + 3)
        buffer.writeInteger(AMQPFrameType.end)
    }

    /// Writes a method as a frame.
    ///
    /// - Throws: `AMQPCodecError` when a field has what AMQP cannot express; nothing is written then.
    package mutating func method(_ method: AMQPMethod, channel: UInt16) throws(AMQPCodecError) {
        openFrame(.method, channel: channel)
        do throws(AMQPCodecError) {
            let id = method.id
            buffer.writeMultipleIntegers(id.classID, id.methodID)
            var method = method
            try method.code(with: &self)
        } catch {
            buffer.moveWriterIndex(to: frameStart)
            throw error
        }
        closeFrame()
    }

    /// Writes properties and body of a message as frames.
    ///
    /// - Throws: `AMQPCodecError` when a property has what AMQP cannot express; nothing is written then.
    package mutating func content(
        _ properties: BasicProperties, body: ByteBuffer, channel: UInt16, frameMax: Int
    ) throws(AMQPCodecError) {
        try header(properties, bodySize: body.readableBytes, channel: channel)
        self.body(body, channel: channel, frameMax: frameMax)
    }

    /// Writes properties and body of a message as frames.
    ///
    /// - Throws: `AMQPCodecError` when a property has what AMQP cannot express; nothing is written then.
    package mutating func content(
        _ properties: BasicProperties, body: [UInt8], channel: UInt16, frameMax: Int
    ) throws(AMQPCodecError) {
        try header(properties, bodySize: body.count, channel: channel)
        self.body(body, channel: channel, frameMax: frameMax)
    }

    private mutating func header(
        _ properties: BasicProperties, bodySize: Int, channel: UInt16
    ) throws(AMQPCodecError) {
        openFrame(.header, channel: channel)
        do throws(AMQPCodecError) {
            var header = AMQPContentHeader(bodySize: UInt64(bodySize), properties: properties)
            try header.code(with: &self)
        } catch {
            buffer.moveWriterIndex(to: frameStart)
            throw error
        }
        closeFrame()
    }

    /// Writes a message's body, in as many frames as it takes; none if it is empty.
    package mutating func body(_ body: ByteBuffer, channel: UInt16, frameMax: Int) {
        var rest = body
        let payloadMax = AMQPFrameType.payloadMax(frameMax)
        while let piece = rest.readSlice(length: min(rest.readableBytes, payloadMax)), piece.readableBytes > 0
        {
            openFrame(.body, channel: channel)
            buffer.writeImmutableBuffer(piece)
            closeFrame()
        }
    }

    /// Writes a message's body, in as many frames as it takes; none if it is empty.
    package mutating func body(_ body: [UInt8], channel: UInt16, frameMax: Int) {
        let payloadMax = AMQPFrameType.payloadMax(frameMax)
        var start = 0
        while start < body.count {
            let end = min(body.count, start + payloadMax)
            openFrame(.body, channel: channel)
            buffer.writeBytes(body[start..<end])
            closeFrame()
            start = end
        }
    }

    /// Writes a heartbeat.
    package mutating func heartbeat() {
        openFrame(.heartbeat, channel: 0)
        closeFrame()
    }

    // MARK: Fields

    package mutating func field(_ name: StaticString, _ value: inout UInt8) throws(AMQPCodecError) {
        nextBit = 8
        buffer.writeInteger(value)
    }

    package mutating func field(_ name: StaticString, _ value: inout UInt16) throws(AMQPCodecError) {
        nextBit = 8
        buffer.writeInteger(value)
    }

    package mutating func field(_ name: StaticString, _ value: inout UInt32) throws(AMQPCodecError) {
        nextBit = 8
        buffer.writeInteger(value)
    }

    package mutating func field(_ name: StaticString, _ value: inout UInt64) throws(AMQPCodecError) {
        nextBit = 8
        buffer.writeInteger(value)
    }

    package mutating func field(_ name: StaticString, _ value: inout Bool) throws(AMQPCodecError) {
        if nextBit == 8 {
            buffer.writeInteger(UInt8(0))
            nextBit = 0
        }
        let place = buffer.writerIndex - 1
        if value, let byte = buffer.getInteger(at: place, as: UInt8.self) {
            buffer.setInteger(byte | 1 << nextBit, at: place)
        }
        nextBit += 1
    }

    package mutating func field(_ name: StaticString, _ value: inout String) throws(AMQPCodecError) {
        nextBit = 8
        let place = buffer.writerIndex
        buffer.writeInteger(UInt8(0))
        let length = buffer.writeString(value)
        guard let short = UInt8(exactly: length) else {
            throw AMQPCodecError(.tooLong(length: length, max: 255), in: name.description, at: place)
        }
        buffer.setInteger(short, at: place)
    }

    package mutating func field(_ name: StaticString, _ value: inout ByteBuffer) throws(AMQPCodecError) {
        nextBit = 8
        guard let length = UInt32(exactly: value.readableBytes) else {
            throw AMQPCodecError(
                .tooLong(length: value.readableBytes, max: Int(UInt32.max)), in: name.description, at: count)
        }
        buffer.writeInteger(length)
        buffer.writeImmutableBuffer(value)
    }

    package mutating func field(_ name: StaticString, _ value: inout FieldTable) throws(AMQPCodecError) {
        try field(name, &value.bytes)
    }
}
