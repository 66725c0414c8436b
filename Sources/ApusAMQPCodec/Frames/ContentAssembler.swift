// SPDX-License-Identifier: Apache-2.0

// Puts messages of one channel together: a method that carries content, a header, then as many pieces of body as the header says.

package import NIOCore

/// A message, and the method that it came with.
package struct AMQPMessage: Hashable, Sendable {
    package var method: AMQPMethod
    package var properties: BasicProperties
    package var body: ByteBuffer

    package init(method: AMQPMethod, properties: BasicProperties, body: ByteBuffer) {
        self.method = method
        self.properties = properties
        self.body = body
    }
}

/// Puts the messages of a channel together.
package struct ContentAssembler: Sendable {
    private enum State {
        case idle
        case header(AMQPMethod)
        case body(AMQPMessage, left: Int)
    }

    /// What comes of a frame.
    package enum Step: Sendable {
        /// More frames of the message are to come.
        case waiting
        /// A method without content.
        case method(AMQPMethod)
        /// A whole message.
        case message(AMQPMessage)
    }

    private let messageMax: Int
    private var state = State.idle

    /// An assembler that refuses messages of more than `messageMax` bytes.
    package init(messageMax: Int) { self.messageMax = messageMax }

    /// Takes a frame of the channel.
    ///
    /// - Throws: `AMQPCodecError` when the frame cannot come here, or the message is too large.
    package mutating func take(_ frame: AMQPFrame) throws(AMQPCodecError) -> Step {
        switch (state, frame) {
        case (.idle, .method(let method, _)):
            guard method.hasContent else { return .method(method) }
            state = .header(method)
            return .waiting
        case (.header(let method), .header(let header, _)):
            guard header.bodySize <= UInt64(messageMax) else {
                throw AMQPCodecError(.messageTooLarge(header.bodySize, max: messageMax), in: "body-size")
            }
            let message = AMQPMessage(method: method, properties: header.properties, body: ByteBuffer())
            guard header.bodySize > 0 else {
                state = .idle
                return .message(message)
            }
            state = .body(message, left: Int(header.bodySize))
            return .waiting
        case (.body(var message, let left), .body(let piece, _)):
            // The state must not hold the message too: its body would be copied for each piece.
            state = .idle
            let rest = left - piece.readableBytes
            guard rest >= 0 else { throw AMQPCodecError(.trailingBytes(-rest), in: "content-body") }
            if message.body.readableBytes == 0 && rest == 0 {
                message.body = piece
            } else {
                // Room is made for what has come, not for what was announced.
                message.body.writeImmutableBuffer(piece)
            }
            guard rest > 0 else { return .message(message) }
            state = .body(message, left: rest)
            return .waiting
        case (.idle, _): throw AMQPCodecError(.unexpected(expected: "a method"), in: "frame")
        case (.header, _): throw AMQPCodecError(.unexpected(expected: "a content header"), in: "frame")
        case (.body, _): throw AMQPCodecError(.unexpected(expected: "more of a message"), in: "frame")
        }
    }
}
