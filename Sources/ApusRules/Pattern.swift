// SPDX-License-Identifier: Apache-2.0

// A pattern as the rest of Apus sees it: text that was checked, ready to be compiled or explained.

import JSONText

/// A condition on events, in the shape of EventBridge's event patterns, over CloudEvents attributes and data.
///
/// Two patterns are equal when their canonical texts are: order of fields and white space do not count,
/// order of alternatives does.
public struct Pattern: Sendable, Hashable {
    /// The pattern as compact JSON, the fields of every object in the order of their names.
    public let text: String

    let root: PatternObject

    /// The pattern that every event matches: `{}`.
    public static let matchAll = Pattern(root: PatternObject())

    /// Parses a pattern.
    ///
    /// - Parameters:
    ///   - text: JSON, as UTF-8.
    ///   - limits: what the pattern may cost.
    /// - Throws: `PatternError` with the reason, the field and the byte.
    public init(
        parsing text: some Sequence<UInt8>, limits: PatternLimits = PatternLimits()
    ) throws(PatternError) {
        let root = Array(text).withUnsafeBytes { bytes in
            // A Result, because the closure is the standard library's and throws untyped.
            Result { () throws(PatternError) in try PatternParser.parse(bytes, limits: limits) }
        }
        self.init(root: try root.get())
    }

    /// Parses a pattern.
    ///
    /// - Parameters:
    ///   - text: JSON.
    ///   - limits: what the pattern may cost.
    /// - Throws: `PatternError` with the reason, the field and the byte.
    public init(parsing text: String, limits: PatternLimits = PatternLimits()) throws(PatternError) {
        try self.init(parsing: text.utf8, limits: limits)
    }

    init(root: PatternObject) {
        self.root = root
        var writer = JSONWriter()
        writer.pattern(root)
        self.text = String(decoding: writer.bytes, as: UTF8.self)
    }

    // The text says it all, and is cheaper to compare than the tree.

    /// Whether the canonical texts are the same bytes.
    public static func == (left: Pattern, right: Pattern) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    /// Hashes the canonical text.
    public func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}

extension Pattern: CustomStringConvertible {
    /// The canonical text.
    public var description: String { text }
}
