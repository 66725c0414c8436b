// SPDX-License-Identifier: Apache-2.0

// Names and routing keys: which event types are routed by, and what may be a name.

internal import ApusBus

/// What events are routed by within a topic: their type.
enum RoutingKey {
    /// What every binding matches.
    static let all = "#"

    /// The routing key of an event type, which is also the pattern that matches this type alone.
    ///
    /// The type itself, unless it is too long for a routing key or has a word that patterns mean something else by: then a hash of it, behind a
    /// character that no delay begins with.
    static func of(type: String) -> String {
        let isPlain =
            type.utf8.count <= 128
            && !type.split(separator: ".", omittingEmptySubsequences: false).contains {
                $0 == "*" || $0 == "#"
            }
            && !type.hasPrefix(DelayLadder.prefix)
        return isPlain ? type : "~" + String(hash(type), radix: 16)
    }

    /// FNV-1a of 64 bits: the same in every program.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

/// What may be a name here.
enum AMQPName {
    /// - Throws: ``BusError/invalid(_:)`` for a name that the broker does not take, or that is too long.
    static func check(_ name: String, _ what: String) throws(BusError) {
        guard !name.isEmpty else { throw .invalid("a \(what) needs a name") }
        guard name.utf8.count <= AMQPLimits.nameBytesMax else {
            throw .invalid(
                "'\(name)' is longer than the \(AMQPLimits.nameBytesMax) bytes that a \(what) can have")
        }
        guard !name.hasPrefix("amq.") else {
            throw .invalid("'\(name)': names with amq. belong to the broker")
        }
        guard !name.hasPrefix(DelayLadder.exchangePrefix) else {
            throw .invalid("'\(name)': names with \(DelayLadder.exchangePrefix) are those of delays")
        }
        guard !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw .invalid("a \(what)'s name has a control character")
        }
    }
}
