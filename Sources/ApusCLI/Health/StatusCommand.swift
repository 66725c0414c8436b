// SPDX-License-Identifier: Apache-2.0

// `apus status`: the server at a glance. What needs attention is said before anything else is shown in numbers.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract:
            "Show how the server is: health, rates, disk, what needs attention, who is furthest behind.",
        discussion: """
            EXAMPLES
              apus status
              apus status --json
              apus status --settings            what it is set to, and where each value is from
              apus status --url http://10.0.0.7:8222 --token-file token
            """)

    @Flag(help: "Show what the server is set to instead, and where each value is from.")
    var settings = false

    @OptionGroup var global: GlobalOptions

    /// So many subscriptions are shown.
    private static let shown = 5

    func run() async throws {
        if settings { return try await showSettings() }
        let status = try await global.withClient { client in
            try await ServerStatus(client, subscriptions: Self.shown)
        }
        global.show(status.json) { status.lines(on: global.console) }
    }

    private func showSettings() async throws {
        let answer = try await global.withClient { client in try await client.settings() }
        let settings = answer["settings"]?.array ?? []
        if global.json { return settings.forEach { global.console.print($0.description) } }
        var table = Table(("NAME", .left), ("VALUE", .left), ("FROM", .left))
        for one in settings {
            table.add(one["name"]?.string ?? "", one["value"]?.string ?? "-", one["origin"]?.string ?? "")
        }
        global.show(table, empty: "the server tells no settings")
    }
}

/// What a server says of itself, gathered from several answers.
struct ServerStatus: Sendable {
    var status: JSONValue
    var findings: JSONValue
    var alarms: JSONValue
    var bottlenecks: JSONValue

    init(_ client: ApusClient, subscriptions: Int) async throws(ApusClientError) {
        status = try await client.status()
        findings = try await client.diagnosis()["findings"] ?? []
        alarms = try await client.alarms()["alarms"] ?? []
        bottlenecks = try await client.bottlenecks(limit: subscriptions)
    }

    /// The status, with what needs attention and the load as further members.
    var json: JSONValue {
        var object = status.object ?? JSONObject()
        object["findings"] = findings
        object["alarms"] = alarms
        object["load"] = bottlenecks
        return .object(object)
    }

    /// The same for people.
    func lines(on console: Console) -> [String] {
        var lines = [health(console)]
        lines += facts()
        let findings = findings.array ?? []
        if !findings.isEmpty {
            lines += ["", console.styled("NEEDS ATTENTION", .bold)]
            for finding in findings.prefix(10) { lines += ServerStatus.lines(finding, console) }
            if findings.count > 10 { lines.append("  and \(findings.count - 10) more: apus doctor") }
        }
        let table = table()
        if !table.isEmpty { lines += [""] + table.lines(on: console) }
        return lines
    }

    private func health(_ console: Console) -> String {
        let isReady = status["ready"]?.bool == true
        let word = isReady ? console.styled("ready", .green) : console.styled("not ready", .red)
        let why = isReady ? "" : ": " + Console.printable(status["unavailable"]?.string ?? "it is stopping")
        let uptime =
            status["uptime"]?.string.flatMap { DurationText.parse($0) }.map(DurationText.about) ?? "-"
        return "apus \(status["version"]?.string ?? "?"): \(word)\(why), up \(uptime)"
    }

    private func facts() -> [String] {
        let (disk, load) = (status["disk"], bottlenecks["disk"])
        var space = "\(Figure.bytes(disk?["free_bytes"])) free"
        if let total = disk?["total_bytes"]?.int64 { space += " of \(ByteText.about(total))" }
        space += ", \(Figure.bytes(disk?["stored_bytes"])) stored"
        if let full = load?["full_in"]?.string.flatMap({ DurationText.parse($0) }) {
            space += ", full in \(DurationText.about(full)) at this rate"
        }
        return [
            "published \(Figure.rate(bottlenecks["published"]))/s, delivered \(Figure.rate(bottlenecks["delivered"]))/s, "
                + "acknowledged \(Figure.rate(bottlenecks["acknowledged"]))/s, failed \(Figure.rate(bottlenecks["failed"]))/s over the last minute",
            "disk: \(space)",
            "holds: "
                + [
                    ServerStatus.counted(status["topics"], "topic"),
                    ServerStatus.counted(status["partitions"], "partition"),
                    ServerStatus.counted(status["subscriptions"], "subscription"),
                    ServerStatus.counted(status["rules"], "rule"),
                    ServerStatus.counted(status["dead_letters"], "dead letter"),
                ].joined(separator: ", "),
        ]
    }

    private static func counted(_ value: JSONValue?, _ noun: String) -> String {
        value?.int64 == 1 ? "1 \(noun)" : "\(Figure.count(value)) \(noun)s"
    }

    private static func lines(_ finding: JSONValue, _ console: Console) -> [String] {
        let severity = finding["severity"]?.string ?? "note"
        let style: Style = severity == "error" ? .red : severity == "warning" ? .yellow : .cyan
        let text = { (name: String) in Console.printable(finding[name]?.string ?? "") }
        return [
            "  \(console.styled(severity, style)) \(text("subject")): \(text("finding"))",
            "      do: \(text("hint"))",
        ]
    }

    private func table() -> Table {
        var table = TopScreen.emptyTable
        for one in bottlenecks["subscriptions"]?.array ?? [] { table.add(cells: TopScreen.cells(one)) }
        return table
    }
}
