// SPDX-License-Identifier: Apache-2.0

// Which event format a content type names: how the bindings tell structured and batched mode from binary mode.

/// An event format that a body can be in.
public enum CloudEventFormat: Hashable, Sendable {
    /// `application/cloudevents+json`, and `application/cloudevents-batch+json`.
    case json
    /// `application/cloudevents+xml`, and `application/cloudevents-batch+xml`.
    case xml

    /// The content type of one event.
    public var contentType: String {
        switch self {
        case .json: CloudEventJSONFormat.contentType
        case .xml: CloudEventXMLFormat.contentType
        }
    }

    /// The content type of a batch.
    public var batchContentType: String {
        switch self {
        case .json: CloudEventJSONFormat.batchContentType
        case .xml: CloudEventXMLFormat.batchContentType
        }
    }
}

/// How a message carries events, as its content type tells.
enum ContentMode {
    case binary
    case structured(CloudEventFormat)
    case batch(CloudEventFormat)
    /// A CloudEvents content type of a format that is not read here.
    case unsupported

    @inline(__always)
    init(contentType: UnsafeRawBufferPointer) {
        // Where most differ is looked at first: `application/` is what they have in common.
        guard contentType.count > 12, contentType[12] | 0x20 == 0x63,
            contentType.startsIgnoringCase("application/cloudevents")
        else {
            self = .binary
            return
        }
        self.init(essence: MediaType.essence(of: contentType))
    }

    private init(essence: UnsafeRawBufferPointer) {
        if essence.equalsIgnoringCase("application/cloudevents+json") {
            self = .structured(.json)
        } else if essence.equalsIgnoringCase("application/cloudevents+xml") {
            self = .structured(.xml)
        } else if essence.equalsIgnoringCase("application/cloudevents-batch+json") {
            self = .batch(.json)
        } else if essence.equalsIgnoringCase("application/cloudevents-batch+xml") {
            self = .batch(.xml)
        } else {
            self = .unsupported
        }
    }
}

extension CloudEvent {
    /// Whether the data's own content type would make a reader take binary mode for structured mode.
    var needsStructuredMode: Bool {
        // In place where that can be: every event that is written is asked.
        let known = dataContentType?.utf8.withContiguousStorageIfAvailable {
            UnsafeRawBufferPointer($0).startsIgnoringCase("application/cloudevents")
        }
        if let known { return known }
        guard var type = dataContentType else { return false }
        return type.withUTF8 { UnsafeRawBufferPointer($0).startsIgnoringCase("application/cloudevents") }
    }
}
