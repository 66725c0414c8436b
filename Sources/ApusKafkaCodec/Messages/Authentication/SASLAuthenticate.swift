// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, SaslAuthenticate (key 36), versions 0-2, flexible from 2 on.

public import NIOCore

/// Kafka protocol, SaslAuthenticate request, versions 0-2: carries a message of the mechanism to the
/// server.
public struct SASLAuthenticateRequest: KafkaStruct {
    /// A message of the mechanism.
    public var authBytes = ByteBuffer()

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("authBytes", &authBytes)
        try coder.noTags()
    }
}

/// Kafka protocol, SaslAuthenticate response, versions 0-2: carries one back.
public struct SASLAuthenticateResponse: KafkaStruct {
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// More about the error, for people.
    public var errorMessage: String?
    /// A message of the mechanism.
    public var authBytes = ByteBuffer()
    /// After how many milliseconds to authenticate again; 0 for never. From version 1 on.
    public var sessionLifetimeMs: Int64 = 0

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("errorCode", &errorCode)
        try coder.field("errorMessage", &errorMessage)
        try coder.field("authBytes", &authBytes)
        if coder.version >= 1 { try coder.field("sessionLifetimeMs", &sessionLifetimeMs) }
        try coder.noTags()
    }
}
