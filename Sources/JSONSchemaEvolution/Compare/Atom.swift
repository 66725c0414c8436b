// SPDX-License-Identifier: Apache-2.0

// What is known of a value, piece by piece. A set of such pieces that all hold is what the comparison reasons about: it says of the
// same value what several schemas say, what a branch of an alternative adds, and what a schema that does not accept it tells.

import JSONSchema
import JSONText

/// Kinds of values as bits, whole numbers apart from other numbers.
struct Kinds: OptionSet, Hashable, Sendable {
    let rawValue: UInt8
    static let null = Kinds(rawValue: 1)
    static let bool = Kinds(rawValue: 2)
    static let integer = Kinds(rawValue: 4)
    static let fraction = Kinds(rawValue: 8)
    static let string = Kinds(rawValue: 16)
    static let array = Kinds(rawValue: 32)
    static let object = Kinds(rawValue: 64)
    static let number: Kinds = [.integer, .fraction]
    static let all = Kinds(rawValue: 127)

    /// Each kind by itself.
    var each: [Kinds] {
        (0..<7).map { Kinds(rawValue: 1 << $0) }.filter { contains($0) }
    }

    /// The kinds as schemas name them.
    var names: [String] {
        var names: [String] = []
        if contains(.null) { names.append("null") }
        if contains(.bool) { names.append("boolean") }
        if contains(.fraction) {
            names.append("number")
        } else if contains(.integer) {
            names.append("integer")
        }
        if contains(.string) { names.append("string") }
        if contains(.array) { names.append("array") }
        if contains(.object) { names.append("object") }
        return names
    }

    /// The kind of a value; of a number that is not looked into, both that it can be.
    init(of value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool: self = .bool
        case .number(let number):
            self = ExactNumber(number).map { $0.isInteger ? .integer : .fraction } ?? .number
        case .string: self = .string
        case .array: self = .array
        case .object: self = .object
        }
    }

    init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// A schema in one of the two documents that are compared.
struct Place: Hashable, Sendable {
    /// 0: the schema whose documents are asked about; 1: the schema that is to accept them.
    var side: Int
    var index: Int
}

/// One thing that is known of a value. What is about numbers says nothing of strings, and so on.
indirect enum Atom: Hashable, Sendable {
    /// The schema accepts it.
    case holds(Place)
    /// The schema does not accept it.
    case fails(Place)
    case kinds(Kinds)
    case atLeast(ExactNumber, isExclusive: Bool)
    case atMost(ExactNumber, isExclusive: Bool)
    case notMultiple(ExactNumber)
    case minLength(Int)
    case maxLength(Int)
    case matches(String)
    case misses(String)
    case notFormat(String)
    case differs(JSONValue)
    /// An object has the member.
    case has(String)
    case lacks(String)
    /// If an object has the member, this holds for its value.
    case member(String, [Atom])
    case minProperties(Int)
    case maxProperties(Int)
    /// If an array has the element, this holds for it.
    case item(Int, [Atom])
    case minItems(Int)
    case maxItems(Int)
}

/// Things that all hold for a value, in the order in which they became known.
struct Conjunction: Hashable, Sendable {
    private(set) var atoms: [Atom] = []
    private(set) var set: Set<Atom> = []

    init(_ atoms: [Atom] = []) { for atom in atoms { add(atom) } }

    mutating func add(_ atom: Atom) {
        if set.insert(atom).inserted { atoms.append(atom) }
    }

    func adding(_ more: [Atom]) -> Conjunction {
        var result = self
        for atom in more { result.add(atom) }
        return result
    }

    static func == (left: Conjunction, right: Conjunction) -> Bool { left.set == right.set }

    func hash(into hasher: inout Hasher) { hasher.combine(set) }
}
