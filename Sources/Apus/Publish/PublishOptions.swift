// SPDX-License-Identifier: Apache-2.0

// What one event has that others of its kind have not.

public import CloudEvents

/// What is different about one event: all of it may be left out.
public struct PublishOptions: Sendable {
    /// When an event is to be published.
    public enum Due: Sendable, Hashable {
        /// After some time; needs ``Feature/delay``.
        case after(Duration)
        /// At a time; needs ``Feature/delay``.
        case at(CloudEventTimestamp)
    }

    /// Its identity; nil for a new UUID of version 7. Of a repeated publish it must be the same, for the repeat to be recognised.
    public var id: String?
    /// When it happened; nil for now.
    public var time: CloudEventTimestamp?
    /// Its topic, instead of that of its kind.
    public var topic: String?
    /// Its source, instead of that of its kind.
    public var source: String?
    /// Its key, instead of the one it says itself.
    public var key: String?
    /// What it is about, instead of what it says itself.
    public var subject: String?
    /// When it is to be published; nil for at once.
    public var due: Due?
    /// What is common to all events of one flow; nil for that of the event being handled.
    public var correlationID: String?
    /// The event that caused this one; nil for the one being handled.
    public var causationID: String?
    /// Further extension attributes.
    public var extensions: CloudEventExtensions

    /// What is different about one event.
    public init(
        id: String? = nil, time: CloudEventTimestamp? = nil, topic: String? = nil, source: String? = nil,
        key: String? = nil, subject: String? = nil, due: Due? = nil, correlationID: String? = nil,
        causationID: String? = nil, extensions: CloudEventExtensions = CloudEventExtensions()
    ) {
        self.id = id
        self.time = time
        self.topic = topic
        self.source = source
        self.key = key
        self.subject = subject
        self.due = due
        self.correlationID = correlationID
        self.causationID = causationID
        self.extensions = extensions
    }

    /// Nothing is different.
    public static let none = PublishOptions()
}
