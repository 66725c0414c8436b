// SPDX-License-Identifier: Apache-2.0

// A template as it is filled in: pieces of text that are there already, and the variables between them, each with the place that it
// stands at, because that decides how it is quoted.

/// What a template makes.
enum OutputKind: String, Sendable, Hashable, CaseIterable {
    case json
    case xml
    case text

    /// What the data's content type becomes.
    var contentType: String {
        switch self {
        case .json: "application/json"
        case .xml: "application/xml"
        case .text: "text/plain; charset=utf-8"
        }
    }
}

/// A template, parsed.
struct Template: Sendable, Hashable {
    /// A part of what comes out.
    enum Piece: Sendable, Hashable {
        /// Text as it is.
        case literal([UInt8])
        /// A whole JSON value, below `depth` objects and arrays.
        case value(variable: Int, depth: Int)
        /// In a JSON string.
        case inString(variable: Int)
        /// In text that has no syntax.
        case inText(variable: Int)
        /// In XML.
        case inXML(variable: Int, isAttribute: Bool)
    }

    private(set) var pieces: [Piece] = []

    /// The text of a template without variables, nil for all others.
    var constant: [UInt8]? {
        switch pieces.first {
        case nil: []
        case .literal(let text)? where pieces.count == 1: text
        default: nil
        }
    }

    mutating func append(_ piece: Piece) { pieces.append(piece) }

    mutating func append(_ text: some Sequence<UInt8>) {
        if case .literal(var last)? = pieces.last {
            pieces.removeLast()
            last.append(contentsOf: text)
            pieces.append(.literal(last))
        } else {
            pieces.append(.literal(Array(text)))
        }
    }
}
