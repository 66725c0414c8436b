// SPDX-License-Identifier: Apache-2.0

// What topics and subscriptions are called in AWS, which allows letters, digits, hyphens and underscores. A dot becomes two underscores; so that no two
// names become one, names with two underscores in a row, or one beside a dot, are refused.

internal import ApusBus

enum AWSNames {
    /// The longest name of a queue, `.fifo` included.
    static let queueMax = 80
    /// The longest name of a topic, `.fifo` included.
    static let topicMax = 256

    /// The name of an SNS topic.
    static func topic(_ name: String, isFIFO: Bool) throws(BusError) -> String {
        try encoded(name, isFIFO, max: topicMax, "topic")
    }

    /// The name of an SQS queue.
    static func queue(_ name: String, isFIFO: Bool) throws(BusError) -> String {
        try encoded(name, isFIFO, max: queueMax, "queue")
    }

    private static func encoded(
        _ name: String, _ isFIFO: Bool, max: Int, _ what: String
    ) throws(BusError) -> String {
        guard !name.isEmpty else { throw .invalid("the name of a \(what) cannot be empty") }
        var encoded = ""
        var last: Character?
        for character in name {
            switch character {
            case ".":
                guard last != "_" else { throw ambiguous(name) }
                encoded += "__"
            case "_":
                guard last != "_", last != "." else { throw ambiguous(name) }
                encoded += "_"
            case "-": encoded += "-"
            case _ where character.isASCII && (character.isLetter || character.isNumber):
                encoded.append(character)
            default:
                throw .invalid(
                    "'\(name.prefix(80))' cannot be a name in AWS: use letters, digits, '.', '_' and '-'")
            }
            last = character
        }
        if isFIFO { encoded += ".fifo" }
        guard encoded.count <= max else {
            throw .invalid(
                "'\(encoded.prefix(120))' has \(encoded.count) characters; a \(what) of AWS has at most \(max)"
            )
        }
        return encoded
    }

    private static func ambiguous(_ name: String) -> BusError {
        .invalid(
            "'\(name.prefix(80))' cannot be a name in AWS: dots become '__' there, so '_' cannot stand beside '.' or "
                + "another '_'")
    }
}
