// SPDX-License-Identifier: Apache-2.0

// Why one event could not be transformed, by a transformation that is right by itself.

public import CloudEvents
public import JSONText

/// The refusal of an event by a transformation.
public struct TransformationFailure: Error, Sendable, Hashable {
    /// What is wrong.
    public enum Reason: Sendable, Hashable {
        /// The path leads to nothing, and the transformation asks for something.
        case missing(path: String)
        /// The data ought to be JSON and is not, at a byte.
        case dataIsNotJSON(JSONError)
        /// The data ought to be XML and is not.
        case dataIsNotXML(reason: String, offset: Int)
        /// Paths lead into JSON, XML and UTF-8 text, and the data is something else.
        case dataHasNoPaths(contentType: String)
        /// What comes out is longer than `limit` bytes.
        case tooLarge(limit: Int)
        /// What comes out is nested deeper than `limit` levels.
        case tooDeep(limit: Int)
        /// A value has a character that XML cannot hold.
        case notXMLText
        /// An attribute gets a value that it cannot have.
        case attribute(CloudEventError.Rule, seen: String)
        /// The new name of a renamed attribute belongs to another attribute of the event.
        case attributeExists(String)
    }

    /// What is wrong.
    public let reason: Reason

    /// The member of the transformation that could not be done, as a JSON pointer.
    public let pointer: String

    /// Creates a failure at a member of a transformation.
    public init(_ reason: Reason, pointer: String) {
        self.reason = reason
        self.pointer = pointer
    }
}

extension TransformationFailure: CustomStringConvertible {
    /// A sentence for people: the member and the reason.
    public var description: String { "transformation failed at '\(pointer)': \(reason)" }
}

extension TransformationFailure.Reason: CustomStringConvertible {
    /// The reason in words.
    public var description: String {
        switch self {
        case .missing(let path): "the event has nothing at \(path)"
        case .dataIsNotJSON(let error): "the data is not JSON: \(error)"
        case .dataIsNotXML(let reason, let offset): "the data is not XML: \(reason) at byte \(offset)"
        case .dataHasNoPaths(let type): "paths lead into JSON, XML and UTF-8 text, and the data is \(type)"
        case .tooLarge(let limit): "what comes out is longer than \(limit) bytes"
        case .tooDeep(let limit): "what comes out is nested deeper than \(limit) levels"
        case .notXMLText: "a value has a character that XML cannot hold"
        case .attribute(let rule, let seen): "the value \(rule.explanation), found \"\(seen)\""
        case .attributeExists(let name): "the event has an attribute '\(name)' already"
        }
    }
}
