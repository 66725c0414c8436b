// SPDX-License-Identifier: Apache-2.0

// From what a person typed to an event in the JSON format (CloudEvents 1.0, JSON event format).

internal import ApusClient
internal import CloudEvents
internal import JSONText

/// An extension attribute of an event.
package struct EventAttribute: Sendable, Hashable {
    /// Its name: lower-case ASCII letters and digits (CloudEvents 1.0, "Attribute Naming Convention").
    package let name: String
    /// Its value, as text.
    package let value: String

    /// An attribute, or nil where the name is not allowed or belongs to the specification.
    package init?(_ name: String, _ value: String) {
        let isAllowed = name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        guard !name.isEmpty, isAllowed, !EventAttribute.reserved.contains(name) else { return nil }
        self.name = name
        self.value = value
    }

    private static let reserved: Set<String> = [
        "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data",
    ]
}

/// The attributes for data that comes without any.
package struct EventTemplate: Sendable {
    /// `id`; a fresh one for each event when nil.
    package var id: String?
    /// `type`.
    package var type = "apus.message"
    /// `source`.
    package var source = "/apus/cli"
    /// `subject`, if any.
    package var subject: String?
    /// `partitionkey`, if any: decides partition and order.
    package var key: String?
    /// `datacontenttype`; found out from the data when nil.
    package var contentType: String?
    /// Extension attributes.
    package var extensions: [EventAttribute] = []

    /// The usual attributes.
    package init() {}

    /// An event with these attributes around `data`.
    ///
    /// JSON goes in as it is written, text as a string, everything else as Base64.
    ///
    /// - Throws: `Failure` if the data is not of the content type that was given.
    package func event(data: [UInt8]) throws(Failure) -> [UInt8] {
        var writer = JSONWriter(capacity: data.count + 256)
        writer.beginObject()
        writer.member("specversion", "1.0")
        writer.member("id", id ?? FreshID.next())
        writer.member("source", source)
        writer.member("type", type)
        if let subject { writer.member("subject", subject) }
        if let key { writer.member("partitionkey", key) }
        for attribute in extensions { writer.member(attribute.name, attribute.value) }
        if !data.isEmpty { try write(data, into: &writer) }
        writer.endObject()
        return writer.bytes
    }

    private func write(_ data: [UInt8], into writer: inout JSONWriter) throws(Failure) {
        let isJSON = (try? JSONValue(parsing: data)) != nil
        switch contentType {
        case let type? where EventTemplate.isJSON(type):
            guard isJSON else {
                throw Failure("the data is not \(type)", fix: "--content-type text/plain", status: .usage)
            }
            writer.member("datacontenttype", type)
            writer.key("data")
            writer.raw(data)
        case nil where isJSON:
            writer.member("datacontenttype", "application/json")
            writer.key("data")
            writer.raw(data)
        default:
            let text = String(validating: data, as: UTF8.self)
            writer.member(
                "datacontenttype", contentType ?? (text == nil ? "application/octet-stream" : "text/plain"))
            if let text {
                writer.member("data", text)
            } else {
                writer.member("data_base64", Base64.encoded(data))
            }
        }
    }

    private static func isJSON(_ type: String) -> Bool {
        let media = type.prefix { $0 != ";" && $0 != " " }.lowercased()
        return media == "application/json" || media == "text/json" || media.hasSuffix("+json")
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: String, _ value: String) {
        key(name)
        string(value)
    }
}

/// Identifiers for events: random UUIDs (RFC 9562, version 4).
enum FreshID {
    static func next() -> String {
        var generator = SystemRandomNumberGenerator()
        let high = generator.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = generator.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let digits = Array(hex(high) + hex(low))
        let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        return parts.map { String(digits[$0]) }.joined(separator: "-")
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
