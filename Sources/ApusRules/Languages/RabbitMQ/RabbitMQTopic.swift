// SPDX-License-Identifier: Apache-2.0

// RabbitMQ's binding keys for topic exchanges as patterns on the attribute that is the routing key.

extension Pattern {
    /// Makes a pattern of a binding key: words joined by dots, `*` for exactly one word, `#` for any number of words, also none.
    ///
    /// - Parameters:
    ///   - key: the binding key, at most 255 bytes.
    ///   - attribute: the attribute that is the routing key.
    /// - Throws: `RuleLanguageError` if the key is too long or the attribute cannot be one.
    public init(rabbitMQTopic key: String, attribute: String = "type") throws(RuleLanguageError) {
        let text = Array(key.utf8)
        guard !attribute.isEmpty, AttributeNaming.attribute(for: attribute) == attribute else {
            throw RuleLanguageError(.noAttribute(attribute), in: .rabbitMQTopic, offset: 0, of: text)
        }
        guard let topic = TopicPattern(text) else {
            throw RuleLanguageError(
                .tooLong(limit: TopicPattern.bytesMax), in: .rabbitMQTopic, offset: TopicPattern.bytesMax,
                of: text)
        }
        self.init(root: Condition.attribute(attribute, Self.tests(for: topic)).object)
    }

    /// The tests with the best index. A wildcard at one end only is a prefix or suffix up to a dot, or just the words themselves.
    static func tests(for topic: TopicPattern) -> [PatternTest] {
        let words = TopicPattern.words(of: topic.text).map(Array.init)
        let wildcards = words.indices.filter { words[$0] == [0x23] || words[$0] == [0x2A] }
        if wildcards.isEmpty { return [.equals(.string(topic.text))] }
        if words.allSatisfy({ $0 == [0x23] }) { return [.exists(true)] }
        let rest = topic.text.count - 2
        // Without any text, the words are one empty word, which the empty key does not have.
        if wildcards == [words.count - 1], words.last == [0x23], rest > 0 {
            return [
                .equals(.string(Array(topic.text.prefix(rest)))), .prefix(Array(topic.text.prefix(rest + 1))),
            ]
        }
        if wildcards == [0], words.first == [0x23], rest > 0 {
            return [
                .equals(.string(Array(topic.text.suffix(rest)))), .suffix(Array(topic.text.suffix(rest + 1))),
            ]
        }
        return [.text(.topic(topic))]
    }
}
