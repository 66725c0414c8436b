// SPDX-License-Identifier: Apache-2.0

// What topics and event subscriptions are called in a namespace: 3 to 50 letters, digits and hyphens. A dot becomes two hyphens; so that no two names become
// one, names with two hyphens in a row, or one beside a dot, are refused.

internal import ApusBus
internal import Crypto

enum EventGridNames {
    /// How long names are.
    static let lengths = 3...50

    /// The name of a topic.
    static func topic(_ name: String) throws(BusError) -> String { try fitting(name, "topic") }

    /// The name of an event subscription: the group, since it belongs to one topic.
    static func subscription(_ group: String) throws(BusError) -> String {
        try fitting(group, "event subscription")
    }

    /// The name of a topic of dead letters, which nobody has chosen: if it is too long, it ends in eight digits of its hash.
    static func deadLetterTopic(_ name: String) throws(BusError) -> String {
        let name = try encoded(name, "topic")
        guard name.count > lengths.upperBound else { return name }
        let hash = SHA256.hash(data: Array(name.utf8)).prefix(4).map {
            ($0 < 16 ? "0" : "") + String($0, radix: 16)
        }
        return "\(name.prefix(lengths.upperBound - 9))-\(hash.joined())"
    }

    private static func fitting(_ name: String, _ what: String) throws(BusError) -> String {
        let encoded = try encoded(name, what)
        guard lengths.contains(encoded.count) else {
            throw .invalid(
                "'\(encoded.prefix(120))' has \(encoded.count) characters; \(what)s of Event Grid have "
                    + "\(lengths.lowerBound) to \(lengths.upperBound)")
        }
        return encoded
    }

    private static func encoded(_ name: String, _ what: String) throws(BusError) -> String {
        guard !name.isEmpty else { throw .invalid("the name of a \(what) cannot be empty") }
        var encoded = ""
        var last: Character?
        for character in name {
            switch character {
            case ".", "-":
                guard last != "-", last != "." else {
                    throw .invalid(
                        "'\(name.prefix(80))' cannot be a name in Event Grid: dots become '--' there, so '-' and '.' "
                            + "cannot stand beside each other")
                }
                encoded += character == "." ? "--" : "-"
            case _ where character.isASCII && (character.isLetter || character.isNumber):
                encoded.append(character)
            default:
                throw .invalid(
                    "'\(name.prefix(80))' cannot be a name in Event Grid: use letters, digits, '.' and '-'")
            }
            last = character
        }
        return encoded
    }
}
