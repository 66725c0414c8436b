// SPDX-License-Identifier: Apache-2.0

// Why a schema cannot be used or a document cannot be judged, and what is wrong with a document.

/// Why a schema was refused, or a document could not be judged.
public enum XSDError: Error, Hashable, Sendable {
    /// The system has no libxml2; the package of Debian and its relatives that brings it is named.
    case libraryMissing(name: String, debianPackage: String)
    /// The text is not XML in UTF-8 without document type, or nested too deep.
    case notXML(String, line: Int?)
    /// The schema breaks a rule of XML Schema, in libxml2's words.
    case notASchema(String, line: Int?)
    /// The schema includes, imports or redefines what is not there, or in a way that is not accepted.
    case reference(String, line: Int?)
    /// A limit of `XSDLimits` is exceeded.
    case tooLarge(String)
    /// Compiling or judging takes longer than it may.
    case tooCostly(String)
    /// The library gave up for a reason of its own.
    case unusable(String)
    /// The library got no memory.
    case outOfMemory
}

extension XSDError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .libraryMissing(let name, let package):
            "the library \(name) is not installed, which checks XML by XML Schema: install the package \(package)"
                + " and start the server again"
        case .notXML(let reason, let line): "not XML that is accepted: \(reason)\(Self.place(line))"
        case .notASchema(let reason, let line): "not an XML Schema: \(reason)\(Self.place(line))"
        case .reference(let reason, let line): "\(reason)\(Self.place(line))"
        case .tooLarge(let what): what
        case .tooCostly(let what): what
        case .unusable(let reason): "libxml2 could not judge the document: \(reason)"
        case .outOfMemory: "there is not enough memory for checking by XML Schema"
        }
    }

    private static func place(_ line: Int?) -> String { line.map { " (line \($0))" } ?? "" }
}

/// A rule of a schema that a document breaks.
public struct XSDViolation: Hashable, Sendable {
    /// Where in the document: the elements that lead there, such as `/order/line[2]/quantity`; `/` for the whole document.
    public let path: String
    /// The line that the parser was at, from 1.
    public let line: Int
    /// The rule, by its name in XML Schema where it has one, such as `cvc-pattern-valid`.
    public let rule: String
    /// What is wrong, in libxml2's words, shortened.
    public let message: String
}

extension XSDViolation: CustomStringConvertible {
    /// A line for people.
    public var description: String { "\(path) (line \(line)): \(message) (\(rule))" }
}
