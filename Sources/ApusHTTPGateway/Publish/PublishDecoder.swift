// SPDX-License-Identifier: Apache-2.0

// From an HTTP request to events: the CloudEvents HTTP binding, and for requests that know nothing of CloudEvents an event made
// around their body.

internal import ApusHTTPCodec
internal import ApusModel
internal import CloudEvents
internal import NIOCore

/// What a request asks to publish.
struct PublishRequest: Sendable {
    var events: [CloudEvent]
    var isBatch: Bool
    var key: String?
    var timing = PublishTiming()
    /// The trace that the publish is part of, if any.
    var trace: RequestTrace?
}

/// Reads requests to publish.
enum PublishDecoder {
    /// The type of events made around a body that came without CloudEvents attributes.
    static let plainType = "apus.http.message"

    /// Whether the body is one event or several in an event format, so that it must be parsed.
    static func isStructured(_ head: HTTPRequestHead) -> Bool {
        head.withContentTypeBytes { isEventFormat($0) } ?? false
    }

    /// The events of a request to `topic`.
    static func decode(
        _ head: HTTPRequestHead, _ body: ByteBuffer, topic: ResourceName
    ) throws(CloudEventError) -> PublishRequest {
        var decoder = CloudEventHTTPDecoder()
        var hasAttributes = false
        try head.forEachField {
            (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(CloudEventError) in
            if isAttribute(name) { hasAttributes = true }
            try decoder.header(name: name, value: value)
        }
        let bytes = Array(body.readableBytesView)
        guard hasAttributes || isStructured(head) else {
            return PublishRequest(events: [try plainEvent(head, bytes, topic)], isBatch: false)
        }
        switch try decoder.content(body: bytes) {
        case .binary(let event), .structured(let event):
            return PublishRequest(events: [event], isBatch: false)
        case .batch(let events): return PublishRequest(events: events, isBatch: true)
        }
    }

    /// An event around the body of a request that has no attributes.
    private static func plainEvent(
        _ head: HTTPRequestHead, _ bytes: [UInt8], _ topic: ResourceName
    ) throws(CloudEventError) -> CloudEvent {
        var type = head.contentType
        if type?.isEmpty == true { type = nil }
        return try CloudEvent(
            id: freshID(), source: "/v1/topics/\(topic)", type: plainType, dataContentType: type,
            data: bytes.isEmpty ? nil : CloudEventData(bytes))
    }

    /// 128 random bits in hexadecimal.
    private static func freshID() -> String {
        var generator = SystemRandomNumberGenerator()
        return LogID.random(using: &generator).description
    }

    private static func isAttribute(_ name: UnsafeRawBufferPointer) -> Bool {
        name.count > 3 && name[2] == UInt8(ascii: "-") && name[0] | 0x20 == UInt8(ascii: "c")
            && name[1] | 0x20 == UInt8(ascii: "e")
    }

    private static func isEventFormat(_ type: UnsafeRawBufferPointer) -> Bool {
        let prefix: StaticString = "application/cloudevents"
        guard type.count >= prefix.utf8CodeUnitCount else { return false }
        for index in 0..<prefix.utf8CodeUnitCount {
            let byte = type[index]
            let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
            if lower != prefix.utf8Start[index] { return false }
        }
        return true
    }
}
