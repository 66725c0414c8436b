// SPDX-License-Identifier: Apache-2.0

// A parsed pattern. Names and texts are UTF-8 bytes, because String compares by canonical equivalence
// and two different JSON strings must never match each other.

/// The fields that an object of the event must have: all of `fields`, one of each list in `choices`, and all of
/// `requirements`.
struct PatternObject: Sendable, Hashable {
    /// One named field and what is asked of it.
    struct Field: Sendable, Hashable {
        let name: [UInt8]
        let content: Content
    }

    /// What is asked of a field.
    enum Content: Sendable, Hashable {
        /// Any of these tests must hold for some value at the field.
        case leaf([PatternTest])
        /// The field must be an object, or an array with an element, that fits.
        case object(PatternObject)
    }

    /// The fields, in the order of their names' bytes.
    var fields: [Field] = []
    /// The `$or` list, empty if there is none.
    var choices: [PatternObject] = []
    /// The `$and` list, empty if there is none.
    var requirements: [PatternObject] = []

    /// Whether it asks for nothing.
    var isEmpty: Bool { fields.isEmpty && choices.isEmpty && requirements.isEmpty }
}

/// One alternative of a leaf: a test of a single value (or, for `exists: false`, of its absence).
indirect enum PatternTest: Sendable, Hashable {
    case equals(PatternScalar)
    case equalsIgnoringCase([UInt8])
    case prefix([UInt8])
    case prefixIgnoringCase([UInt8])
    case suffix([UInt8])
    case suffixIgnoringCase([UInt8])
    case wildcard(Wildcard)
    case numeric(NumericRange)
    case cidr(AddressBlock)
    case exists(Bool)
    /// None of the tests holds; they are all `equals`, or all of one operator.
    case anythingBut([PatternTest])
    /// A test of a text for which there is no index: tried by itself where its head fits.
    case text(TextTest)
    /// No value of the field passes any of these, or there is none. Stands alone in its leaf.
    case noneOf([PatternTest])
}

/// A value that can stand in a pattern by itself.
enum PatternScalar: Sendable, Hashable {
    case null
    case bool(Bool)
    case string([UInt8])
    case number(PatternNumber)
}

/// A number with its text, equal to every number of the same value.
struct PatternNumber: Sendable, Hashable {
    /// As written in the pattern.
    let text: [UInt8]
    /// See `DecimalKey`.
    let key: [UInt8]

    /// Creates a number from text that follows the grammar of RFC 8259 section 6.
    init(text: [UInt8]) {
        self.text = text
        self.key = DecimalKey.bytes(of: text)
    }

    static func == (left: Self, right: Self) -> Bool { left.key == right.key }
    func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// The numbers between two bounds, at least one of which is there.
struct NumericRange: Sendable, Hashable {
    /// One end of a range.
    struct Bound: Sendable, Hashable {
        let number: PatternNumber
        let isIncluded: Bool
    }

    var lower: Bound?
    var upper: Bound?

    /// Whether no number lies between the bounds.
    var isEmpty: Bool {
        guard let lower, let upper else { return false }
        if lower.number == upper.number { return !(lower.isIncluded && upper.isIncluded) }
        return !lower.number.key.lexicographicallyPrecedes(upper.number.key)
    }
}
