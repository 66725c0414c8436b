// SPDX-License-Identifier: Apache-2.0

// A journey as people read it: what the event is, then a line for everything that happened to it or to what was made of it, in the order of time, then
// how far rules and subscriptions are with it.

internal import JSONText

/// A journey as lines.
struct TraceText {
    private let journey: JSONObject
    private let isFull: Bool
    private let console: Console

    init(_ json: JSONValue, isFull: Bool, console: Console) {
        journey = json.object ?? JSONObject()
        (self.isFull, self.console) = (isFull, console)
    }

    /// One line of the timeline.
    private struct Entry {
        var time: String
        var place: String
        var what: String
        var style: Style?
        var details: [String] = []
    }

    var lines: [String] {
        let givenUp = Set(
            (journey["steps"]?.array ?? []).compactMap(\.object).filter {
                $0["kind"]?.string == "dead letter"
            }
            .compactMap { $0["subscription"]?.string })
        var lines = heading + [""]
        lines += timeline
        lines += table("rules") { rule in
            let verdict = rule["matched"]?.bool == true ? "matched" : "not matched"
            let targets = (rule["targets"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
            var remarks: [String] = []
            if rule["newer"]?.bool == true { remarks.append("made or changed after the event came") }
            if rule["enabled"]?.bool == false { remarks.append("switched off") }
            return [rule["name"]?.string ?? "", verdict, targets, remarks.joined(separator: ", ")]
        }
        lines += table("subscriptions") { subscription in
            var standing = subscription["standing"]?.string ?? ""
            if standing == "settled", givenUp.contains(subscription["name"]?.string ?? "") {
                standing = "gave it up"
            }
            if let attempts = subscription["attempts"]?.int64 { standing += ", \(attempts) attempts" }
            if let next = subscription["next"]?.string { standing += ", next at \(next)" }
            return [subscription["name"]?.string ?? "", standing]
        }
        if journey["noted"]?.bool == false {
            lines += ["", "this server notes no steps: who published and how attempts went is not known"]
        }
        if journey["whole"]?.bool == false {
            lines += ["", "not everything was looked through: steps or copies may be missing"]
        }
        return lines
    }

    // MARK: The event

    private var event: JSONObject { journey["event"]?.object ?? JSONObject() }

    private var heading: [String] {
        let attributes = event["event"]?.object ?? JSONObject()
        func text(_ name: String) -> String? { attributes[name]?.string }
        var rows = [
            ("event", TraceText.place(event)), ("id", text("id") ?? ""), ("type", text("type") ?? ""),
            ("source", text("source") ?? ""),
        ]
        if let key = event["key"]?.string { rows.append(("key", key)) }
        for name in ["correlationid", "causationid", "traceparent"] {
            if let value = text(name) { rows.append((name, value)) }
        }
        if let schema = journey["schema"]?.object, let verdict = schema["verdict"]?.string, verdict != "none"
        {
            rows.append(("schema", verdict + (schema["detail"]?.string.map { ": \($0)" } ?? "")))
        }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            console.styled(name, .bold) + String(repeating: " ", count: width + 2 - name.count)
                + Console.printable(value)
        }
    }

    // MARK: The timeline

    private var timeline: [String] {
        let own = TraceText.place(event)
        var entries = [
            Entry(time: event["time"]?.string ?? "", place: own, what: "arrived and durable")
        ]
        for relative in (journey["ancestors"]?.array ?? []).compactMap(\.object) {
            guard let place = relative["place"]?.object else { continue }
            entries.append(
                Entry(
                    time: relative["time"]?.string ?? "", place: TraceText.place(place),
                    what: "came from here: \(relative["kind"]?.string ?? "")"
                        + (relative["by"]?.string.map { " by \($0)" } ?? "")))
        }
        entries += steps(journey, at: own)
        for relative in (journey["descendants"]?.array ?? []).compactMap(\.object) {
            guard let place = relative["place"]?.object else { continue }
            let (kind, by) = (relative["kind"]?.string ?? "", relative["by"]?.string)
            entries.append(
                Entry(
                    time: relative["time"]?.string ?? "", place: TraceText.place(place),
                    what: kind + (by.map { kind == "copy" ? " by rule \($0)" : " of \($0)" } ?? "")
                        + ", from \(relative["from"]?.string ?? "")",
                    style: kind == "dead letter" ? .red : .cyan))
            entries += steps(relative, at: TraceText.place(place))
        }
        // By time alone the order of what happened within a millisecond would be anybody's guess.
        let sorted = entries.enumerated().sorted {
            ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
        }
        var table = Table(("TIME", .left), ("EVENT", .left), ("WHAT", .left))
        for (_, entry) in sorted { table.add(entry.time, entry.place, entry.what) }
        let rows = table.lines(on: console)
        return [rows[0]]
            + zip(rows.dropFirst(), sorted).flatMap { row, entry in
                [entry.element.style.map { console.styled(row, $0) } ?? row]
                    + entry.element.details.map { "    " + Console.printable($0) }
            }
    }

    private func steps(_ object: JSONObject, at place: String) -> [Entry] {
        (object["steps"]?.array ?? []).compactMap(\.object).map { step in
            entry(step, at: place)
        }
    }

    private func entry(_ step: JSONObject, at place: String) -> Entry {
        func text(_ name: String) -> String { step[name]?.string ?? "" }
        var entry = Entry(time: text("time"), place: place, what: text("kind"))
        switch text("kind") {
        case "published":
            let who = [step["client"]?.string, step["address"]?.string].compactMap(\.self)
            entry.what = "published over \(text("protocol"))"
            if !who.isEmpty { entry.what += " by \(who.joined(separator: " at "))" }
            if let count = step["events"]?.int64, count > 1 { entry.what += ", one of \(count) together" }
        case "warned": entry.what = "its schema does not accept it: \(text("reason"))"
        case "attempt":
            let attempt = AttemptText(.object(step))
            entry.what = "attempt \(attempt.number) of \(text("subscription")): \(attempt.verdict)"
            if let next = step["next"]?.string { entry.what += "; next at \(next)" }
            entry.style = text("outcome") == "delivered" ? .green : .red
            if isFull { entry.details = AttemptText.details(step) }
        case "dead letter":
            entry.what = "given up by \(text("subscription")), to \(text("letter")): \(text("reason"))"
            entry.style = .red
        case "redriven":
            entry.what = "redriven" + (step["to"]?.string.map { ", to \($0)" } ?? "")
            if step["edited"]?.bool == true { entry.what += ", edited" }
        case "discarded":
            entry.what = "discarded" + (step["reason"]?.string.map { ": \($0)" } ?? "")
        default: break
        }
        return entry
    }

    /// `topic/partition/offset` of an object that names a place.
    static func place(_ object: JSONObject) -> String {
        "\(object["topic"]?.string ?? "")/\(object["partition"]?.int64 ?? 0)/\(object["offset"]?.int64 ?? 0)"
    }

    /// What one attempt says in columns.
    struct AttemptText {
        var number: String
        var outcome: String
        var status: String
        var took: String
        var verdict: String

        init(_ json: JSONValue) {
            let fields = json.object ?? JSONObject()
            number = "\(fields["attempt"]?.int64 ?? 0)/\(fields["max_attempts"]?.int64 ?? 0)"
            outcome = fields["outcome"]?.string ?? ""
            status = fields["status"]?.int64.map { String($0) } ?? "-"
            took =
                fields["microseconds"]?.int64.map { time in
                    time < 10_000 ? "\(time / 1000).\(time / 100 % 10) ms" : "\(time / 1000) ms"
                } ?? "-"
            verdict = outcome
            if status != "-" { verdict += " \(status)" }
            if took != "-" { verdict += " in \(took)" }
            if let reason = fields["reason"]?.string { verdict += ": \(reason)" }
        }

        /// What was sent and what came back.
        static func details(_ step: JSONObject) -> [String] {
            var lines: [String] = []
            if let request = step["request"]?.object {
                lines.append("> \(request["method"]?.string ?? "") \(request["url"]?.string ?? "")")
                if let broker = request["broker"]?.object {
                    lines += ["connection", "topic"].map { "> \($0): \(broker[$0]?.string ?? "")" }
                }
                lines += headers(request).map { "> " + $0 }
                lines += body(request).map { "> " + $0 }
            }
            if let response = step["response"]?.object {
                let status = response["status"]?.int64.map { String($0) }
                lines.append("< \(status ?? response["error"]?.string ?? "accepted")")
                lines += headers(response).map { "< " + $0 }
                lines += body(response).map { "< " + $0 }
            }
            return lines
        }

        private static func headers(_ message: JSONObject) -> [String] {
            (message["headers"]?.array ?? []).compactMap(\.object).map {
                "\($0["name"]?.string ?? ""): \($0["value"]?.string ?? "")"
            }
        }

        private static func body(_ message: JSONObject) -> [String] {
            guard let body = message["body"]?.string, !body.isEmpty else { return [] }
            return [""] + body.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        }
    }

    // MARK: Rules and subscriptions

    private func table(_ member: String, _ row: (JSONObject) -> [String]) -> [String] {
        let objects = (journey[member]?.array ?? []).compactMap(\.object)
        guard !objects.isEmpty else { return [] }
        var table =
            member == "rules"
            ? Table(("RULE", .left), ("VERDICT", .left), ("TARGETS", .left), ("", .left))
            : Table(("SUBSCRIPTION", .left), ("STANDING", .left))
        for object in objects { table.add(cells: row(object)) }
        let rows = table.lines(on: console)
        return ["", rows[0]]
            + zip(rows.dropFirst(), objects).flatMap { row, object in [row] + conditions(object) }
    }

    private func conditions(_ object: JSONObject) -> [String] {
        (object["leaves"]?.array ?? []).compactMap(\.object).map { leaf in
            let expected = (leaf["expected"]?.array ?? []).map(\.description).joined(separator: ", ")
            let found = (leaf["found"]?.array ?? []).map(\.description).joined(separator: ", ")
            return Console.printable(
                "    \(leaf["matched"]?.bool == true ? "yes" : "no ") \(leaf["path"]?.string ?? ""): expected "
                    + "\(expected), got \(found.isEmpty ? "nothing" : found)")
        }
    }
}
