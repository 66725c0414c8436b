// SPDX-License-Identifier: Apache-2.0

// Kafka protocol, SaslHandshake (key 17), versions 0-1.

/// Kafka protocol, SaslHandshake request, versions 0-1: chooses a mechanism for authentication.
public struct SASLHandshakeRequest: KafkaStruct {
    /// The mechanism that the client chose.
    public var mechanism = ""

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("mechanism", &mechanism)
    }
}

/// Kafka protocol, SaslHandshake response, versions 0-1: tells whether the server has it.
public struct SASLHandshakeResponse: KafkaStruct {
    /// How it went.
    public var errorCode: KafkaErrorCode = .noError
    /// The mechanisms that the server has.
    public var mechanisms: [String] = []

    public init() {}

    public mutating func code<Coder: FieldCoder & ~Copyable>(with coder: inout Coder) throws(KafkaCodecError)
    {
        try coder.field("errorCode", &errorCode)
        try coder.field("mechanisms", &mechanisms)
    }
}
