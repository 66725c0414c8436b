// SPDX-License-Identifier: Apache-2.0

// Why bytes are not AMQP, or a value cannot become AMQP: what is wrong, in which field, at which byte, and the reply code with which a peer is
// told so.

/// A number that says why a connection or channel was closed, or a message returned (AMQP 0-9-1, constants).
package struct AMQPReplyCode: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let success = AMQPReplyCode(rawValue: 200)
    package static let contentTooLarge = AMQPReplyCode(rawValue: 311)
    package static let noRoute = AMQPReplyCode(rawValue: 312)
    package static let noConsumers = AMQPReplyCode(rawValue: 313)
    package static let connectionForced = AMQPReplyCode(rawValue: 320)
    package static let invalidPath = AMQPReplyCode(rawValue: 402)
    package static let accessRefused = AMQPReplyCode(rawValue: 403)
    package static let notFound = AMQPReplyCode(rawValue: 404)
    package static let resourceLocked = AMQPReplyCode(rawValue: 405)
    package static let preconditionFailed = AMQPReplyCode(rawValue: 406)
    package static let frameError = AMQPReplyCode(rawValue: 501)
    package static let syntaxError = AMQPReplyCode(rawValue: 502)
    package static let commandInvalid = AMQPReplyCode(rawValue: 503)
    package static let channelError = AMQPReplyCode(rawValue: 504)
    package static let unexpectedFrame = AMQPReplyCode(rawValue: 505)
    package static let resourceError = AMQPReplyCode(rawValue: 506)
    package static let notAllowed = AMQPReplyCode(rawValue: 530)
    package static let notImplemented = AMQPReplyCode(rawValue: 540)
    package static let internalError = AMQPReplyCode(rawValue: 541)
}

/// A reason that bytes cannot be read as AMQP 0-9-1, or a value not written.
package struct AMQPCodecError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    package enum Reason: Sendable, Hashable {
        /// A field needs more bytes than its frame or table has left.
        case truncated(needed: Int, left: Int)
        /// Text is not UTF-8.
        case invalidText
        /// Bytes are left after the last field.
        case trailingBytes(Int)
        /// A length is more than its field can express (writing only).
        case tooLong(length: Int, max: Int)
        /// There is no such method.
        case unknownMethod(AMQPMethodID)
        /// There is no frame of this type.
        case unknownFrameType(UInt8)
        /// A frame does not end with its end octet.
        case missingFrameEnd(UInt8)
        /// A frame says that it is longer than was agreed.
        case frameTooLong(length: Int, max: Int)
        /// A frame is on a channel on which it cannot be.
        case wrongChannel(UInt16)
        /// A value in a table has a type that there is none of.
        case unknownFieldType(UInt8)
        /// Tables and arrays within each other.
        case nestedTooDeeply(max: Int)
        /// A content header says that there are properties which no message has.
        case unknownProperties(UInt16)
        /// A content header of a class without content.
        case noContent(classID: UInt16)
        /// Content or a method came where something else was to come.
        case unexpected(expected: String)
        /// A message is larger than is taken.
        case messageTooLarge(UInt64, max: Int)
        /// The peer speaks another protocol, or another version of this one.
        case otherProtocol([UInt8])
    }

    package var reason: Reason
    /// The field in which it is wrong, as the specification names it.
    package var field: String
    /// Where the field begins, in bytes from the beginning of what was read or written.
    package var position: Int

    package init(_ reason: Reason, in field: String, at position: Int = 0) {
        self.reason = reason
        self.field = field
        self.position = position
    }

    /// With what a connection is closed for it.
    package var replyCode: AMQPReplyCode {
        switch reason {
        case .truncated, .invalidText, .trailingBytes, .unknownFieldType, .nestedTooDeeply,
            .unknownProperties,
            .tooLong:
            .syntaxError
        case .unknownFrameType, .missingFrameEnd, .frameTooLong, .otherProtocol: .frameError
        case .unknownMethod: .notImplemented
        case .wrongChannel: .channelError
        case .noContent, .unexpected: .unexpectedFrame
        case .messageTooLarge: .contentTooLarge
        }
    }

    package var description: String { "\(field) at byte \(position): \(explanation)" }

    private var explanation: String {
        switch reason {
        case .truncated(let needed, let left): "needs \(needed) bytes of which \(left) are there"
        case .invalidText: "is not UTF-8"
        case .trailingBytes(let count): "\(count) bytes follow the last field"
        case .tooLong(let length, let max): "\(length) bytes are more than the \(max) that can be written"
        case .unknownMethod(let id): "there is no method \(id.classID).\(id.methodID)"
        case .unknownFrameType(let type): "there is no frame of type \(type)"
        case .missingFrameEnd(let byte): "a frame ends with \(byte) and not with 206"
        case .frameTooLong(let length, let max): "a frame of \(length) bytes; \(max) are allowed"
        case .wrongChannel(let channel): "cannot be on channel \(channel)"
        case .unknownFieldType(let type): "there are no values of type \(type)"
        case .nestedTooDeeply(let max): "tables are nested more than \(max) deep"
        case .unknownProperties(let flags): "there are no properties \(flags)"
        case .noContent(let classID): "class \(classID) has no content"
        case .unexpected(let expected): "\(expected) was to come"
        case .messageTooLarge(let size, let max): "a message of \(size) bytes; \(max) are allowed"
        case .otherProtocol(let bytes): "the peer speaks another protocol: \(bytes)"
        }
    }
}
