// SPDX-License-Identifier: Apache-2.0

// Query parameters: what a route does not know is refused by name, as are repetitions and values of the wrong kind.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import ApusRules

/// Reads the query of a request.
struct QueryReader: Sendable {
    private let items: [HTTPQuery.Item]

    /// No query at all.
    static let empty = QueryReader(checked: [])

    private init(checked items: [HTTPQuery.Item]) { self.items = items }

    /// - Throws: ``Problem`` if the query cannot be decoded, or has what `known` does not have.
    init(_ head: HTTPRequestHead, known: [QueryParameter]) throws(Problem) {
        do {
            items = try head.queryItems().items
        } catch {
            let what = error == .invalidEscape ? "has a broken percent-encoding" : "is not UTF-8"
            throw Problem(.malformed, "the query \(what)")
        }
        var seen: Set<String> = []
        for item in items {
            guard let parameter = known.first(where: { $0.name == item.name }) else {
                throw QueryReader.unknown(item.name, known.map(\.name))
            }
            guard parameter.isRepeatable || seen.insert(item.name).inserted else {
                throw Problem(.malformed, "query parameter '\(item.name)' is given more than once")
            }
        }
    }

    private static func unknown(_ name: String, _ known: [String]) -> Problem {
        let hint =
            known.isEmpty ? "this request takes no parameters" : "known are \(known.joined(separator: ", "))"
        let name = String(name.prefix(80))
        return Problem(
            .malformed, "unknown query parameter '\(name)'\(Suggestions.clause(for: name, among: known))",
            hint: hint)
    }

    func string(_ name: String) -> String? { items.first { $0.name == name }?.value }

    func strings(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }

    private func wrong(_ name: String, expected: String) -> Problem {
        Problem(.malformed, "query parameter '\(name)' must be \(expected)")
    }

    func int(_ name: String, in range: ClosedRange<Int64>, default value: Int) throws(Problem) -> Int {
        guard let text = string(name) else { return value }
        guard let number = Int64(text) else { throw wrong(name, expected: "a whole number") }
        guard range.contains(number) else {
            throw Problem(
                .invalid,
                "query parameter '\(name)' must be from \(range.lowerBound) to \(range.upperBound), not \(number)"
            )
        }
        return Int(number)
    }

    func bool(_ name: String) throws(Problem) -> Bool {
        switch string(name) {
        case nil, "false": return false
        case "true": return true
        default: throw wrong(name, expected: "'true' or 'false'")
        }
    }

    func duration(_ name: String, max: Duration) throws(Problem) -> Duration {
        guard let text = string(name) else { return .zero }
        guard let duration = DurationText.parse(text) else {
            throw wrong(name, expected: "a duration such as '10s' (ms, s, m, h or d)")
        }
        guard duration <= max else {
            throw Problem(
                .invalid, "query parameter '\(name)' must be at most \(DurationText.format(max)), not \(text)"
            )
        }
        return duration
    }

    func position(
        _ name: String, default value: StartPosition, now: Timestamp
    ) throws(Problem) -> StartPosition {
        guard let text = string(name) else { return value }
        guard let position = PositionText.parse(text, now: now) else {
            throw wrong(name, expected: PositionText.grammar)
        }
        return position
    }

    func moment(_ name: String, now: Timestamp) throws(Problem) -> Timestamp? {
        guard let text = string(name) else { return nil }
        guard let moment = TimeText.parse(text, now: now) else {
            throw wrong(name, expected: TimeText.grammar)
        }
        return moment
    }

    func name(_ name: String) throws(Problem) -> ResourceName? {
        guard let text = string(name) else { return nil }
        do {
            return try ResourceName(text)
        } catch {
            throw Problem(.malformed, "query parameter '\(name)': \(error.description)")
        }
    }

    func pattern(_ name: String) throws(Problem) -> Pattern? {
        guard let text = string(name) else { return nil }
        do {
            return try Pattern(parsing: text)
        } catch {
            throw Problem(.malformed, "query parameter '\(name)': \(error.description)")
        }
    }

    /// `limit` and `after`, which every list has.
    func page() throws(Problem) -> Page {
        let search = string("search").flatMap { $0.isEmpty ? nil : $0 }
        return Page(
            limit: try int("limit", in: Bounds.page, default: 100), after: string("after"), search: search)
    }
}

extension QueryParameter {
    static let page = [
        QueryParameter(
            name: "limit", schema: .integer(Bounds.page), about: "How many at most; 100 if absent."),
        QueryParameter(
            name: "after", schema: .text,
            about: "The 'next' of the page before."),
    ]
    static let search = QueryParameter(
        name: "search", schema: .text,
        about: "Only those whose name contains this, in upper or lower case.")
    static let topic = QueryParameter(name: "topic", schema: .name, about: "Only those of this topic.")
    static let partition = QueryParameter(
        name: "partition", schema: .integer(Bounds.partition), about: "The partition; 0 if absent.")
    static let readLimit = QueryParameter(
        name: "limit", schema: .integer(Bounds.page), about: "How many events at most; 100 if absent.")
    static let wait = QueryParameter(
        name: "wait", schema: .duration,
        about: "How long to wait for the first event; 0s if absent, 30s at most.")
    static let pattern = QueryParameter(
        name: "pattern", schema: .string(StringRules(example: #"{"type": ["order.placed"]}"#)),
        about: "Only events that match this pattern (JSON).")

    static func from(default value: String) -> QueryParameter {
        QueryParameter(name: "from", schema: .position, about: "Where to begin; '\(value)' if absent.")
    }
}

private typealias StringRules = Schema.StringRules
