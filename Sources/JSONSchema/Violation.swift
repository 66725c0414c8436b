// SPDX-License-Identifier: Apache-2.0

// One thing that is wrong with a document, told so that a tired person can mend it.

/// A rule of a schema that a document breaks.
public struct Violation: Hashable, Sendable {
    /// Where in the document: a JSON pointer, empty for the whole document.
    public let instanceLocation: String
    /// Where in the schema: the URI of the resource, if it has one, and a JSON pointer to the keyword as fragment.
    public let schemaLocation: String
    /// The keyword, such as `required`; `false` for a schema that accepts nothing.
    public let rule: String
    /// What stands in the document, shortened.
    public let got: String
    /// What is wrong, in words.
    public let message: String
}

extension Violation: CustomStringConvertible {
    /// A line for people.
    public var description: String {
        "\(instanceLocation.isEmpty ? "the document" : instanceLocation): \(message) (\(schemaLocation))"
    }
}
