// SPDX-License-Identifier: Apache-2.0

// An event as an application defines it: a value, and what the bus has to know of its kind. Everything but the type and the topic has a default.

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// A kind of event: a `Codable` value with a type and a topic.
///
/// ```swift
/// struct OrderPlaced: Event {
///     static let type = "com.example.order.placed", topic = "orders"
///     var orderID: String
///     var region: String
///     var total: Double
///     var key: String { orderID }
/// }
/// ```
public protocol Event: Codable, Sendable {
    /// What ``key-swift.property`` is: a `String`, `UUID`, integer, or an optional of those.
    associatedtype Key: EventAttribute = String?
    /// What ``subject-swift.property`` is.
    associatedtype Subject: EventAttribute = String?

    /// The kind of the event on the wire, by convention with a reversed DNS name in front (`com.shop.order.placed`). Stays the same when the
    /// Swift type is renamed.
    static var type: String { get }
    /// The topic that such events are published to and consumed from.
    static var topic: String { get }
    /// The context in which such events happen: a URI-reference. By default the name of the program, as `/name`.
    static var source: String { get }
    /// The version of the data, from 1. Others than 1 travel as the extension attribute `dataversion`; an ``Upcaster`` makes newer ones of older.
    static var version: Int { get }
    /// The schema that the data adheres to, an absolute URI; empty, the default, for none.
    static var dataSchema: String { get }
    /// How the data is written. By default as JSON.
    static var codec: any EventCodec { get }

    /// Events with the same key are kept in order, where the broker can do that. By default none.
    var key: Key { get }
    /// What the event is about, within its source. By default none.
    var subject: Subject { get }
}

extension Event {
    public static var source: String { ProgramName.source }
    public static var version: Int { 1 }
    public static var dataSchema: String { "" }
    public static var codec: any EventCodec { JSONEventCodec.standard }
}

extension Event where Key == String? {
    public var key: String? { nil }
}

extension Event where Subject == String? {
    public var subject: String? { nil }
}

/// What the key and the subject of an event can be: something with a text.
///
/// A type of its own and not `String?`, so that `var key: String` and `var key: UUID` are taken for what they look like. A key of a type that is
/// none of these would be passed over, as if there were none: enumerations with text or numbers can be declared to conform.
public protocol EventAttribute {
    /// The text of the attribute; nil or empty for none.
    var attributeText: String? { get }
}

extension String: EventAttribute {
    public var attributeText: String? { self }
}

extension Substring: EventAttribute {
    public var attributeText: String? { String(self) }
}

extension Int: EventAttribute {
    public var attributeText: String? { String(self) }
}

extension Int64: EventAttribute {
    public var attributeText: String? { String(self) }
}

extension Int32: EventAttribute {
    public var attributeText: String? { String(self) }
}

extension UInt64: EventAttribute {
    public var attributeText: String? { String(self) }
}

extension UUID: EventAttribute {
    public var attributeText: String? { uuidString.lowercased() }
}

extension Optional: EventAttribute where Wrapped: EventAttribute {
    public var attributeText: String? { flatMap(\.attributeText) }
}

extension RawRepresentable where Self: EventAttribute, RawValue: EventAttribute {
    public var attributeText: String? { rawValue.attributeText }
}

/// What this program is called, for those who do not say.
enum ProgramName {
    /// The last part of the path it was started by; `apus-app` when there is none.
    static let name: String = {
        let path = CommandLine.arguments.first ?? ""
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        let safe = String(decoding: last.utf8.map { isPlain($0) ? $0 : UInt8(ascii: "-") }, as: UTF8.self)
        return safe.isEmpty ? "apus-app" : safe
    }()

    static let source = "/" + name

    /// Whether a byte can stand in a URI-reference as it is.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
