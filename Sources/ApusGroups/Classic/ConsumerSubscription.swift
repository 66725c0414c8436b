// SPDX-License-Identifier: Apache-2.0

// What members of classic groups of consumers say of themselves. Groups work without looking into it; only deleting offsets has to know which topics are
// subscribed to. All versions of it begin alike: a version, then the names.

enum ConsumerSubscription {
    /// The protocol type of consumers.
    static let protocolType = "consumer"

    /// The topics in a consumer's metadata. `nil` if it is none.
    static func topics(in metadata: [UInt8]) -> [String]? {
        var rest = metadata[...]
        func number(bytes: Int) -> Int? {
            guard rest.count >= bytes else { return nil }
            defer { rest = rest.dropFirst(bytes) }
            return rest.prefix(bytes).reduce(0) { $0 << 8 | Int($1) }
        }
        guard number(bytes: 2) != nil, let count = number(bytes: 4), count <= rest.count / 2 else {
            return nil
        }
        var topics: [String] = []
        for _ in 0..<count {
            guard let length = number(bytes: 2), length <= rest.count else { return nil }
            topics.append(String(decoding: rest.prefix(length), as: UTF8.self))
            rest = rest.dropFirst(length)
        }
        return topics
    }
}

extension ClassicGroup {
    /// Whether a member consumes the topic. What cannot be read may subscribe to anything.
    func isSubscribed(to topic: String) -> Bool {
        guard protocolType == ConsumerSubscription.protocolType else { return false }
        return members.values.contains { member in
            ConsumerSubscription.topics(in: member.metadata(in: protocolName))?.contains(topic) ?? true
        }
    }
}

extension ConsumerGroup {
    /// Whether a member consumes the topic.
    func isSubscribed(to topic: String) -> Bool {
        members.values.contains { $0.names.contains(topic) }
            || regexes.contains { (try? TopicPattern($0))?.matches(topic) ?? false }
    }
}
