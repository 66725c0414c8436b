// SPDX-License-Identifier: Apache-2.0

// What a schema is compiled to: flat arrays of plain values that refer to each other by index. `ProgramMemory` is where they lie.

/// A stretch of one of the program's arrays.
struct Span: Hashable, Sendable {
    var start: Int32 = 0
    var count: Int32 = 0

    @inline(__always) var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// Kinds of values as bits, integers apart from other numbers.
enum TypeBits {
    static let null: UInt8 = 1
    static let bool: UInt8 = 2
    static let integer: UInt8 = 4
    static let fraction: UInt8 = 8
    static let string: UInt8 = 16
    static let array: UInt8 = 32
    static let object: UInt8 = 64
    static let all: UInt8 = 127
    static let number: UInt8 = 12
}

/// Kinds of values, as bits, of which a node says so little that it is judged while they are passed over.
enum QuickBits {
    /// Strings: their length at most.
    static let string: UInt8 = 1
    /// Numbers: bounds of up to 18 digits at most.
    static let number: UInt8 = 2
    /// `true`, `false` and `null`.
    static let literal: UInt8 = 4
}

/// Whole numbers from `low` to `high`.
struct NumberRange: Hashable, Sendable {
    var low = Int64.min
    var high = Int64.max

    static let empty = NumberRange(low: 0, high: -1)

    @inline(__always) func contains(_ number: Int64) -> Bool { number >= low && number <= high }
}

/// A compiled schema.
struct Node: Sendable {
    /// What kinds of values may stand here; none for the schema `false`.
    var types = TypeBits.all
    /// Accepts every value: it is passed over.
    var isTrivial = false
    /// Whether something is said of what is left unevaluated.
    var hasRest = false
    /// The kinds of values that are judged by what stands here alone (`QuickBits`).
    var quick: UInt8 = 0
    /// Characters of a string, where `quick` speaks of strings.
    var shortest: Int64 = 0
    var longest: Int64 = .max
    /// Where `quick` speaks of numbers: what whole numbers lie between, and what the next whole number below others does. None
    /// where they are not accepted.
    var wholes = NumberRange()
    var fractions = NumberRange()
    var resource: Int32 = 0
    /// Index into `tables`: the values that may stand here; -1 if any may.
    var values: Int32 = -1
    var object: Int32 = -1
    var array: Int32 = -1
    var unevaluatedProperties: Int32 = -1
    var unevaluatedItems: Int32 = -1
    var strings = Span()
    var numbers = Span()
    /// Schemas that are applied to the same value.
    var inPlace = Span()

    static let none: Int32 = -1
}

/// A condition on a string.
struct StringCheck: Sendable {
    enum Kind: UInt8, Sendable { case minLength, maxLength, pattern, format, encoding, mediaType }

    var kind: Kind
    /// A length, the index of a regular expression, or a format's raw value.
    var value: Int64
}

/// A condition on a number.
struct NumberCheck: Sendable {
    enum Kind: UInt8, Sendable { case minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }

    var kind: Kind
    /// Whether `small` is the number.
    var isSmall: Bool
    var small: Int64
    /// The number as written, in `bytes`.
    var text: Span
}

/// A schema or a choice of schemas applied to the same value.
struct InPlace: Sendable {
    enum Kind: UInt8, Sendable { case all, not, any, one, condition, dynamic }

    var kind: Kind
    /// Nodes in `links`. Of a condition: if, then, else (or -1); of a dynamic reference: where it leads if nobody in the
    /// scope answers to its anchor.
    var nodes: Span
    /// Of a dynamic reference, the index of its anchor.
    var anchor: Int32 = -1
}

/// What an object must be like.
struct ObjectPlan: Sendable {
    /// Declared members, in the order of the schema, and names that are only required.
    var members = Span()
    /// Hash table over `members` in `slots`: a power of two of slots; 0 is empty, else the index in `members` plus 1.
    var slots = Span()
    /// Members with a bit in the table of those that are there.
    var tracked: Int32 = 0
    /// The bits of required members, if there are at most 64 tracked ones.
    var requiredMask: UInt64 = 0
    /// The bits of required members as indexes in `links`.
    var required = Span()
    var patterns = Span()
    var additional: Int32 = -1
    var names: Int32 = -1
    var minimum: Int64 = 0
    var maximum: Int64 = .max
    var dependents = Span()
}

/// A member that the schema knows by name.
struct MemberPlan: Sendable {
    /// Its name in `bytes`, where a quote stands before it, and a quote and a colon behind.
    var name: Span
    /// Whether the name is written in JSON as it is.
    var isPlain: Bool
    var hash: UInt32
    /// Its schema, or -1 if it is only required.
    var node: Int32
    /// Its bit in the table of those that are there, or -1.
    var bit: Int32
}

/// Members whose names match a regular expression.
struct PatternPlan: Sendable {
    var regex: Int32
    var node: Int32
}

/// What must hold when a member is there.
struct DependentPlan: Sendable {
    var bit: Int32
    /// Bits of members that must be there too, in `links`.
    var required: Span
    /// A schema for the object, or -1.
    var node: Int32
    var keyword: Keyword

    /// By which keyword it was asked for.
    enum Keyword: UInt8, Sendable {
        case dependentRequired, dependentSchemas, dependencies

        init(_ name: String) {
            self =
                name == "dependencies"
                ? .dependencies : name == "dependentRequired" ? .dependentRequired : .dependentSchemas
        }
    }
}

/// What an array must be like.
struct ArrayPlan: Sendable {
    /// Nodes of the first elements, in `links`.
    var prefix = Span()
    var items: Int32 = -1
    var contains: Int32 = -1
    var minContains: Int64 = 1
    var maxContains: Int64 = .max
    /// Whether elements found by `contains` count as evaluated (2020-12).
    var containsEvaluates = true
    var minimum: Int64 = 0
    var maximum: Int64 = .max
    var isUnique = false
}

/// Where the table of a regular expression is.
struct RegexPlan: Sendable {
    var classes: Int32
    var rows: Int32
    /// Places in a row; 0 if there is no table.
    var width: Int32
    var start: UInt16
    var acceptsEmpty: Bool
}

/// A set of values, found by hash.
struct ValueTable: Sendable {
    /// In `entries`.
    var entries: Span
    /// A power of two of slots in `slots`; 0 is empty, else the index among the entries plus 1.
    var slots: Span
    /// Whether it comes from `const`.
    var isConstant: Bool
}

/// A value of a set: its hash and its text in `bytes`.
struct ValueEntry: Sendable {
    var hash: UInt64
    var text: Span
}

/// An anchor of a resource that dynamic references can lead to.
struct DynamicAnchor: Sendable {
    var resource: Int32
    var node: Int32
}

/// A program that is being put together.
struct ProgramParts {
    var nodes: [Node] = []
    var strings: [StringCheck] = []
    var numbers: [NumberCheck] = []
    var inPlace: [InPlace] = []
    var objects: [ObjectPlan] = []
    var arrays: [ArrayPlan] = []
    var members: [MemberPlan] = []
    var patterns: [PatternPlan] = []
    var dependents: [DependentPlan] = []
    var tables: [ValueTable] = []
    var entries: [ValueEntry] = []
    var links: [Int32] = []
    var slots: [Int32] = []
    var bytes: [UInt8] = []

    /// Keeps text and says where.
    mutating func add(text: some Collection<UInt8>) -> Span {
        let span = Span(start: Int32(bytes.count), count: Int32(text.count))
        bytes.append(contentsOf: text)
        return span
    }

    /// Keeps indexes and says where.
    mutating func add(links new: [Int32]) -> Span {
        let span = Span(start: Int32(links.count), count: Int32(new.count))
        links.append(contentsOf: new)
        return span
    }

    /// Makes a hash table for `count` things by their hashes.
    mutating func addSlots(_ hashes: [UInt64]) -> Span {
        var size = 4
        while size < hashes.count * 2 { size *= 2 }
        let span = Span(start: Int32(slots.count), count: Int32(size))
        slots.append(contentsOf: repeatElement(0, count: size))
        for (index, hash) in hashes.enumerated() {
            var slot = Int(truncatingIfNeeded: hash) & (size - 1)
            while slots[Int(span.start) + slot] != 0 { slot = (slot + 1) & (size - 1) }
            slots[Int(span.start) + slot] = Int32(index + 1)
        }
        return span
    }
}
