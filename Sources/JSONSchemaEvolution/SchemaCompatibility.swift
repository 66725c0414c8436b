// SPDX-License-Identifier: Apache-2.0

// Compatibility as registries have it, made of comparisons: who reads whose documents, and which versions count.

public import JSONSchema
public import JSONText

/// What a new version of a schema owes to those before it.
public enum SchemaCompatibility: String, Hashable, Sendable, CaseIterable {
    /// Nothing.
    case none
    /// The new version accepts all that the latest one accepted: readers are updated first.
    case backward
    /// The same for all earlier versions.
    case backwardTransitive
    /// The latest version accepts all that the new one accepts: writers are updated first.
    case forward
    /// The same for all earlier versions.
    case forwardTransitive
    /// Both.
    case full
    /// Both, for all earlier versions.
    case fullTransitive

    /// Whether new readers must accept old documents.
    public var isBackward: Bool {
        switch self {
        case .backward, .backwardTransitive, .full, .fullTransitive: true
        case .none, .forward, .forwardTransitive: false
        }
    }

    /// Whether old readers must accept new documents.
    public var isForward: Bool {
        switch self {
        case .forward, .forwardTransitive, .full, .fullTransitive: true
        case .none, .backward, .backwardTransitive: false
        }
    }

    /// Whether all earlier versions count, not only the latest.
    public var isTransitive: Bool {
        switch self {
        case .backwardTransitive, .forwardTransitive, .fullTransitive: true
        case .none, .backward, .forward, .full: false
        }
    }
}

/// In what a new version breaks with an earlier one.
public struct SchemaIncompatibility: Hashable, Sendable {
    /// The earlier version, counted from 0 in the order given.
    public let version: Int
    /// Whether old documents are refused by the new version; otherwise new documents by the old one.
    public let isBackward: Bool
    /// What it is.
    public let difference: SchemaDifference
}

extension SchemaComparison {
    /// What is wrong with a new version, by a mode; nothing if it is compatible.
    ///
    /// - Parameters:
    ///   - new: the new version.
    ///   - earlier: the versions before it, the oldest first.
    ///   - mode: which of them count, and in which direction.
    /// - Throws: `SchemaError` if one of the schemas cannot be compiled.
    public static func check(
        _ new: JSONValue, against earlier: [JSONValue], _ mode: SchemaCompatibility,
        options: Options = Options()
    ) throws(SchemaError) -> [SchemaIncompatibility] {
        guard mode != .none else { return [] }
        let newGraph = try SchemaGraph(new, options: options.schemas, library: options.library)
        var result: [SchemaIncompatibility] = []
        let first = mode.isTransitive ? 0 : max(earlier.count - 1, 0)
        for version in first..<earlier.count {
            let old = try SchemaGraph(earlier[version], options: options.schemas, library: options.library)
            for isBackward in [true, false] where isBackward ? mode.isBackward : mode.isForward {
                var directed = options
                directed.writerIsOld = isBackward
                let found = differences(isBackward ? old : newGraph, isBackward ? newGraph : old, directed)
                result += found.map {
                    SchemaIncompatibility(version: version, isBackward: isBackward, difference: $0)
                }
            }
        }
        return result
    }
}
