// SPDX-License-Identifier: Apache-2.0

// Namespaces in XML: which prefix stands for what at a place in the document, and which bindings from outside an
// element its content relies on (so that the element can be cut out and still mean the same).

/// The namespace bindings in scope, innermost last.
struct XMLNamespaces {
    struct Binding {
        /// Empty for the default namespace.
        let prefix: [UInt8]
        /// Empty if the default namespace is switched off.
        let uri: [UInt8]
        /// Whether a name looked up since `startTracking()` relies on this binding.
        var isUsed = false
    }

    /// Bindings allowed in scope: lookups are linear.
    static let limit = 64

    private(set) var bindings: [Binding] = []
    /// Bindings before this place are marked when used.
    var trackedCount = 0

    /// The number of bindings in scope; set it back to leave an element.
    var count: Int {
        get { bindings.count }
        set { bindings.removeLast(max(0, bindings.count - newValue)) }
    }

    /// Adds a binding; returns what is wrong with it, nil if nothing is.
    ///
    /// - Parameter outerCount: the bindings before the element that declares it.
    mutating func bind(_ prefix: [UInt8], to uri: [UInt8], outerCount: Int) -> String? {
        if bindings[outerCount...].contains(where: { $0.prefix == prefix }) {
            return "a namespace prefix is declared twice"
        }
        if prefix.elementsEqual("xmlns".utf8) || uri.elementsEqual("http://www.w3.org/2000/xmlns/".utf8) {
            return "the prefix xmlns cannot be declared"
        }
        let isXML = uri.elementsEqual(Self.xml.utf8)
        if prefix.elementsEqual("xml".utf8) != isXML { return "the prefix xml cannot be declared otherwise" }
        if uri.isEmpty, !prefix.isEmpty { return "a namespace prefix is declared as nothing" }
        guard bindings.count < Self.limit else { return "too many namespace declarations" }
        bindings.append(Binding(prefix: prefix, uri: uri))
        return nil
    }

    private static let xml = "http://www.w3.org/XML/1998/namespace"

    /// The namespace that a prefix stands for, nil if it is not declared; an empty prefix is the default.
    mutating func lookUp(_ prefix: UnsafeRawBufferPointer) -> [UInt8]? {
        if let place = place(of: prefix) {
            if place < trackedCount { bindings[place].isUsed = true }
            return bindings[place].uri
        }
        if prefix.isEmpty { return [] }
        return prefix.elementsEqual("xml".utf8) ? Array(Self.xml.utf8) : nil
    }

    /// Marks the binding of the prefix that a value such as `xs:string` may start with.
    mutating func noteQualifiedName(in value: [UInt8]) {
        guard let colon = value.firstIndex(of: 0x3A), colon > 0 else { return }
        value.withUnsafeBytes { value in
            guard let place = place(of: value.slice(0..<colon)), place < trackedCount else { return }
            bindings[place].isUsed = true
        }
    }

    /// The namespace that a prefix stands for, without marking it.
    func uri(of prefix: some Sequence<UInt8>) -> [UInt8]? {
        bindings.last { $0.prefix.elementsEqual(prefix) }?.uri
    }

    private func place(of prefix: UnsafeRawBufferPointer) -> Int? {
        bindings.lastIndex { $0.prefix.count == prefix.count && $0.prefix.elementsEqual(prefix) }
    }

    /// From here on, notes which of the present bindings are used.
    mutating func startTracking() {
        trackedCount = bindings.count
        for place in bindings.indices { bindings[place].isUsed = false }
    }

    /// The bindings used since `startTracking()`, of those that were there.
    mutating func finishTracking() -> [Binding] {
        let used = bindings[..<trackedCount].filter(\.isUsed)
        trackedCount = 0
        return used
    }
}

extension XMLScanner {
    /// The namespace of a name; attributes without prefix have none.
    mutating func resolve(
        _ name: Range<Int>, _ localStart: Int, isAttribute: Bool
    ) throws(CloudEventError) -> [UInt8] {
        let hasPrefix = localStart > name.lowerBound
        if isAttribute, !hasPrefix { return [] }
        let prefix = bytes.slice(name.lowerBound..<(hasPrefix ? localStart - 1 : name.lowerBound))
        guard let namespace = namespaces.lookUp(prefix) else {
            throw failure("the namespace prefix \(String(decoding: prefix, as: UTF8.self)) is not declared")
        }
        return namespace
    }
}
