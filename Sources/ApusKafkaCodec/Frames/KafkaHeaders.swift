// SPDX-License-Identifier: Apache-2.0

// What precedes each request and response. Request headers are of version 1, or 2 where the API is flexible;
// response headers of version 0, or 1 where it is flexible, except that ApiVersions always answers with
// version 0: a client must be able to read it before it knows what the server speaks.

public import NIOCore

/// The header of a request.
public struct KafkaRequestHeader: Sendable, Hashable {
    /// The number of the API.
    public var apiKey: Int16
    /// The version of the API in which the request is written and the response expected.
    public var version: Int16
    /// What the response must carry for the client to know what it answers.
    public var correlationID: Int32
    /// What the client calls itself. Bytes that are not UTF-8 are replaced: it is for people only.
    public var clientID: String?

    /// A header.
    public init(_ api: APIKey, version: Int16, correlationID: Int32, clientID: String? = nil) {
        apiKey = api.rawValue
        self.version = version
        self.correlationID = correlationID
        self.clientID = clientID
    }

    /// The API, if it is one that Apus knows.
    public var api: APIKey? { APIKey(rawValue: apiKey) }

    /// True when Apus speaks this version of this API.
    public var isSupported: Bool { api.map { SupportedVersions[$0].contains(version) } ?? false }

    /// True when the header has tagged fields. What versions of the future have there is not for us to know.
    private var isFlexible: Bool {
        isSupported && (api.map { SupportedVersions[$0].isFlexible(version) } ?? false)
    }

    /// Reads a header from the beginning of a frame and moves behind it.
    ///
    /// A version that Apus does not speak is no error here, since ApiVersions has to be answered in any.
    /// - Throws: `KafkaCodecError` when the bytes are no header.
    public init(reading frame: inout ByteBuffer) throws(KafkaCodecError) {
        let start = frame.readerIndex
        guard
            let (key, version, correlationID, clientLength) = frame.readMultipleIntegers(
                as: (Int16, Int16, Int32, Int16).self)
        else {
            throw KafkaCodecError(
                .truncated(needed: 10, left: frame.readableBytes), in: "request header", at: 0)
        }
        apiKey = key
        self.version = version
        self.correlationID = correlationID
        if clientLength >= 0 {
            let left = frame.readableBytes
            guard let clientID = frame.readString(length: Int(clientLength)) else {
                throw KafkaCodecError(
                    .truncated(needed: Int(clientLength), left: left), in: "clientID", at: 8)
            }
            self.clientID = clientID
        } else if clientLength < -1 {
            throw KafkaCodecError(.negativeLength(Int(clientLength)), in: "clientID", at: 8)
        }
        guard isSupported, isFlexible else { return }
        let length: Int
        do throws(KafkaCodecError) {
            length = try KafkaDecoder.read(
                frame, version: version, isFlexible: true, limits: KafkaCodecLimits()
            ) { decoder throws(KafkaCodecError) in
                try decoder.noTags()
                return decoder.position
            }
        } catch {
            let position = error.position + frame.readerIndex - start
            throw KafkaCodecError(error.reason, in: "request header", at: position)
        }
        frame.moveReaderIndex(forwardBy: length)
    }

    /// Writes the header.
    func encode(with encoder: inout KafkaEncoder) throws(KafkaCodecError) {
        var key = apiKey
        var version = version
        var correlationID = correlationID
        try encoder.field("apiKey", &key)
        try encoder.field("version", &version)
        try encoder.field("correlationID", &correlationID)
        try encoder.clientID(clientID)
        try encoder.noTags()
    }
}

/// The header of a response.
public struct KafkaResponseHeader: Sendable, Hashable {
    /// The correlation id of the request that is answered.
    public var correlationID: Int32

    /// A header.
    public init(correlationID: Int32) { self.correlationID = correlationID }

    /// Reads a header from the beginning of a frame and moves behind it.
    ///
    /// - Throws: `KafkaCodecError` when the bytes are no header.
    public init(
        reading frame: inout ByteBuffer, of api: APIKey, version: Int16
    ) throws(KafkaCodecError) {
        let hasTags = Self.hasTags(api, version: version)
        let length: Int
        (correlationID, length) = try KafkaDecoder.read(
            frame, version: version, isFlexible: hasTags, limits: KafkaCodecLimits()
        ) { decoder throws(KafkaCodecError) in
            var correlationID: Int32 = 0
            try decoder.field("correlationID", &correlationID)
            try decoder.noTags()
            return (correlationID, decoder.position)
        }
        frame.moveReaderIndex(forwardBy: length)
    }

    /// Whether responses of an API have a header with tagged fields.
    static func hasTags(_ api: APIKey, version: Int16) -> Bool {
        api != .apiVersions && SupportedVersions[api].isFlexible(version)
    }
}
