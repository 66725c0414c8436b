// SPDX-License-Identifier: Apache-2.0

// Data as JSON, by Foundation's encoder and decoder: what people know, with the strategies that they know.

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Data as JSON.
public struct JSONEventCodec: EventCodec {
    /// Dates as RFC 3339 text, bytes as Base64, names as they are in Swift.
    public static let standard = JSONEventCodec(configure: { encoder, decoder in
        encoder.dateEncodingStrategy = .iso8601
        decoder.dateDecodingStrategy = .iso8601
    })

    public let contentType: String
    private let encoder: JSONEncoder
    private let decoder: JSONDecoder

    /// Data as JSON, written and read as a closure says.
    ///
    /// ```swift
    /// static let codec: any EventCodec = JSONEventCodec { encoder, decoder in
    ///     encoder.keyEncodingStrategy = .convertToSnakeCase
    ///     decoder.keyDecodingStrategy = .convertFromSnakeCase
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - contentType: the media type to say.
    ///   - configure: sets the strategies, once; neither may be changed afterwards.
    public init(
        contentType: String = "application/json", configure: (JSONEncoder, JSONDecoder) -> Void
    ) {
        self.contentType = contentType
        encoder = JSONEncoder()
        decoder = JSONDecoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        configure(encoder, decoder)
    }

    public func encode(_ value: some Encodable) throws -> [UInt8] {
        Array(try encoder.encode(value))
    }

    public func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], contentType: String?
    ) throws -> Value {
        try decoder.decode(type, from: Data(bytes))
    }
}
