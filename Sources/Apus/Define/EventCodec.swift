// SPDX-License-Identifier: Apache-2.0

// How the data of events is written. A value behind a protocol, looked up once for each kind of event, so that a service can speak JSON to one
// partner and XML to another.

/// Makes bytes of the data of events, and the other way round.
public protocol EventCodec: Sendable {
    /// The media type of what it writes, which becomes the event's `datacontenttype`.
    var contentType: String { get }

    /// Writes a value.
    func encode(_ value: some Encodable) throws -> [UInt8]

    /// Reads a value.
    ///
    /// - Parameters:
    ///   - type: what to read.
    ///   - bytes: the data of the event; empty when it has none.
    ///   - contentType: the `datacontenttype` of the event, for codecs that read several.
    func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], contentType: String?
    ) throws -> Value
}
