// SPDX-License-Identifier: Apache-2.0

// What is wrong with the text of a schedule, and where.

/// Why a text is no schedule.
public struct ScheduleSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The byte of the text, from 0.
    public let position: Int
    /// What is wrong there, for a person.
    public let reason: String

    public var description: String { "at character \(position + 1): \(reason)" }
}
