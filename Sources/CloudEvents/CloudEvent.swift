// SPDX-License-Identifier: Apache-2.0

// The event: what every protocol of Apus is translated to and from.

/// An event as defined by CloudEvents 1.0.2.
///
/// `init` refuses values that break the specification. Properties can be changed afterwards without a check;
/// call ``validate()`` before handing a changed event on.
public struct CloudEvent: Sendable, Hashable {
    /// The version of the specification that every event here follows (`specversion`).
    public static let specVersion = "1.0"

    /// Identifies the event: `source` and `id` together are unique. Not empty.
    public var id: String
    /// The context in which the event happened: a URI-reference (RFC 3986), not empty.
    public var source: String
    /// The kind of the event, by convention with a reversed DNS name in front. Not empty.
    public var type: String
    /// What the event is about, within its source. Not empty if present.
    public var subject: String?
    /// When the event happened.
    public var time: CloudEventTimestamp?
    /// The media type of the data (RFC 2046).
    public var dataContentType: String?
    /// The schema that the data adheres to: an absolute URI (RFC 3986).
    public var dataSchema: String?
    /// All other context attributes.
    public var extensions: CloudEventExtensions
    /// The payload. Its meaning follows from ``dataContentType``, see ``dataKind``.
    public var data: CloudEventData?

    /// Creates an event.
    ///
    /// - Throws: `CloudEventError` naming the first attribute that breaks the specification.
    public init(
        id: String, source: String, type: String, subject: String? = nil, time: CloudEventTimestamp? = nil,
        dataContentType: String? = nil, dataSchema: String? = nil,
        extensions: CloudEventExtensions = CloudEventExtensions(), data: CloudEventData? = nil
    ) throws(CloudEventError) {
        self.init(
            checkedID: id, source: source, type: type, subject: subject, time: time,
            dataContentType: dataContentType, dataSchema: dataSchema, extensions: extensions, data: data)
        try validate()
    }

    /// For decoders, which check each attribute as they read it.
    init(
        checkedID id: String, source: String, type: String, subject: String?, time: CloudEventTimestamp?,
        dataContentType: String?, dataSchema: String?, extensions: CloudEventExtensions,
        data: CloudEventData?
    ) {
        self.id = id
        self.source = source
        self.type = type
        self.subject = subject
        self.time = time
        self.dataContentType = dataContentType
        self.dataSchema = dataSchema
        self.extensions = extensions
        self.data = data
    }
}

extension CloudEvent {
    /// Checks every attribute again, after properties were changed.
    ///
    /// - Throws: `CloudEventError` naming the first attribute that breaks the specification.
    public func validate() throws(CloudEventError) {
        try Self.check(id, .id)
        try Self.check(source, .source)
        try Self.check(type, .type)
        if let subject { try Self.check(subject, .subject) }
        if let dataContentType { try Self.check(dataContentType, .dataContentType) }
        if let dataSchema { try Self.check(dataSchema, .dataSchema) }
    }

    private static func check(_ value: String, _ attribute: CoreAttribute) throws(CloudEventError) {
        var value = value
        let rule = value.withUTF8 { attribute.violation(in: UnsafeRawBufferPointer($0)) }
        if let rule { throw CloudEventError(rule, attribute: attribute.name, seen: value) }
    }
}
