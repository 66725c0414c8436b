// SPDX-License-Identifier: Apache-2.0

// What becomes of events that no handler takes. Decided once for a consumer, so that they never block those that are taken.

/// What becomes of an event that is not whole, whose type or version nobody handles, or whose data cannot be read.
public enum UnknownEvents: Sendable {
    /// It goes to the dead letters, with the reason.
    case deadLetter
    /// It is acknowledged and forgotten; a metric counts it.
    case skip
    /// It is handed to a closure: returning acknowledges it, throwing has it retried.
    case handle(@Sendable (EventContext, UnreadableEvent) async throws -> Void)
}
