// SPDX-License-Identifier: Apache-2.0

// Tests of a text that no index finds. The matcher tries each by itself, but only on texts that begin with the
// test's head. Each takes time in proportion to the text.

/// One test of a text.
indirect enum TextTest: Sendable, Hashable {
    /// The words of a routing key.
    case topic(TopicPattern)
    /// SQL's LIKE.
    case like(LikePattern)
    /// A text anywhere inside.
    case contains(ContainedText)
    /// The text of an integer of 32 bits, as CESQL reads it.
    case integer(IntegerRange)
    /// The text is a JSON array, and one of its elements passes one of these.
    case element([PatternTest])
    /// As `element` if the text is a JSON array; otherwise the text itself passes one of these.
    case value([PatternTest])

    /// What every text that passes begins with.
    var head: [UInt8] {
        switch self {
        case .topic(let topic): topic.head
        case .like(let like): like.head
        case .element: [0x5B]
        case .contains, .integer, .value: []
        }
    }

    /// Whether a text passes.
    func passes(_ text: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .topic(let topic): topic.matches(text)
        case .like(let like): like.matches(text)
        case .contains(let contained): contained.isIn(text)
        case .integer(let range): CESQLCast.integer(of: text).map { range.contains($0) } ?? false
        case .element(let tests):
            EventValue(elementsOf: text)?.leaves.contains { leaf in tests.contains { leaf.passes($0) } }
                ?? false
        case .value(let tests):
            (EventValue(elementsOf: text) ?? .attribute(Array(text))).leaves.contains { leaf in
                tests.contains { leaf.passes($0) }
            }
        }
    }

    /// The operator's word in a pattern.
    var operatorName: String {
        switch self {
        case .topic: "topic"
        case .like: "like"
        case .contains: "contains"
        case .integer: "integer"
        case .element: "element"
        case .value: "value"
        }
    }
}

extension EventValue {
    /// The elements, if the text is a JSON array.
    fileprivate init?(elementsOf text: UnsafeRawBufferPointer) {
        guard text.first == 0x5B, let value = EventValue(json: Array(text)) else { return nil }
        self = value
    }
}

/// A text to be found anywhere in another.
struct ContainedText: Sendable, Hashable {
    /// As written.
    let text: [UInt8]
    /// Whether case counts.
    let ignoresCase: Bool
    private let piece: Piece?

    init(_ text: [UInt8], ignoresCase: Bool) {
        self.text = text
        self.ignoresCase = ignoresCase
        self.piece = text.isEmpty ? nil : Piece(ignoresCase ? CaseFolding.folded(text) : text)
    }

    func isIn(_ other: UnsafeRawBufferPointer) -> Bool {
        guard let piece else { return true }
        guard ignoresCase else { return piece.end(in: other, from: 0, to: other.count) != nil }
        var folded: [UInt8] = []
        CaseFolding.append(folded: other, to: &folded)
        return folded.withUnsafeBytes { piece.end(in: $0, from: 0, to: $0.count) != nil }
    }
}

/// The integers of 32 bits between two bounds, both included.
struct IntegerRange: Sendable, Hashable {
    let lower: Int32
    let upper: Int32

    /// Nil if there is no room between the bounds.
    init?(_ lower: Int64, _ upper: Int64) {
        let lower = max(lower, Int64(Int32.min))
        let upper = min(upper, Int64(Int32.max))
        guard lower <= upper else { return nil }
        self.lower = Int32(truncatingIfNeeded: lower)
        self.upper = Int32(truncatingIfNeeded: upper)
    }

    /// The range with these bounds; nil if they are no integers of 32 bits or leave no room.
    init?(_ range: NumericRange) {
        var lower = Int64(Int32.min)
        var upper = Int64(Int32.max)
        if let bound = range.lower {
            guard let value = Int32(String(decoding: bound.number.text, as: UTF8.self)) else { return nil }
            lower = Int64(value) + (bound.isIncluded ? 0 : 1)
        }
        if let bound = range.upper {
            guard let value = Int32(String(decoding: bound.number.text, as: UTF8.self)) else { return nil }
            upper = Int64(value) - (bound.isIncluded ? 0 : 1)
        }
        self.init(lower, upper)
    }

    func contains(_ value: Int32) -> Bool { lower <= value && value <= upper }

    /// The range as bounds of a pattern; the greatest range keeps its lower one.
    var bounds: NumericRange {
        var range = NumericRange()
        if lower > .min || upper == .max { range.lower = Self.bound(lower) }
        if upper < .max { range.upper = Self.bound(upper) }
        return range
    }

    private static func bound(_ value: Int32) -> NumericRange.Bound {
        NumericRange.Bound(number: PatternNumber(text: Array(String(value).utf8)), isIncluded: true)
    }
}
