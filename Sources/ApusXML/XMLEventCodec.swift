// SPDX-License-Identifier: Apache-2.0

// Data of events as XML, for partners that speak it. Documents are read by the strict reader that CloudEvents' XML format has: no DOCTYPE, hence no entities of
// the document's own and nothing fetched; nesting, attributes, elements and bytes are bounded.

public import Apus

/// Data as XML: a field is an element, or an attribute where it says so.
///
/// ```swift
/// struct Shipped: Event {
///     static let type = "com.example.order.shipped", topic = "shipments"
///     static let codec: any EventCodec = XMLEventCodec(root: "shipped", namespace: "urn:example:shop")
///     @AsAttribute var orderID: String
///     var parcels: [String]
/// }  // <shipped xmlns="urn:example:shop" orderID="o-1"><parcels>p-1</parcels><parcels>p-2</parcels></shipped>
/// ```
///
/// Optional fields that are nil are left out. Dates are RFC 3339 in UTC, bytes Base64, numbers as XML Schema writes them. What is read is found by local name,
/// as an element or an attribute, whatever its prefix; what no field takes is passed over.
public struct XMLEventCodec: EventCodec {
    /// How arrays are written.
    public enum Arrays: Sendable, Hashable {
        /// One element for each item, all with the name of the field. An empty array is no element; a missing one is read as empty.
        case repeated
        /// One element with the name of the field, and in it one for each item with this name.
        case wrapped(item: String)
    }

    public let contentType: String
    /// The name of the root element; nil for the name of the Swift type. What is read may have any.
    public let root: String?
    /// The default namespace of what is written, which what is read has to be in; nil for none, and any.
    public let namespace: String?
    /// Fields that are attributes, by name, at any depth, beside those marked by ``AsAttribute``.
    public let attributes: Set<String>
    /// How arrays are written.
    public let arrays: Arrays

    /// Data as XML.
    ///
    /// - Parameters:
    ///   - root: the name of the root element; nil for the name of the Swift type.
    ///   - namespace: the default namespace.
    ///   - attributes: fields that are attributes, by the names that their coding keys have.
    ///   - arrays: how arrays are written.
    ///   - contentType: the media type to say.
    public init(
        root: String? = nil, namespace: String? = nil, attributes: Set<String> = [],
        arrays: Arrays = .repeated, contentType: String = "application/xml"
    ) {
        self.root = root
        self.namespace = namespace
        self.attributes = attributes
        self.arrays = arrays
        self.contentType = contentType
    }

    /// Writes a value as a document without white space between elements, in UTF-8.
    ///
    /// - Throws: `EncodingError` when XML cannot hold it: a name that is none, a control character, no value in a list.
    public func encode(_ value: some Encodable) throws -> [UInt8] {
        let slot = Slot()
        try ValueEncoder(slot: slot, codingPath: [], codec: self).put(value)
        var writer = DocumentWriter(codec: self)
        try writer.writeDocument(root ?? Self.name(of: Swift.type(of: value)), slot)
        return writer.bytes
    }

    /// Reads a document.
    ///
    /// - Throws: `DecodingError`, which says the line, what was there and what was expected.
    public func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], contentType: String?
    ) throws -> Value {
        if let contentType, !contentType.lowercased().contains("xml") {
            throw Unreadable.document("the data is \(contentType), not XML")
        }
        let element = try XMLElement.parse(bytes, namespace: namespace)
        return try ValueDecoder(source: .element(element), codingPath: [], codec: self).value(type)
    }

    /// The name of a type without what it is in and its parameters.
    private static func name(of type: Any.Type) -> String {
        String(describing: type).prefix { $0 != "<" }.split(separator: ".").last.map(String.init) ?? "event"
    }

    func place(of key: String, _ type: Any.Type) -> Place {
        if let placed = type as? any Placed.Type { return placed.place }
        return attributes.contains(key) ? .attribute : .element
    }
}

/// What a document may be at most; how deep and with how many attributes is the reader's to say.
enum XMLLimits {
    static let bytesMax = 16 << 20
    static let elementsMax = 100_000
    static let depthMax = 100
}
