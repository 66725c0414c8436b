// SPDX-License-Identifier: Apache-2.0

// An event as bytes in place: what a record's headers and value already are, so that matching copies nothing.

/// An event to match: the places of its attributes and data in memory that the caller keeps alive.
///
/// Reuse one value for many events: `reset()` keeps its memory.
public struct MatchInput {
    /// The name and text of one attribute.
    public struct Attribute {
        /// The name, as CloudEvents spells it (`type`, not `ce_type`).
        public var name: UnsafeRawBufferPointer
        /// The value's canonical text, UTF-8.
        public var value: UnsafeRawBufferPointer
    }

    /// What the data of an event is.
    public enum DataKind: Sendable, Hashable {
        case json, xml
        /// Something else: no pattern on data matches.
        case other
    }

    /// The attributes, `datacontenttype` among them. Of a name given twice, both values count.
    public private(set) var attributes: [Attribute] = []

    /// The data; empty means that the event has none.
    public var data = UnsafeRawBufferPointer(start: nil, count: 0)

    /// How to read the data.
    public var dataKind = DataKind.json

    /// Creates an event without attributes and data.
    public init() {}

    /// Adds an attribute.
    public mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        attributes.append(Attribute(name: name, value: value))
    }

    /// Back to an event without attributes and data.
    public mutating func reset() {
        attributes.removeAll(keepingCapacity: true)
        data = UnsafeRawBufferPointer(start: nil, count: 0)
        dataKind = .json
    }
}
