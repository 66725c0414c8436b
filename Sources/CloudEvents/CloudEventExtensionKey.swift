// SPDX-License-Identifier: Apache-2.0

// Typed access to extension attributes: a key knows the name, the type and the rule of an attribute, so that
// `event.extensions[.sampledRate]` is an integer whether it came from XML as one or from a header as text.

/// The name and type of an extension attribute.
public struct CloudEventExtensionKey<Value: Sendable>: Sendable {
    /// The attribute's name.
    public let name: String
    let read: @Sendable (CloudEventValue) -> Value?
    let write: @Sendable (Value) -> CloudEventValue

    init(
        _ name: String, read: @escaping @Sendable (CloudEventValue) -> Value?,
        write: @escaping @Sendable (Value) -> CloudEventValue
    ) {
        self.name = name
        self.read = read
        self.write = write
    }
}

extension CloudEventExtensions {
    /// The value of an attribute, nil if it is absent or not of the key's type.
    public subscript<Value>(key: CloudEventExtensionKey<Value>) -> Value? {
        self[key.name].flatMap(key.read)
    }

    /// Sets an attribute; nil removes it.
    ///
    /// - Throws: `CloudEventError` if the name or value is not allowed.
    public mutating func set<Value>(
        _ key: CloudEventExtensionKey<Value>, to value: Value?
    ) throws(CloudEventError) {
        try set(key.name, to: value.map(key.write))
    }
}

// MARK: - Types of keys

extension CloudEventExtensionKey where Value == String {
    /// A key for text.
    public static func string(_ name: String) -> Self { Self(name, read: \.text, write: { .string($0) }) }
    /// A key for absolute URIs.
    public static func uri(_ name: String) -> Self { Self(name, read: \.text, write: { .uri($0) }) }
    /// A key for URI-references.
    public static func uriReference(_ name: String) -> Self {
        Self(name, read: \.text, write: { .uriReference($0) })
    }
}

extension CloudEventExtensionKey where Value == Int32 {
    /// A key for integers, of which those below `minimum` read as absent.
    public static func integer(_ name: String, minimum: Int32 = .min) -> Self {
        Self(
            name, read: { value in value.asInteger.flatMap { $0 >= minimum ? $0 : nil } },
            write: { .integer($0) })
    }
}

extension CloudEventExtensionKey where Value == Bool {
    /// A key for booleans.
    public static func boolean(_ name: String) -> Self {
        Self(name, read: \.asBoolean, write: { .boolean($0) })
    }
}

extension CloudEventExtensionKey where Value == CloudEventTimestamp {
    /// A key for timestamps.
    public static func timestamp(_ name: String) -> Self {
        Self(name, read: \.asTimestamp, write: { .timestamp($0) })
    }
}

extension CloudEventExtensionKey where Value == [UInt8] {
    /// A key for bytes.
    public static func binary(_ name: String) -> Self {
        Self(name, read: \.asBinary, write: { .binary($0) })
    }
}
