// SPDX-License-Identifier: Apache-2.0

// Why a regular expression is refused, and where in it.

/// A regular expression that is not one, or that cannot be run in linear time.
public struct RegexError: Error, Hashable, Sendable {
    /// What is wrong.
    public enum Reason: Hashable, Sendable {
        /// A group or class that is not closed.
        case unclosed(String)
        /// A closing parenthesis without an opening one.
        case unopened
        /// A quantifier with nothing before it.
        case nothingToRepeat
        /// A quantifier whose least count is above its greatest.
        case countsOutOfOrder
        /// A backslash before something that it has no meaning for.
        case unknownEscape(String)
        /// A range in a class whose end is before its beginning, or that has a class as one of its ends.
        case invalidRange
        /// A group that begins with `(?` and is none of those that there are.
        case unknownGroup
        /// A name of a group that is not one, or that is taken.
        case invalidGroupName
        /// A property that Unicode does not have, or that is not known here.
        case unknownProperty(String)
        /// A reference to what a group matched: not regular.
        case backreference
        /// `(?=`, `(?!`, `(?<=` or `(?<!`: not supported, since it takes more than linear time.
        case lookaround
        /// More instructions than allowed when repetitions are written out.
        case tooLarge(limit: Int)
        /// Groups nested deeper than allowed.
        case tooDeep(limit: Int)
    }

    /// What is wrong.
    public let reason: Reason
    /// Where: Unicode scalars from the beginning.
    public let position: Int

    /// Creates an error for a place in an expression.
    public init(reason: Reason, position: Int) {
        self.reason = reason
        self.position = position
    }

    /// Whether the expression is well-formed and only beyond what is supported.
    public var isUnsupported: Bool {
        switch reason {
        case .backreference, .lookaround, .tooLarge, .tooDeep: true
        case .unknownProperty(let name): name.contains("=")
        default: false
        }
    }
}

extension RegexError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String { "\(reason) at character \(position + 1)" }
}

extension RegexError.Reason: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .unclosed(let what): "\(what) is not closed"
        case .unopened: "')' closes nothing"
        case .nothingToRepeat: "there is nothing to repeat"
        case .countsOutOfOrder: "the counts of the repetition are out of order"
        case .unknownEscape(let text): "'\\\(text)' has no meaning"
        case .invalidRange: "not a range"
        case .unknownGroup: "no such kind of group"
        case .invalidGroupName: "not a name for a group, or taken"
        case .unknownProperty(let name): "the property '\(name)' is not known"
        case .backreference: "back references are not regular: they cannot be matched in linear time"
        case .lookaround:
            "looking ahead or behind is not supported: it cannot be matched in linear time and bounded memory"
        case .tooLarge(let limit): "larger than \(limit) instructions when repetitions are written out"
        case .tooDeep(let limit): "groups nested deeper than \(limit)"
        }
    }
}
