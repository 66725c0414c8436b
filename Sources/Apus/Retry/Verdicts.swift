// SPDX-License-Identifier: Apache-2.0

// Errors by which a handler says what is to become of its event, beside returning (done) and throwing anything else (the retry policy decides).

/// Thrown by a handler: the event is given up now and goes to the dead letters with the reason, whatever the retry policy says.
public struct Reject: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why, for a person.
    public var reason: String

    /// Gives the event up.
    public init(_ reason: String) { self.reason = reason }

    public var description: String { reason }
}

/// Thrown by a handler: the event is to come again after a time that the handler knows better than the retry policy, such as what a service said in
/// `Retry-After`. It counts as an attempt: after the policy's last one the event is given up.
public struct RetryLater: Error, Sendable, Hashable, CustomStringConvertible {
    /// After which time.
    public var after: Duration
    /// Why, for a person.
    public var reason: String

    /// Has the event come again after a time.
    public init(after: Duration, _ reason: String = "the handler asked for a later time") {
        self.after = max(after, .zero)
        self.reason = reason
    }

    public var description: String { reason }
}

/// A handler took longer than it may.
public struct HandlerTimeout: Error, Sendable, Hashable, CustomStringConvertible {
    /// How long it may take.
    public var limit: Duration

    public var description: String { "the handler took longer than \(limit)" }
}
