// SPDX-License-Identifier: Apache-2.0

// The payload: bytes, always. What they mean is said by the event's content type alone, so that an event has
// the same data whichever format or binding carried it.

/// The payload of an event: bytes whose meaning the event's content type tells.
public struct CloudEventData: Sendable, Hashable {
    /// The bytes, encoded as the content type says; text is UTF-8.
    public var bytes: [UInt8]

    /// Creates a payload from bytes.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Creates a payload from text, encoded as UTF-8.
    public init(text: String) { self.bytes = Array(text.utf8) }

    /// The bytes as text, nil if they are not UTF-8.
    public var text: String? { String(validating: bytes, as: UTF8.self) }
}

/// What an event's data is, as its content type tells.
public enum CloudEventDataKind: Hashable, Sendable {
    /// A JSON text: the media type is `*/json` or `*/*+json`.
    case json
    /// An XML document: the media type is `*/xml` or `*/*+xml`.
    case xml
    /// Text: the media type is `text/*`.
    case text
    /// Anything else, also when there is no content type.
    case binary
}

extension CloudEvent {
    /// What the data is, as ``dataContentType`` tells.
    public var dataKind: CloudEventDataKind {
        guard var type = dataContentType else { return .binary }
        return type.withUTF8 { MediaType.kind(of: UnsafeRawBufferPointer($0)) }
    }
}
