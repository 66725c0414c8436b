// SPDX-License-Identifier: Apache-2.0

// OTLP's JSON encoding (OpenTelemetry protocol 1.x): the JSON mapping of protobuf with ids as hexadecimal, enums as numbers, and integers of 64 bits as text.
// What spans, metrics and lines have in common is here: the resource, scopes, attributes.

internal import JSONText
import Tracing

/// What all telemetry of this process says of where it comes from.
struct ExportResource: Sendable {
    private let attributes: [ResourceAttribute]
    /// Who made it: the instrumentation scope's name and version.
    let scope: (name: String, version: String)

    /// The resource of a server.
    ///
    /// - Parameter given: takes the place of what is known here where it has the same names.
    init(_ given: [ResourceAttribute], version: String, instance: String, host: String?) {
        scope = ("apus", version)
        var attributes = [
            ResourceAttribute("service.name", "apus"), ResourceAttribute("service.version", version),
            ResourceAttribute("service.instance.id", instance),
            ResourceAttribute("telemetry.sdk.name", "apus"),
            ResourceAttribute("telemetry.sdk.language", "swift"),
            ResourceAttribute("telemetry.sdk.version", version),
        ]
        if let host { attributes.append(ResourceAttribute("host.name", host)) }
        for attribute in given {
            attributes.removeAll { $0.name == attribute.name }
            attributes.append(attribute)
        }
        self.attributes = attributes
    }

    func write(to writer: inout JSONWriter) {
        writer.key("resource")
        writer.beginObject()
        writer.list("attributes", attributes) { $0.attribute($1.name, $1.value) }
        writer.endObject()
    }
}

extension JSONWriter {
    mutating func object(_ body: (inout JSONWriter) -> Void) {
        beginObject()
        body(&self)
        endObject()
    }

    mutating func list<Elements: Sequence>(
        _ name: StaticString, _ elements: Elements, _ body: (inout JSONWriter, Elements.Element) -> Void
    ) {
        key(name)
        beginArray()
        for element in elements { body(&self, element) }
        endArray()
    }

    mutating func member(_ name: StaticString, _ text: String) {
        key(name)
        string(text)
    }

    /// An integer of 32 bits or an enum, which are numbers.
    mutating func member(_ name: StaticString, number: Int) {
        key(name)
        integer(number)
    }

    /// An integer of 64 bits, which is text.
    mutating func member(_ name: StaticString, wide value: some BinaryInteger) {
        key(name)
        string(String(value))
    }

    mutating func member(_ name: StaticString, time: WallTime) {
        member(name, wide: max(0, time.nanosecondsSinceEpoch))
    }

    mutating func member(_ name: StaticString, double value: Double) {
        key(name)
        number(value)
    }

    /// A double; what is no number has a word, as protobuf's mapping says.
    mutating func number(_ value: Double) {
        if value.isFinite {
            double(value)
        } else {
            string(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
        }
    }

    mutating func scope(_ name: String, _ version: String) {
        key("scope")
        object { writer in
            writer.member("name", name)
            if !version.isEmpty { writer.member("version", version) }
        }
    }

    mutating func attribute(_ name: String, _ text: String) {
        attribute(name) { $0.member("stringValue", text) }
    }

    mutating func attribute(_ name: String, _ value: (inout JSONWriter) -> Void) {
        object { writer in
            writer.member("key", name)
            writer.key("value")
            writer.object(value)
        }
    }

    mutating func attributes(_ attributes: SpanAttributes) {
        guard !attributes.isEmpty else { return }
        // Sorted, so that the same span gives the same text.
        var named: [(name: String, value: SpanAttribute)] = []
        attributes.forEach { named.append(($0, $1)) }
        list("attributes", named.sorted { $0.name < $1.name }) { writer, attribute in
            writer.attribute(attribute.name) { $0.value(attribute.value) }
        }
    }

    /// The members of an `AnyValue`.
    private mutating func value(_ value: SpanAttribute) {
        switch value {
        case .int32(let value): member("intValue", wide: value)
        case .int64(let value): member("intValue", wide: value)
        case .double(let value): member("doubleValue", double: value)
        case .bool(let value):
            key("boolValue")
            bool(value)
        case .string(let value): member("stringValue", value)
        case .stringConvertible(let value): member("stringValue", "\(value)")
        case .int32Array(let values): array(values) { $0.member("intValue", wide: $1) }
        case .int64Array(let values): array(values) { $0.member("intValue", wide: $1) }
        case .doubleArray(let values): array(values) { $0.member("doubleValue", double: $1) }
        case .boolArray(let values):
            array(values) {
                $0.key("boolValue")
                $0.bool($1)
            }
        case .stringArray(let values): array(values) { $0.member("stringValue", $1) }
        case .stringConvertibleArray(let values): array(values) { $0.member("stringValue", "\($1)") }
        default: member("stringValue", "\(value)")
        }
    }

    mutating func array<Element>(_ values: [Element], _ body: (inout JSONWriter, Element) -> Void) {
        key("arrayValue")
        object { writer in
            writer.list("values", values) { writer, value in writer.object { body(&$0, value) } }
        }
    }
}
