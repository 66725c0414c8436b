// SPDX-License-Identifier: Apache-2.0

// `apus explain`: why a subscription is slow.

internal import ApusClient
internal import ArgumentParser
internal import JSONText

/// `apus explain`.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why a subscription is slow: causes in order, with their evidence.",
        discussion: """
            EXAMPLES
              apus explain billing
              apus explain billing --json | jq -r '.causes[0].cause'
            """)

    @Argument(help: "The subscription.") var subscription: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let explanation = try await global.withClient { try await $0.explanation(of: subscription) }
        global.show(explanation) { Explanation.lines(explanation, on: global.console) }
    }
}

/// An explanation for people.
enum Explanation {
    static func lines(_ explanation: JSONValue, on console: Console) -> [String] {
        let name = Console.printable(explanation["subscription"]?.string ?? "?")
        var lines = [
            console.styled(name, .bold) + ": " + Console.printable(explanation["summary"]?.string ?? "")
        ]
        for (number, cause) in (explanation["causes"]?.array ?? []).enumerated() {
            lines.append("")
            lines.append("\(number + 1). " + text(cause["finding"]))
            lines += (cause["evidence"]?.array ?? []).map { "     seen: " + text($0) }
            lines.append("     do: " + text(cause["hint"]))
        }
        lines.append("")
        return lines + figures(explanation)
    }

    private static func figures(_ explanation: JSONValue) -> [String] {
        let rates = explanation["rates"]
        var facts: [(String, String)] = [
            ("waiting", Figure.count(explanation["backlog"])), ("in flight", inFlight(explanation)),
            ("oldest", Figure.age(explanation["oldest_unsettled"]) ?? "-"),
            ("arrive", Figure.rates(rates?["arrival"])), ("done", Figure.rates(rates?["service"])),
            ("fail", Figure.rates(rates?["failed"])), ("given up", Figure.rates(rates?["dead_lettered"])),
            ("out for", rates?["time_in_flight"]?.string ?? "-"),
            ("drained in", rates?["drain"]?.string ?? "-"),
        ]
        let keys = (explanation["keys"]?.array ?? []).prefix(3).map {
            "\(text($0["key"])) (\(Figure.percent($0["share"])))"
        }
        if !keys.isEmpty { facts.append(("keys", keys.joined(separator: ", "))) }
        let width = facts.map(\.0.count).max() ?? 0
        return facts.map { $0 + String(repeating: " ", count: width - $0.count + 2) + $1 }
    }

    private static func inFlight(_ explanation: JSONValue) -> String {
        let count = Figure.count(explanation["in_flight"])
        guard let room = explanation["rates"]?["room"]?.int64, room > 0 else { return count }
        return
            "\(count) of \(room), \(Figure.percent(explanation["rates"]?["utilisation"])) over the last minute"
    }

    private static func text(_ value: JSONValue?) -> String { Console.printable(value?.string ?? "") }
}
