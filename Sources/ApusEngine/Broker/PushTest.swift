// SPDX-License-Identifier: Apache-2.0

// What operators do with the receiver of a subscription beside delivering to it: try it, and change what requests are signed with.

public import ApusModel
public import ApusTransport
public import CloudEvents

/// What became of an event that was sent only to see what happens.
public struct PushTest: Sendable, Hashable {
    /// The CloudEvents type of events that say of themselves that they are a test.
    public static let eventType = "apus.test"

    /// What was sent.
    public var event: CloudEvent
    /// How it ended.
    public var outcome: Outcome
    /// When it was begun.
    public var began: Timestamp
    /// How long it took, looking up the address and connecting included.
    public var duration: Duration
    /// What went out and came back; nil when nothing went out.
    public var exchange: Exchange?
}

/// What is to become of the secrets that requests are signed with.
public enum SecretChange: Sendable, Hashable {
    /// One more, which comes first. Requests have a signature for each; the oldest goes when there would be more than
    /// ``PushSettings/secretsMax``.
    case add(WebhookSecret)
    /// All but the first go.
    case keepNewest
}
