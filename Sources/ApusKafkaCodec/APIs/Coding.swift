// SPDX-License-Identifier: Apache-2.0

// Requests and responses to bytes and back, with and without frame and header. These functions are not generic:
// what they call is specialised here, once, for all who use the codec.

public import NIOCore

extension KafkaRequest {
    /// Reads the body of a request: what follows the header in its frame.
    ///
    /// - Throws: `KafkaCodecError`: `unknownAPI` and `unsupportedVersion` when the header asks for what Apus does
    ///   not speak, others when the bytes are no such request.
    public init(
        reading body: ByteBuffer, after header: KafkaRequestHeader, limits: KafkaCodecLimits = .init()
    ) throws(KafkaCodecError) {
        guard let api = header.api else {
            throw KafkaCodecError(.unknownAPI(key: header.apiKey), in: "apiKey", at: 0)
        }
        try self.init(reading: body, of: api, version: header.version, limits: limits)
    }

    /// Reads a request without its header.
    ///
    /// - Throws: `KafkaCodecError` when the bytes are no such request, or the version is not supported.
    public init(
        reading body: ByteBuffer, of api: APIKey, version: Int16, limits: KafkaCodecLimits = .init()
    ) throws(KafkaCodecError) {
        let versions = try SupportedVersions.checked(api, version)
        self = try KafkaDecoder.read(
            body, version: version, isFlexible: versions.isFlexible(version), limits: limits
        ) { decoder throws(KafkaCodecError) in
            // Bytes behind the last field are ignored, as Kafka does: librdkafka leaves three behind its request for the metadata of
            // all topics.
            var message = KafkaRequest(api)
            try message.code(with: &decoder)
            return message
        }
    }

    /// The request as a frame: buffers to write one after another.
    ///
    /// - Throws: `KafkaCodecError` when it has what this version cannot express.
    public func frame(
        version: Int16, correlationID: Int32, clientID: String? = nil
    ) throws(KafkaCodecError) -> [ByteBuffer] {
        let versions = try SupportedVersions.checked(api, version)
        var encoder = KafkaEncoder(version: version, isFlexible: versions.isFlexible(version))
        encoder.openFrame()
        let header = KafkaRequestHeader(
            api, version: version, correlationID: correlationID, clientID: clientID)
        try header.encode(with: &encoder)
        try encode(with: &encoder)
        return try encoder.closeFrame()
    }

    /// The request without frame and header.
    ///
    /// - Throws: `KafkaCodecError` when it has what this version cannot express.
    public func body(version: Int16) throws(KafkaCodecError) -> [ByteBuffer] {
        let versions = try SupportedVersions.checked(api, version)
        var encoder = KafkaEncoder(version: version, isFlexible: versions.isFlexible(version))
        try encode(with: &encoder)
        return encoder.pieces()
    }

    private func encode(with encoder: inout KafkaEncoder) throws(KafkaCodecError) {
        var message = self
        try message.code(with: &encoder)
    }
}

extension KafkaResponse {
    /// Reads the body of a response: what follows the header in its frame.
    ///
    /// - Throws: `KafkaCodecError` when the bytes are no such response, or the version is not supported.
    public init(
        reading body: ByteBuffer, of api: APIKey, version: Int16, limits: KafkaCodecLimits = .init()
    ) throws(KafkaCodecError) {
        let versions = try SupportedVersions.checked(api, version)
        self = try KafkaDecoder.read(
            body, version: version, isFlexible: versions.isFlexible(version), limits: limits
        ) { decoder throws(KafkaCodecError) in
            var message = KafkaResponse(api)
            try message.code(with: &decoder)
            try decoder.finish()
            return message
        }
    }

    /// The response as a frame: buffers to write one after another. Record data is not copied but one of them,
    /// unless it is short.
    ///
    /// - Throws: `KafkaCodecError` when it has what this version cannot express.
    public func frame(version: Int16, correlationID: Int32) throws(KafkaCodecError) -> [ByteBuffer] {
        let versions = try SupportedVersions.checked(api, version)
        var encoder = KafkaEncoder(version: version, isFlexible: versions.isFlexible(version))
        encoder.openFrame()
        var correlationID = correlationID
        try encoder.field("correlationID", &correlationID)
        if KafkaResponseHeader.hasTags(api, version: version) { try encoder.noTags() }
        try encode(with: &encoder)
        return try encoder.closeFrame()
    }

    /// The response without frame and header.
    ///
    /// - Throws: `KafkaCodecError` when it has what this version cannot express.
    public func body(version: Int16) throws(KafkaCodecError) -> [ByteBuffer] {
        let versions = try SupportedVersions.checked(api, version)
        var encoder = KafkaEncoder(version: version, isFlexible: versions.isFlexible(version))
        try encode(with: &encoder)
        return encoder.pieces()
    }

    private func encode(with encoder: inout KafkaEncoder) throws(KafkaCodecError) {
        var message = self
        try message.code(with: &encoder)
    }
}

extension SupportedVersions {
    /// The versions of an API, of which `version` is one.
    static func checked(_ api: APIKey, _ version: Int16) throws(KafkaCodecError) -> SupportedVersions {
        let versions = self[api]
        guard versions.contains(version) else {
            throw KafkaCodecError(.unsupportedVersion(api, version: version), in: "version", at: 0)
        }
        return versions
    }

    /// What ApiVersions tells, in the order of the keys.
    public static var advertised: [APIVersionsResponse.Range] {
        APIKey.allCases.map { api in
            APIVersionsResponse.Range {
                $0.apiKey = api.rawValue
                $0.minVersion = self[api].advertisedMin
                $0.maxVersion = self[api].advertisedMax
            }
        }
    }
}
