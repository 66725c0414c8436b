// SPDX-License-Identifier: Apache-2.0

// A decoder that makes values up: each stored value of a type is a leaf, which has one value and, on demand, another. So events come into being of which only
// the type is known, and two of them differ in a single place.

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Makes values up.
final class Probe {
    /// Why a value cannot be made up.
    struct Impossible: Error, CustomStringConvertible {
        var path: String
        var type: String

        var description: String {
            "no value of \(type) can be made up for '\(path)': make it CaseIterable or optional, or use a pattern as text"
        }
    }

    static let depthMax = 8
    static let leavesMax = 512

    /// A value of a type that cannot be made up otherwise.
    private let known: Any?
    private let knownType: Any.Type
    /// How many leaves the last value had.
    private(set) var leaves = 0
    /// The leaf that is to have its other value.
    private var changing: Int?
    /// Where the value of the known type went that has no other, if there is one place only.
    private var unchangeablePaths: Set<[String]> = []

    init<Value>(known: Value?) {
        self.known = known
        knownType = Value.self
    }

    /// The place of the only leaf that has the known value and no other.
    var unchangeable: [String]? { unchangeablePaths.count == 1 ? unchangeablePaths.first : nil }

    func make<T: Decodable>(_ type: T.Type, changing leaf: Int?) throws -> T {
        leaves = 0
        changing = leaf
        unchangeablePaths = []
        return try T(from: ProbeDecoder(probe: self, codingPath: []))
    }

    /// Whether there is room for what may be left out.
    func hasRoom(_ path: [any CodingKey]) -> Bool { path.count < Self.depthMax && leaves < Self.leavesMax }

    /// A leaf: its value, or its other one.
    func leaf<T>(_ value: T, _ other: T) -> T {
        defer { leaves += 1 }
        return changing == leaves ? other : value
    }

    func value<T: Decodable>(_ type: T.Type, _ path: [any CodingKey]) throws -> T {
        if let special = special(type) { return special }
        if let listed = type as? any CaseIterable.Type, let value = cases(listed) as? T { return value }
        let before = leaves
        let (first, failure) = attempt(type, path)
        if let first { return first }
        leaves = before
        if let value = known as? T {
            unchangeablePaths.insert(path.map(\.stringValue))
            return leaf(value, value)
        }
        if let failure = failure as? Impossible { throw failure }
        throw Impossible(path: path.map(\.stringValue).joined(separator: "."), type: "\(type)")
    }

    private func attempt<T: Decodable>(_ type: T.Type, _ path: [any CodingKey]) -> (T?, (any Error)?) {
        guard path.count < Self.depthMax * 2 else { return (nil, nil) }
        do { return (try T(from: ProbeDecoder(probe: self, codingPath: path)), nil) } catch {
            return (nil, error)
        }
    }

    private func cases<T: CaseIterable>(_ type: T.Type) -> T? {
        let all = Array(T.allCases)
        guard let first = all.first else { return nil }
        return leaf(first, all.count > 1 ? all[1] : first)
    }

    /// Types that read themselves in ways of their own, and encoders treat apart.
    private func special<T>(_ type: T.Type) -> T? {
        switch type {
        case is Date.Type:
            leaf(Date(timeIntervalSinceReferenceDate: 1000), Date(timeIntervalSinceReferenceDate: 2000)) as? T
        case is UUID.Type:
            leaf(
                UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)),
                UUID(uuid: (2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))) as? T
        case is Data.Type: leaf(Data([1]), Data([2])) as? T
        case is Decimal.Type: leaf(Decimal(15) / 10, Decimal(25) / 10) as? T
        case is URL.Type:
            URL(string: "https://a.example/Probe").flatMap { first in
                URL(string: "https://a.example/oTher").map { leaf(first, $0) }
            } as? T
        default: nil
        }
    }
}

private struct ProbeDecoder: Decoder {
    let probe: Probe
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(ProbeKeyed<Key>(probe: probe, codingPath: codingPath))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        ProbeUnkeyed(probe: probe, codingPath: codingPath)
    }
    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        ProbeSingle(probe: probe, codingPath: codingPath)
    }
}

/// What every container makes up.
private protocol Prober {
    var probe: Probe { get }
}

extension Prober {
    func bool() -> Bool { probe.leaf(false, true) }
    // Upper and lower case, so that a property that changes case is told from the field.
    func string() -> String { probe.leaf("Probe", "oTher one") }
    func double() -> Double { probe.leaf(1.5, 2.5) }
    func float() -> Float { probe.leaf(1.5, 2.5) }
    func integer<T: FixedWidthInteger>() -> T { probe.leaf(17, 29) }
}

private struct ProbeKeyed<Key: CodingKey>: KeyedDecodingContainerProtocol, Prober {
    let probe: Probe
    let codingPath: [any CodingKey]
    /// One made-up name, for dictionaries; enumerated keys have none of that name.
    var allKeys: [Key] { Key(stringValue: "probe").map { [$0] } ?? [] }

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) throws -> Bool { !probe.hasRoom(codingPath) }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { bool() }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { string() }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { double() }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { float() }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { integer() }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { integer() }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { integer() }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { integer() }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { integer() }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { integer() }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { integer() }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { integer() }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { integer() }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { integer() }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        try probe.value(type, codingPath + [key])
    }
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        // What may be left out is, where it cannot be made up or would go on for ever.
        probe.hasRoom(codingPath) ? try? probe.value(type, codingPath + [key]) : nil
    }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        KeyedDecodingContainer(ProbeKeyed<Nested>(probe: probe, codingPath: codingPath + [key]))
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        ProbeUnkeyed(probe: probe, codingPath: codingPath + [key])
    }
    func superDecoder() throws -> any Decoder { ProbeDecoder(probe: probe, codingPath: codingPath) }
    func superDecoder(forKey key: Key) throws -> any Decoder {
        ProbeDecoder(probe: probe, codingPath: codingPath + [key])
    }
}

private struct ProbeUnkeyed: UnkeyedDecodingContainer, Prober {
    private struct Index: CodingKey {
        var intValue: Int?
        var stringValue: String { "0" }
        init(intValue: Int) { self.intValue = intValue }
        init?(stringValue: String) { nil }
    }

    let probe: Probe
    let codingPath: [any CodingKey]
    var currentIndex = 0

    init(probe: Probe, codingPath: [any CodingKey]) {
        self.probe = probe
        self.codingPath = codingPath
    }

    /// One element, until that goes on for ever.
    var count: Int? { probe.hasRoom(codingPath) ? 1 : 0 }
    var isAtEnd: Bool { currentIndex >= (count ?? 0) }
    private var path: [any CodingKey] { codingPath + [Index(intValue: currentIndex)] }

    private mutating func next<T>(_ value: T) -> T {
        currentIndex += 1
        return value
    }

    mutating func decodeNil() throws -> Bool { false }
    mutating func decode(_ type: Bool.Type) throws -> Bool { next(bool()) }
    mutating func decode(_ type: String.Type) throws -> String { next(string()) }
    mutating func decode(_ type: Double.Type) throws -> Double { next(double()) }
    mutating func decode(_ type: Float.Type) throws -> Float { next(float()) }
    mutating func decode(_ type: Int.Type) throws -> Int { next(integer()) }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { next(integer()) }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { next(integer()) }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { next(integer()) }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { next(integer()) }
    mutating func decode(_ type: UInt.Type) throws -> UInt { next(integer()) }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { next(integer()) }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 { next(integer()) }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 { next(integer()) }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 { next(integer()) }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { next(try probe.value(type, path)) }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        next(KeyedDecodingContainer(ProbeKeyed<Nested>(probe: probe, codingPath: path)))
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        next(ProbeUnkeyed(probe: probe, codingPath: path))
    }
    mutating func superDecoder() throws -> any Decoder { next(ProbeDecoder(probe: probe, codingPath: path)) }
}

private struct ProbeSingle: SingleValueDecodingContainer, Prober {
    let probe: Probe
    let codingPath: [any CodingKey]

    func decodeNil() -> Bool { !probe.hasRoom(codingPath) }
    func decode(_ type: Bool.Type) throws -> Bool { bool() }
    func decode(_ type: String.Type) throws -> String { string() }
    func decode(_ type: Double.Type) throws -> Double { double() }
    func decode(_ type: Float.Type) throws -> Float { float() }
    func decode(_ type: Int.Type) throws -> Int { integer() }
    func decode(_ type: Int8.Type) throws -> Int8 { integer() }
    func decode(_ type: Int16.Type) throws -> Int16 { integer() }
    func decode(_ type: Int32.Type) throws -> Int32 { integer() }
    func decode(_ type: Int64.Type) throws -> Int64 { integer() }
    func decode(_ type: UInt.Type) throws -> UInt { integer() }
    func decode(_ type: UInt8.Type) throws -> UInt8 { integer() }
    func decode(_ type: UInt16.Type) throws -> UInt16 { integer() }
    func decode(_ type: UInt32.Type) throws -> UInt32 { integer() }
    func decode(_ type: UInt64.Type) throws -> UInt64 { integer() }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try probe.value(type, codingPath) }
}
