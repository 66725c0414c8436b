// SPDX-License-Identifier: Apache-2.0

// Who goes first in a subscription, as options.

internal import ArgumentParser
internal import JSONText

/// Order, fairness and priorities of a subscription.
struct OrderOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Hand out events with the same value one after another: key, attribute:NAME, or none.",
            valueName: "by"))
    var ordering: String?

    @Option(help: "With --ordering: after a dead letter a key goes on (continue) or waits for it (block).")
    var onDeadLetter: String?

    @Option(
        help: ArgumentHelp(
            "Share hand-outs between values: key, attribute:NAME, or none.", valueName: "by"))
    var fairness: String?

    @Option(
        help: ArgumentHelp(
            "With --fairness: a share other than 1 (up to 1000); can be repeated.", valueName: "value=n"))
    var weight: [String] = []

    @Option(
        help: ArgumentHelp(
            "The attribute that has an event's priority, 0 to 9, higher ones first; or none.",
            valueName: "attribute"))
    var priority: String?

    func validate() throws {
        try OrderOptions.check(ordering, "--ordering")
        try OrderOptions.check(fairness, "--fairness")
        if let onDeadLetter {
            guard let ordering, ordering != "none" else {
                throw ValidationError("--on-dead-letter goes with --ordering")
            }
            guard ["continue", "block"].contains(onDeadLetter) else {
                throw ValidationError("--on-dead-letter is continue or block, not '\(onDeadLetter)'")
            }
        }
        guard weight.isEmpty || (fairness.map { $0 != "none" } ?? false) else {
            throw ValidationError("--weight goes with --fairness")
        }
        for text in weight where OrderOptions.split(text) == nil {
            throw ValidationError("'\(text)' is not a weight; write VALUE=N, with N from 1 to 1000")
        }
    }

    private static func check(_ text: String?, _ option: String) throws {
        guard let text else { return }
        guard text == "none" || text == "key" || (text.hasPrefix("attribute:") && text.utf8.count > 10) else {
            throw ValidationError("\(option) is key, attribute:NAME or none, not '\(text)'")
        }
    }

    /// The value, which may have equals signs itself, and its weight.
    private static func split(_ text: String) -> (value: String, weight: Int)? {
        guard let place = text.lastIndex(of: "="), let weight = Int(text[text.index(after: place)...]),
            (1...1000).contains(weight)
        else { return nil }
        return (String(text[..<place]), weight)
    }

    /// Adds the settings that were named.
    func add(to settings: inout JSONObject) {
        if let ordering {
            var object = JSONObject()
            object["by"] = .string(ordering)
            object["on_dead_letter"] = onDeadLetter.map { .string($0) }
            settings["ordering"] = ordering == "none" ? .null : .object(object)
        }
        if let fairness {
            var object = JSONObject()
            object["by"] = .string(fairness)
            var weights = JSONObject()
            for case let (value, weight)? in weight.map(OrderOptions.split) {
                weights[value] = .number(JSONNumber(weight))
            }
            if !weights.members.isEmpty { object["weights"] = .object(weights) }
            settings["fairness"] = fairness == "none" ? .null : .object(object)
        }
        if let priority { settings["priority"] = priority == "none" ? .null : .string(priority) }
    }
}
