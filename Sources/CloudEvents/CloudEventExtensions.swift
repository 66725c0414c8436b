// SPDX-License-Identifier: Apache-2.0

// Extension attributes: a few pairs in an array sorted by name. Sorted, because their order means nothing and
// events must compare equal however they travelled; an array, because there are few.

/// The extension attributes of an event, in the order of their names.
///
/// Invariants: names are strictly ascending, each is one or more of `a`-`z` and `0`-`9` and none of the names the
/// specification defines; values obey the rules of their type.
public struct CloudEventExtensions: Sendable, Hashable {
    /// A name and its value.
    public struct Element: Sendable, Hashable {
        /// The name.
        public let name: String
        /// The value.
        public let value: CloudEventValue
    }

    private var elements: [Element] = []

    /// Creates an empty set of attributes.
    public init() {}

    /// Creates attributes from pairs.
    ///
    /// - Throws: `CloudEventError` for a name or value that is not allowed, or a name given twice.
    public init(_ pairs: [(String, CloudEventValue)]) throws(CloudEventError) {
        for (name, value) in pairs {
            guard self[name] == nil else { throw CloudEventError(.duplicate, attribute: name) }
            try set(name, to: value)
        }
    }

    /// The value of an attribute, nil if there is none.
    public subscript(name: String) -> CloudEventValue? {
        // Linear: a scan over a handful of short names beats a binary search.
        elements.first { $0.name == name }?.value
    }

    /// Sets an attribute; nil removes it.
    ///
    /// - Throws: `CloudEventError` if the name or value is not allowed.
    public mutating func set(_ name: String, to value: CloudEventValue?) throws(CloudEventError) {
        guard let value else {
            elements.removeAll { $0.name == name }
            return
        }
        var copy = name
        if let rule = copy.withUTF8({ AttributeName.violation(in: UnsafeRawBufferPointer($0)) }) {
            throw CloudEventError(rule, attribute: name)
        }
        if let rule = value.violation {
            throw CloudEventError(rule, attribute: name, seen: value.text)
        }
        if !insert(name, value) {
            elements.removeAll { $0.name == name }
            insert(name, value)
        }
    }

    /// Adds an attribute whose name and value are checked; false if the name is there already.
    @discardableResult
    mutating func insert(_ name: String, _ value: CloudEventValue) -> Bool {
        // Attributes mostly arrive in order: they were written by code like this.
        guard let last = elements.last, last.name >= name else {
            if elements.isEmpty { elements.reserveCapacity(4) }
            elements.append(Element(name: name, value: value))
            return true
        }
        var place = elements.endIndex
        while place > 0 {
            let earlier = elements[place - 1].name
            if earlier < name { break }
            if earlier == name { return false }
            place -= 1
        }
        elements.insert(Element(name: name, value: value), at: place)
        return true
    }
}

extension CloudEventExtensions: RandomAccessCollection {
    /// The first place, 0.
    public var startIndex: Int { 0 }
    /// The number of attributes.
    public var endIndex: Int { elements.count }
    /// The attribute at a place.
    public subscript(position: Int) -> Element { elements[position] }
}

/// The rule for names (specification, "Naming Conventions").
enum AttributeName {
    /// The rule that an extension's name breaks, nil if it is allowed.
    static func violation(in name: UnsafeRawBufferPointer) -> CloudEventError.Rule? {
        guard !name.isEmpty else { return .empty }
        for byte in name where !isAllowed(byte) { return .invalidName }
        return isReserved(name) ? .reservedName : nil
    }

    /// Whether a name is taken by the specification.
    static func isReserved(_ name: UnsafeRawBufferPointer) -> Bool {
        name.equals("data") || CoreAttribute(name: name) != nil
    }

    @inline(__always)
    static func isAllowed(_ byte: UInt8) -> Bool {
        byte &- 0x61 < 26 || byte &- 0x30 < 10
    }
}
