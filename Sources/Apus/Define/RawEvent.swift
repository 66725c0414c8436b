// SPDX-License-Identifier: Apache-2.0

// Events whose data the application has as bytes: nothing is encoded, decoded or looked into.

/// An event with bytes as its data, for programs that have them ready or only pass them on.
public struct RawEvent: Sendable, Hashable {
    /// The kind of the event.
    public var type: String
    /// The topic.
    public var topic: String
    /// The data.
    public var data: [UInt8]
    /// What the data is; nil for bytes that nobody is to look into.
    public var contentType: String?
    /// Events with the same key are kept in order.
    public var key: String?
    /// What the event is about.
    public var subject: String?
    /// The context in which it happened; nil for the program's.
    public var source: String?

    /// An event with bytes as its data.
    public init(
        type: String, topic: String, data: [UInt8], contentType: String? = nil, key: String? = nil,
        subject: String? = nil, source: String? = nil
    ) {
        self.type = type
        self.topic = topic
        self.data = data
        self.contentType = contentType
        self.key = key
        self.subject = subject
        self.source = source
    }
}
