// SPDX-License-Identifier: Apache-2.0

// Why bytes are no message of Kafka's protocol, or a message cannot become bytes: what is wrong, in which
// field, and at which byte. Whoever gets one of these for a connection has lost its place and closes it.

/// A reason that a message cannot be read or written.
public struct KafkaCodecError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Sendable, Hashable {
        /// A field needs more bytes than the message has left.
        case truncated(needed: Int, left: Int)
        /// A length or count is negative and does not mean null.
        case negativeLength(Int)
        /// An array says that it has more elements than the bytes left could hold.
        case countBeyondEnd(count: Int, bytesLeft: Int)
        /// All arrays of the message together have more elements than `KafkaCodecLimits.elementsMax`.
        case tooManyElements(max: Int)
        /// Null where this version of the API has no null.
        case unexpectedNull
        /// Text is not UTF-8.
        case invalidText
        /// A variable-length integer is longer than five bytes, or its value than 32 bits.
        case invalidVarint
        /// Tags are not in ascending order, or one came twice.
        case tagsOutOfOrder
        /// A tagged field is longer or shorter than it says.
        case tagLength(said: Int, was: Int)
        /// Bytes are left after the last field.
        case trailingBytes(Int)
        /// A length is more than its field can express (writing only).
        case tooLong(length: Int, max: Int)
        /// No API that Apus knows has this key.
        case unknownAPI(key: Int16)
        /// Apus does not speak this version of the API.
        case unsupportedVersion(APIKey, version: Int16)
        /// What is embedded in a message or record is of a version that there cannot be.
        case invalidVersion(Int16)
        /// A control record is no end of a transaction.
        case notATransactionMarker(type: Int16)
    }

    /// What is wrong.
    public var reason: Reason
    /// The field in which it is wrong, as Kafka's protocol names it.
    public var field: String
    /// Where the field begins, in bytes from the beginning of what was read or written.
    public var position: Int

    /// An error in a field.
    public init(_ reason: Reason, in field: String, at position: Int) {
        self.reason = reason
        self.field = field
        self.position = position
    }

    /// The error for people.
    public var description: String { "\(field) at byte \(position): \(explanation)" }

    private var explanation: String {
        switch reason {
        case .truncated(let needed, let left): "needs \(needed) bytes, \(left) are left"
        case .negativeLength(let length): "the length \(length) is negative"
        case .countBeyondEnd(let count, let left): "\(count) elements cannot be in \(left) bytes"
        case .tooManyElements(let max): "a message may have \(max) elements at most"
        case .unexpectedNull: "null is not allowed here in this version"
        case .invalidText: "the text is not UTF-8"
        case .invalidVarint: "a variable-length integer does not end within 32 bits"
        case .tagsOutOfOrder: "tags must ascend and may come once"
        case .tagLength(let said, let was): "a tagged field of \(was) bytes says that it has \(said)"
        case .trailingBytes(let count): "\(count) bytes follow the last field"
        case .tooLong(let length, let max): "\(length) is more than the \(max) that can be written"
        case .unknownAPI(let key): "there is no API with the key \(key)"
        case .unsupportedVersion(let api, let version): "version \(version) of \(api) is not supported"
        case .invalidVersion(let version): "there is no version \(version)"
        case .notATransactionMarker(let type): "a control record of type \(type) ends no transaction"
        }
    }
}

/// What a message may take, since a few bytes of it can stand for many in memory.
public struct KafkaCodecLimits: Sendable, Hashable {
    /// How many elements all arrays of a message may have together.
    public var elementsMax: Int

    /// Limits: by default a million elements.
    public init(elementsMax: Int = 1_000_000) {
        self.elementsMax = max(elementsMax, 1)
    }
}
