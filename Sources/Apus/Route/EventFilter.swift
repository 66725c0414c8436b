// SPDX-License-Identifier: Apache-2.0

// Which of its events a handler sees, and who looks: the broker, which then sends no others, or this program, which gets all and acknowledges those that it
// passes over.

import ApusBus
import ApusRules
import CloudEvents

/// Which events a handler sees.
public struct EventFilter: Sendable {
    /// Where patterns are evaluated.
    public enum Place: String, Sendable, Hashable {
        /// In the broker; needs ``Feature/filterByContent``.
        case broker
        /// In this program: all events of the type come here, and those that do not match are acknowledged unhandled.
        case client
        /// In the broker if it can, else in this program.
        case either
    }

    let pattern: @Sendable () throws(BusError) -> String
    let place: Place
}

/// A pattern, ready to be asked by this program, with exactly the meaning that it has in the broker.
struct PatternCheck: Sendable {
    private let matcher: RuleMatcher

    init(_ pattern: Pattern) { matcher = RuleMatcher([(0, pattern)]) }

    func matches(_ event: CloudEvent) -> Bool { !matcher.matches(event).isEmpty }

    /// Checks the text of a pattern.
    static func parse(_ text: String) throws(BusError) -> Pattern {
        do throws(PatternError) {
            return try Pattern(parsing: text)
        } catch {
            throw .invalid("the pattern is not valid: \(error)")
        }
    }
}
