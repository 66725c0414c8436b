// SPDX-License-Identifier: Apache-2.0

// From a key path to the name of a field in the data. Key paths know properties, patterns know JSON, and what lies between is the codec: coding keys, nested
// containers, strategies, code by hand. So the codec is asked: two events that differ in one stored value only are written, and where the texts differ is
// where that value went. The events come from a decoder that makes values up.

import ApusBus
import JSONText

/// Finds fields of one kind of event.
enum FieldFinder<Root: Event> {
    /// The value as JSON, as the kind's codec writes it.
    static func json(_ value: some Encodable) throws(BusError) -> JSONValue {
        guard Root.codec.contentType.contains("json") else {
            throw .invalid(
                "\(Root.self) is written as \(Root.codec.contentType): key paths lead into JSON only; use a pattern as text"
            )
        }
        do {
            // In a list, because not every encoder writes a lone value.
            let text = try Root.codec.encode([Alone(value)])
            guard let first = try JSONValue(parsing: text).array?.first else { throw Unreadable() }
            return first
        } catch {
            throw .invalid("a value in a condition on \(Root.self) cannot be written: \(ErrorText.of(error))")
        }
    }

    private struct Unreadable: Error {}

    /// Encodes as what it holds; a list of existentials would not be `Encodable`.
    private struct Alone: Encodable {
        let write: (any Encoder) throws -> Void
        init(_ value: some Encodable) { write = value.encode }
        func encode(to encoder: any Encoder) throws { try write(encoder) }
    }

    /// The names from the data's root to the field that a key path reads.
    ///
    /// - Parameters:
    ///   - field: the key path.
    ///   - known: a value of the field, for types of which none can be made up.
    static func path<Value: Codable & Equatable>(
        of field: KeyPath<Root, Value>, known: Value?
    ) throws(BusError) -> [String] {
        let path = try place(of: field, known: known)
        guard let names = names(path) else {
            throw .invalid(
                "\(field) is an element of a list, and patterns cannot tell which: use .contains, or a pattern as text"
            )
        }
        return names
    }

    /// The names to a list.
    static func path<Value: Codable & Equatable>(
        ofList field: KeyPath<Root, [Value]>, known: [Value]
    ) throws(BusError) -> [String] {
        guard let names = names(try place(of: field, known: known)) else {
            throw .invalid("\(field) is a list within a list: use a pattern as text")
        }
        return names
    }

    private static func names(_ path: [JSONStep]) -> [String]? {
        var names: [String] = []
        for step in path {
            guard case .name(let name) = step else { return nil }
            names.append(name)
        }
        return names
    }

    private static func place<Value: Codable & Equatable>(
        of field: KeyPath<Root, Value>, known: Value?
    ) throws(BusError) -> [JSONStep] {
        let probe = Probe(known: known)
        let base: Root
        do { base = try probe.make(Root.self, changing: nil) } catch {
            throw .invalid("\(field): \(ErrorText.of(error))")
        }
        let value = base[keyPath: field]
        let baseText = try json(base)
        var found: Set<[JSONStep]> = []
        for leaf in 0..<probe.leaves {
            // A combination that the type refuses says nothing of the field.
            guard let other = try? probe.make(Root.self, changing: leaf), other[keyPath: field] != value
            else {
                continue
            }
            let otherValue = other[keyPath: field]
            let places = JSONDifference.places(baseText, try json(other))
            guard let place = place(of: try json(value), try json(otherValue), among: places) else {
                throw .invalid(
                    "\(field) is not a field of \(Root.self)'s data as it stands there, but made from it")
            }
            found.insert(place)
        }
        if found.isEmpty, let only = probe.unchangeable, found.insert(only.map(JSONStep.name)).inserted,
            baseText.value(at: only) != (try json(value))
        {
            found = []
        }
        guard let place = found.first, found.count == 1 else {
            throw .invalid(
                found.isEmpty
                    ? "\(field) reads no field of \(Root.self)'s data that could be found: if it is an enumeration, make it CaseIterable, or use a pattern as text"
                    : "\(field) reads several fields of \(Root.self)'s data")
        }
        return place
    }

    /// Where both values stand, if that explains all differences.
    private static func place(
        of value: JSONValue, _ other: JSONValue, among places: [JSONDifference.Place]
    ) -> [JSONStep]? {
        // A list or an object differs inside, and is found above that.
        guard var path = places.first?.path else { return nil }
        let inner = JSONDifference.places(value, other)
        guard inner.count == places.count else { return nil }
        for (own, place) in zip(inner, places) {
            guard place.path.count >= own.path.count, Array(place.path.suffix(own.path.count)) == own.path,
                place.left == own.left, place.right == own.right
            else { return nil }
            path = Array(place.path.dropLast(own.path.count))
        }
        return path
    }
}

/// One step into a JSON value.
enum JSONStep: Hashable {
    case name(String)
    case index(Int)
}

/// Where two JSON values differ.
enum JSONDifference {
    struct Place {
        var path: [JSONStep]
        /// Nil where there is nothing.
        var left: JSONValue?
        var right: JSONValue?
    }

    static func places(_ left: JSONValue, _ right: JSONValue) -> [Place] {
        var places: [Place] = []
        collect(left, right, [], &places)
        return places
    }

    private static func collect(
        _ left: JSONValue?, _ right: JSONValue?, _ path: [JSONStep], _ places: inout [Place]
    ) {
        guard left != right else { return }
        switch (left, right) {
        case (.object(let own), .object(let other)):
            // Encoders write members in any order.
            for name in Set(own.members.map(\.name) + other.members.map(\.name)).sorted() {
                collect(own[name], other[name], path + [.name(name)], &places)
            }
        case (.array(let own), .array(let other)):
            for index in 0..<max(own.count, other.count) {
                collect(
                    own.indices.contains(index) ? own[index] : nil,
                    other.indices.contains(index) ? other[index] : nil, path + [.index(index)], &places)
            }
        default: places.append(Place(path: path, left: left, right: right))
        }
    }
}

extension JSONValue {
    fileprivate func value(at path: [String]) -> JSONValue? {
        path.reduce(JSONValue?.some(self)) { value, name in value?[name] }
    }
}
