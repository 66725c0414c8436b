// SPDX-License-Identifier: Apache-2.0

// An event as it travels: a CloudEvent in the JSON format (CloudEvents 1.0, JSON event format). The client carries the document
// as it came and offers a view of its parts; it does not judge it, the server did.

public import JSONText

/// A CloudEvent as a JSON object, with a view of its parts.
public struct EventDocument: Sendable, Hashable {
    /// The document as it came.
    public let json: JSONValue

    /// A view of a CloudEvent in the JSON format.
    public init(_ json: JSONValue) { self.json = json }

    /// `id`: unique for each event of a source.
    public var id: String { json["id"]?.string ?? "" }
    /// `source`: where it happened.
    public var source: String { json["source"]?.string ?? "" }
    /// `type`: what happened.
    public var type: String { json["type"]?.string ?? "" }
    /// `subject`: what it happened to, if it says.
    public var subject: String? { json["subject"]?.string }
    /// `time`: when it happened, if it says.
    public var time: String? { json["time"]?.string }
    /// `datacontenttype`, if it says.
    public var dataContentType: String? { json["datacontenttype"]?.string }
    /// `data`: JSON, or text as a string; nil if there is none or it is binary.
    public var data: JSONValue? { json["data"] }
    /// `data_base64`: binary data.
    public var dataBase64: String? { json["data_base64"]?.string }
    /// The document as UTF-8 text, on one line.
    public var bytes: [UInt8] { json.serialized() }

    /// Whether text that is JSON is meant as a CloudEvent: it is an object with a `specversion`. One that lacks another attribute is a
    /// mistake for the server to refuse, and must not pass as the data of some other event.
    public static func isEvent(_ json: JSONValue) -> Bool { json["specversion"]?.string != nil }
}
