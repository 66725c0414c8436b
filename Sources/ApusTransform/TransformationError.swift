// SPDX-License-Identifier: Apache-2.0

// Why a text is not a transformation, and where: a JSON pointer to the member, and the byte inside its value.

public import CloudEvents
public import JSONText

/// The refusal of a text as a transformation.
public struct TransformationError: Error, Sendable, Hashable {
    /// What is wrong.
    public enum Reason: Sendable, Hashable {
        /// The text, or a template, is not JSON.
        case json(JSONError.Reason)
        /// A template is not XML.
        case xml(String)
        /// The text, a template, a path or a name is longer than `limit` bytes.
        case tooLong(limit: Int)
        /// There are more than `limit` of what the member lists.
        case tooMany(limit: Int)
        /// The member has a value of the wrong kind.
        case wrongKind(expected: String)
        /// A member that is not known; `hint` names what may be meant.
        case unknownMember(String, hint: String?)
        /// Neither data nor attributes are transformed.
        case nothingToDo
        /// More than one of `input`, `input_path` and `input_template`.
        case severalInputs
        /// The member says something only beside `input_template`.
        case needsTemplate
        /// A variable's name is not one or more of letters, digits, `-` and `_`.
        case variableName(String)
        /// A path breaks the grammar.
        case path(String)
        /// A path names something that an event does not have; `hint` names what may be meant.
        case unknownAttribute(String, hint: String?)
        /// A template uses a variable that is not defined; `known` lists those that are.
        case unknownVariable(String, known: [String])
        /// A variable stands where none can.
        case misplacedVariable(String, place: String)
        /// A backslash in a text template is followed by something other than `<` and `\`.
        case escape
        /// The attribute cannot be changed, and why.
        case fixedAttribute(String)
        /// An attribute is renamed, removed or set twice.
        case attributeTwice(String)
        /// A name or constant value is not allowed.
        case attribute(CloudEventError.Rule)
        /// The content type does not announce what the template makes.
        case contentType(expected: String)
    }

    /// What is wrong.
    public let reason: Reason

    /// The member, as a JSON pointer (RFC 6901); empty for the transformation as a whole.
    public let pointer: String

    /// The place in the value that ``pointer`` names: bytes from the start of its text. Nil where the value as a whole is wrong.
    public let offset: Int?

    /// Creates an error for a place in a transformation.
    public init(_ reason: Reason, pointer: String, offset: Int? = nil) {
        self.reason = reason
        self.pointer = pointer
        self.offset = offset
    }
}

extension TransformationError: CustomStringConvertible {
    /// A sentence for people: the member, the reason and the place.
    public var description: String {
        let place = pointer.isEmpty ? "transformation" : "transformation member '\(pointer)'"
        return "\(place): \(reason)" + (offset.map { " (at byte \($0))" } ?? "")
    }
}

extension TransformationError.Reason: CustomStringConvertible {
    /// The reason in words, with what to do about it.
    public var description: String {
        switch self {
        case .json(let reason): "\(reason)"
        case .xml(let reason): "not XML: \(reason)"
        case .tooLong(let limit): "longer than \(limit) bytes"
        case .tooMany(let limit): "more than \(limit)"
        case .wrongKind(let expected): "must be \(expected)"
        case .unknownMember(let name, let hint): "unknown member '\(name)'\(Self.meant(hint))"
        case .nothingToDo: "needs 'input_template', 'input_path', 'input' or 'attributes'"
        case .severalInputs: "has more than one of 'input_template', 'input_path' and 'input'"
        case .needsTemplate: "says something only beside 'input_template' or a template in 'attributes'"
        case .variableName(let name):
            "'\(name)' cannot be a variable: letters, digits, '-' and '_' can be in its name"
        case .path(let reason): "not a path: \(reason)"
        case .unknownAttribute(let name, let hint):
            "'\(name)' is neither 'data' nor an attribute (lower-case letters and digits)\(Self.meant(hint))"
        case .unknownVariable(let name, let known):
            "variable '\(name)' is not in 'input_paths'"
                + (known.isEmpty ? "" : "; known are \(known.joined(separator: ", "))")
                + "; to write '<' itself, see 'Escapes' in the documentation"
        case .misplacedVariable(let name, let place): "variable '\(name)' cannot stand in \(place)"
        case .escape: "a backslash stands before '<' or another backslash only"
        case .fixedAttribute(let reason): "\(reason)"
        case .attributeTwice(let name): "attribute '\(name)' is changed twice"
        case .attribute(let rule): rule.explanation
        case .contentType(let expected): "must be a constant content type of \(expected)"
        }
    }

    private static func meant(_ hint: String?) -> String {
        hint.map { "; did you mean '\($0)'?" } ?? ""
    }
}

/// JSON pointers.
enum Pointer {
    /// The pointer to a member below `parent`.
    static func member(_ name: String, of parent: String = "") -> String {
        var text = parent + "/"
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
