// SPDX-License-Identifier: Apache-2.0

// What `apus top` shows and how keys change it. Values: what the server said and what was typed come in, lines go out; the terminal is elsewhere.

internal import ApusModel
package import JSONText

/// What subscriptions are put in order by.
package enum TopOrder: String, Sendable, CaseIterable {
    case backlog, age, arrival, service, failed, utilisation, name

    /// The key that chooses it.
    package var key: Character {
        switch self {
        case .backlog: "b"
        case .age: "o"
        case .arrival: "a"
        case .service: "d"
        case .failed: "f"
        case .utilisation: "u"
        case .name: "n"
        }
    }
}

/// What the user of `apus top` chose.
package struct TopControls: Sendable, Equatable {
    /// What subscriptions are put in order by.
    package var order = TopOrder.backlog
    /// A part of the names of those that are wanted.
    package var filter = ""
    /// Whether what is typed goes into the filter.
    package private(set) var isTyping = false
    /// Whether it is to end.
    package private(set) var isOver = false

    /// As at the beginning.
    package init(order: TopOrder = .backlog, filter: String = "") {
        self.order = order
        self.filter = filter
    }

    /// Takes a key; true if that changes what is shown.
    package mutating func press(_ key: Character) -> Bool {
        switch key {
        case "\u{3}", "\u{4}": isOver = true
        case "\n", "\r": isTyping = false
        case "\u{1B}": (isTyping, filter) = (false, "")
        case "\u{7F}", "\u{8}": if isTyping { _ = filter.popLast() }
        case let key where isTyping:
            guard key.isASCII, key >= " ", filter.count < 64 else { return false }
            filter.append(key)
        case "q", "Q": isOver = true
        case "/": isTyping = true
        default:
            guard let order = TopOrder.allCases.first(where: { $0.key == key }) else { return false }
            self.order = order
        }
        return true
    }
}

/// One picture of a server.
package struct TopScreen: Sendable {
    /// The answer to `GET /v1/bottlenecks`.
    package var load: JSONValue
    /// The last two samples of `GET /v1/activity`, the older one first.
    package var samples: [JSONValue]
    /// Alarms that are raised.
    package var alarms: [JSONValue]
    /// What the user chose.
    package var controls: TopControls

    /// One picture.
    package init(load: JSONValue, samples: [JSONValue], alarms: [JSONValue], controls: TopControls) {
        self.load = load
        self.samples = samples
        self.alarms = alarms
        self.controls = controls
    }

    static let emptyTable = Table(
        ("SUBSCRIPTION", .left), ("STATE", .left), ("WAITING", .right), ("OUT", .right), ("RETRY", .right),
        ("OLDEST", .right), ("ARRIVE/s", .right), ("DONE/s", .right), ("FAIL/s", .right), ("BUSY", .right),
        ("DRAINED IN", .right))

    static func cells(_ one: JSONValue) -> [String] {
        let rates = one["rates"]
        let drain = rates?["drain"]?.string.flatMap { DurationText.parse($0) }
        let waits = (one["backlog"]?.int64 ?? 0) > 0
        return [
            one["name"]?.string ?? "?", one["state"]?.string ?? "?", Figure.count(one["backlog"]),
            Figure.count(one["in_flight"]), Figure.count(one["waiting"]),
            Figure.age(one["oldest_unsettled"]) ?? "-", Figure.rate(rates?["arrival"]),
            Figure.rate(rates?["service"]), Figure.rate(rates?["failed"]),
            Figure.percent(rates?["utilisation"]),
            waits ? drain.map(DurationText.about) ?? (isGivingUp(rates) ? "given up" : "never") : "-",
        ]
    }

    /// Whether most of what ends does so as a dead letter: then it is not known when the rest will be done.
    private static func isGivingUp(_ rates: JSONValue?) -> Bool {
        let perSecond = { rates?[$0]?["1m"]?.number?.double ?? 0 }
        return perSecond("dead_lettered") > perSecond("service")
    }

    /// The lines, for a terminal as large as the console says.
    ///
    /// - Parameter height: how many lines there is room for; nil for as many as there are.
    package func lines(on console: Console, height: Int? = nil) -> [String] {
        var lines = [head, flow]
        for alarm in alarms.prefix(3) {
            let text = "\(alarm["subject"]?.string ?? ""): \(alarm["finding"]?.string ?? "")"
            lines.append(console.styled("alarm", .red) + " " + Console.printable(text))
        }
        lines.append("")
        var table = TopScreen.emptyTable
        for one in load["subscriptions"]?.array ?? [] { table.add(cells: TopScreen.cells(one)) }
        lines +=
            table.isEmpty
            ? ["no subscription" + (controls.filter.isEmpty ? "" : " has '\(controls.filter)' in its name")]
            : table.lines(on: console)
        guard let height else { return lines }
        let shown = Array(lines.prefix(max(1, height - 1)))
        return shown.map { TopScreen.cut($0, to: console.width) } + [TopScreen.cut(footer, to: console.width)]
    }

    private var head: String {
        let sample = samples.last
        let disk = load["disk"]
        var text = sample?["ready"]?.bool == false ? "NOT READY" : "ready"
        text +=
            ", \(Figure.count(sample?["topics"])) topics, \(Figure.count(sample?["subscriptions"])) subscriptions"
        text += ", \(Figure.count(sample?["dead_letters"])) dead letters"
        text += ", disk \(Figure.bytes(disk?["free_bytes"])) free"
        if let full = disk?["full_in"]?.string.flatMap({ DurationText.parse($0) }) {
            text += " (full in \(DurationText.about(full)))"
        }
        return text
    }

    private var flow: String {
        "published \(rate("published"))/s, delivered \(rate("delivered"))/s, acknowledged \(rate("acknowledged"))/s, "
            + "failed \(rate("failed"))/s; \(Figure.count(samples.last?["backlog"])) waiting, "
            + "\(Figure.count(samples.last?["in_flight"])) in flight"
    }

    /// By the last two samples where there are two, else over the last minute.
    private func rate(_ name: String) -> String {
        guard samples.count > 1, let before = samples.first, let now = samples.last,
            let (first, last) = TopScreen.pair(before[name]?.int64, now[name]?.int64),
            let elapsed = TopScreen.seconds(from: before["time"], to: now["time"]), elapsed > 0.01
        else { return Figure.rate(load[name]) }
        let value = Double(max(0, last - first)) / elapsed
        return Decimal.format(value, digits: value < 10 && value > 0 ? 1 : 0)
    }

    private static func pair(_ first: Int64?, _ second: Int64?) -> (Int64, Int64)? {
        guard let first, let second else { return nil }
        return (first, second)
    }

    private static func seconds(from: JSONValue?, to: JSONValue?) -> Double? {
        guard let (first, last) = pair(Figure.milliseconds(from), Figure.milliseconds(to)) else { return nil }
        return Double(last - first) / 1000
    }

    private var footer: String {
        if controls.isTyping { return "filter: \(controls.filter)_   Enter keeps it, Esc clears it" }
        let filter = controls.filter.isEmpty ? "" : "  filter '\(controls.filter)'"
        return
            "by \(controls.order.rawValue)\(filter)   q quit  / filter  sort: b backlog  o oldest  a arrival  d done  f failed  u busy  n name"
    }

    /// Without what does not fit on a line; escape sequences take no room.
    private static func cut(_ line: String, to width: Int?) -> String {
        guard let width, line.count > width, !line.contains("\u{1B}") else { return line }
        return String(line.prefix(width))
    }
}
