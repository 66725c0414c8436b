// SPDX-License-Identifier: Apache-2.0

// What a pass over the data found: places in memory, not copies.

import JSONText

/// The value at the end of a path.
struct Finding: Sendable, Hashable {
    /// Where the value is and what it is.
    enum Value: Sendable, Hashable {
        /// JSON text in the data.
        case json(Range<Int>, JSONKind)
        /// Text of elements, in ``Findings/texts``.
        case text(Range<Int>)
        /// Text of an XML attribute, in ``Findings/attributes``.
        case attribute(Range<Int>)
        /// The data as it is, which is text.
        case whole
    }

    let path: Int
    var value: Value
}

/// Everything that the paths led to, in the order of the data.
struct Findings: Sendable {
    /// Character data of XML elements that a path leads to, as it came.
    var texts: [UInt8] = []
    /// Values of XML attributes.
    var attributes: [UInt8] = []
    /// By the number of the path.
    private(set) var values: [[Finding.Value]]

    init(pathCount: Int) { values = Array(repeating: [], count: pathCount) }

    mutating func take(_ found: [Finding?]) {
        for case let finding? in found { values[finding.path].append(finding.value) }
    }
}
