// SPDX-License-Identifier: Apache-2.0

// An event on a line, as people like to see it fly by, and as programs take it.

package import ApusClient
internal import CloudEvents
internal import JSONText

/// How events are printed.
package enum EventFormat: Sendable {
    /// A line for people.
    case human
    /// The entry as the API wrote it, on one line.
    case json
    /// The data alone.
    case data
}

/// Prints events.
package struct EventPrinter: Sendable {
    private let format: EventFormat
    private let console: Console

    /// A place for data where a terminal's width is not known.
    private static let dataCharacters = 200

    /// A printer of one format.
    package init(format: EventFormat, console: Console) {
        self.format = format
        self.console = console
    }

    /// Prints an event; `topic` is for entries that do not name theirs.
    package func show(_ stored: StoredEvent, topic: String, prefix: String? = nil) {
        switch format {
        case .human: console.print(line(stored, topic: topic, prefix: prefix))
        case .json: console.print(stored.json.description)
        case .data:
            // For programs, so binary data come as they are; like everything else on a line of their own.
            if let bytes = stored.event.dataBase64.flatMap({ Base64.decoded($0) }) {
                console.write(bytes + [0x0A])
            } else {
                console.print(Self.data(stored.event) ?? "")
            }
        }
    }

    /// The line for people: when, where, what, about what, and the beginning of the data.
    package func line(_ stored: StoredEvent, topic: String, prefix: String? = nil) -> String {
        let event = stored.event
        let place = "\(stored.topic ?? topic)/\(stored.partition)@\(stored.offset)"
        var parts: [(text: String, style: Style?)] = []
        if let prefix { parts.append((prefix, nil)) }
        parts.append((Self.clock(stored.time), .dim))
        parts.append((Console.printable(place), .cyan))
        parts.append((Console.printable(event.type), .bold))
        if let subject = event.subject { parts.append(("subject=" + Console.printable(subject), .yellow)) }
        if let key = stored.key { parts.append(("key=" + Console.printable(key), .yellow)) }
        let used = parts.reduce(0) { $0 + $1.text.count + 2 }
        if let data = Self.data(event).map(Console.printable), !data.isEmpty {
            let room = max(20, (console.width ?? used + Self.dataCharacters) - used)
            parts.append((Self.shortened(data, to: room), nil))
        }
        return parts.map { part in part.style.map { console.styled(part.text, $0) } ?? part.text }
            .joined(separator: "  ")
    }

    /// The data as text: JSON as it is, strings of events that are not JSON without quotes, binary as Base64.
    static func data(_ event: EventDocument) -> String? {
        if let base64 = event.dataBase64 { return base64 }
        guard let data = event.data else { return nil }
        let isJSON = event.dataContentType.map { $0.contains("json") } ?? true
        if !isJSON, let text = data.string { return text }
        return data.description
    }

    /// The time of day, to the millisecond, of an RFC 3339 time; anything else as it is.
    static func clock(_ time: String) -> String {
        let parts = time.split(separator: "T", maxSplits: 1)
        guard parts.count == 2, parts[1].utf8.count >= 8 else { return Console.printable(time) }
        let clock = parts[1].prefix(8)
        let fraction = parts[1].dropFirst(8)
        let digits = fraction.first == "." ? fraction.dropFirst().prefix { $0.isNumber }.prefix(3) : ""
        return "\(clock).\(digits)\(String(repeating: "0", count: 3 - digits.count))"
    }

    private static func shortened(_ text: String, to room: Int) -> String {
        text.count <= room ? text : text.prefix(room - 1) + "…"
    }
}
