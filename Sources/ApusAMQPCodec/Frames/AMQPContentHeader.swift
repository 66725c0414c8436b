// SPDX-License-Identifier: Apache-2.0

// The header of a message: its length and properties. Which properties there are is said by flags, so that those which are not there take no room.

/// The properties of a message, by the names of the specification.
package struct BasicProperties: Hashable, Sendable {
    package var contentType: String?
    package var contentEncoding: String?
    package var headers: FieldTable?
    /// 1 in memory, 2 to be kept.
    package var deliveryMode: UInt8?
    package var priority: UInt8?
    package var correlationID: String?
    package var replyTo: String?
    /// Milliseconds, as text.
    package var expiration: String?
    package var messageID: String?
    /// Seconds since 1970.
    package var timestamp: UInt64?
    package var type: String?
    package var userID: String?
    package var appID: String?
    package var clusterID: String?

    package init() {}
}

/// What is before a message's body.
package struct AMQPContentHeader: Hashable, Sendable {
    /// How many bytes the body has.
    package var bodySize: UInt64
    package var properties: BasicProperties

    /// The class that has content.
    package static let classID: UInt16 = 60

    package init(bodySize: UInt64 = 0, properties: BasicProperties = BasicProperties()) {
        self.bodySize = bodySize
        self.properties = properties
    }
}

extension AMQPContentHeader {
    mutating func code<Coder: AMQPFieldCoder & ~Copyable>(with coder: inout Coder) throws(AMQPCodecError) {
        var classID = Self.classID
        try coder.field("class-id", &classID)
        guard classID == Self.classID else {
            throw AMQPCodecError(.noContent(classID: classID), in: "class-id")
        }
        var weight: UInt16 = 0
        try coder.field("weight", &weight)
        try coder.field("body-size", &bodySize)
        try properties.code(with: &coder)
    }
}

extension BasicProperties {
    /// The two lowest bits have no property: one of them says that more flags follow, which no class needs.
    private static let unusedFlags: UInt16 = 0b11

    private var flags: UInt16 {
        var flags: UInt16 = 0
        if contentType != nil { flags |= 1 << 15 }
        if contentEncoding != nil { flags |= 1 << 14 }
        if headers != nil { flags |= 1 << 13 }
        if deliveryMode != nil { flags |= 1 << 12 }
        if priority != nil { flags |= 1 << 11 }
        if correlationID != nil { flags |= 1 << 10 }
        if replyTo != nil { flags |= 1 << 9 }
        if expiration != nil { flags |= 1 << 8 }
        if messageID != nil { flags |= 1 << 7 }
        if timestamp != nil { flags |= 1 << 6 }
        if type != nil { flags |= 1 << 5 }
        if userID != nil { flags |= 1 << 4 }
        if appID != nil { flags |= 1 << 3 }
        if clusterID != nil { flags |= 1 << 2 }
        return flags
    }

    mutating func code<Coder: AMQPFieldCoder & ~Copyable>(with coder: inout Coder) throws(AMQPCodecError) {
        var flags = flags
        try coder.field("property-flags", &flags)
        guard flags & Self.unusedFlags == 0 else {
            throw AMQPCodecError(.unknownProperties(flags), in: "property-flags")
        }
        if flags & 1 << 15 != 0 { try Self.code("content-type", &contentType, with: &coder) }
        if flags & 1 << 14 != 0 { try Self.code("content-encoding", &contentEncoding, with: &coder) }
        if flags & 1 << 13 != 0 {
            var table = headers ?? FieldTable()
            try coder.field("headers", &table)
            headers = table
        }
        if flags & 1 << 12 != 0 { try Self.code("delivery-mode", &deliveryMode, with: &coder) }
        if flags & 1 << 11 != 0 { try Self.code("priority", &priority, with: &coder) }
        if flags & 1 << 10 != 0 { try Self.code("correlation-id", &correlationID, with: &coder) }
        if flags & 1 << 9 != 0 { try Self.code("reply-to", &replyTo, with: &coder) }
        if flags & 1 << 8 != 0 { try Self.code("expiration", &expiration, with: &coder) }
        if flags & 1 << 7 != 0 { try Self.code("message-id", &messageID, with: &coder) }
        if flags & 1 << 6 != 0 {
            var value = timestamp ?? 0
            try coder.field("timestamp", &value)
            timestamp = value
        }
        if flags & 1 << 5 != 0 { try Self.code("type", &type, with: &coder) }
        if flags & 1 << 4 != 0 { try Self.code("user-id", &userID, with: &coder) }
        if flags & 1 << 3 != 0 { try Self.code("app-id", &appID, with: &coder) }
        if flags & 1 << 2 != 0 { try Self.code("cluster-id", &clusterID, with: &coder) }
    }

    private static func code<Coder: AMQPFieldCoder & ~Copyable>(
        _ name: StaticString, _ property: inout String?, with coder: inout Coder
    ) throws(AMQPCodecError) {
        var value = property ?? ""
        try coder.field(name, &value)
        property = value
    }

    private static func code<Coder: AMQPFieldCoder & ~Copyable>(
        _ name: StaticString, _ property: inout UInt8?, with coder: inout Coder
    ) throws(AMQPCodecError) {
        var value = property ?? 0
        try coder.field(name, &value)
        property = value
    }
}
