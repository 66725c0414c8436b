// SPDX-License-Identifier: Apache-2.0

// What schemas are called: by people (subjects with their versions) and by the bytes of records (ids).

/// The name that the versions of one schema go by: 1 to 255 bytes of UTF-8 without control characters.
public struct SubjectName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The most bytes that a name can have.
    public static let lengthMax = 255

    /// The name itself.
    public let description: String

    /// A checked name.
    ///
    /// - Throws: ``SchemaRegistryError/invalidSubject(_:)``.
    public init(_ text: some StringProtocol) throws(SchemaRegistryError) {
        guard !text.isEmpty else { throw .invalidSubject("the name of a subject cannot be empty") }
        guard text.utf8.count <= SubjectName.lengthMax else {
            throw .invalidSubject(
                "the name of a subject has at most \(SubjectName.lengthMax) bytes, this one has \(text.utf8.count)"
            )
        }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            throw .invalidSubject("the name of a subject has no control characters")
        }
        description = String(text)
    }

    public static func < (left: SubjectName, right: SubjectName) -> Bool {
        left.description < right.description
    }
}

/// The number of one schema text with its format and references: the same wherever it is registered, from 1 on, never given twice.
public struct SchemaID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number, as it stands in records.
    public let rawValue: Int32

    /// An id by its number; ids that exist are positive.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    public var description: String { String(rawValue) }

    public static func < (left: SchemaID, right: SchemaID) -> Bool { left.rawValue < right.rawValue }
}

/// Which version of a subject is meant.
public enum VersionSelector: Hashable, Sendable, CustomStringConvertible {
    /// The greatest one that is not deleted.
    case latest
    /// The one with this number, from 1 on.
    case number(Int)

    /// `latest`, `-1` (which means the same) or a number from 1 on; nil for anything else.
    public init?(_ text: some StringProtocol) {
        if text == "latest" || text == "-1" {
            self = .latest
        } else if let number = Int(text), number > 0, number <= Int(Int32.max) {
            self = .number(number)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .latest: "latest"
        case .number(let number): String(number)
        }
    }
}
