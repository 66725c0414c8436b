// SPDX-License-Identifier: Apache-2.0

// Request bodies, member by member. A member that the schema does not know is refused by name, and every value of the
// wrong kind is answered with what was expected: a typing error never passes in silence.

internal import ApusEngine
internal import ApusModel
internal import JSONText

/// Reads the members of one object of a request.
struct MemberReader {
    private let object: JSONObject
    /// How the object is called in messages: empty at the top, `push.` below.
    private let prefix: String

    /// - Throws: ``Problem`` if `value` is no object, or has a member that `schema` does not have.
    init(_ value: JSONValue, _ schema: ObjectSchema, in prefix: String = "") throws(Problem) {
        guard let object = value.object else {
            let place = prefix.isEmpty ? "the body" : "'\(prefix.dropLast())'"
            throw Problem(.malformed, "\(place) must be a JSON object")
        }
        self.object = object
        self.prefix = prefix
        let names = schema.names
        for member in object.members where !names.contains(member.name) {
            throw MemberReader.unknown(prefix + member.name, last: member.name, among: names)
        }
    }

    private static func unknown(_ path: String, last name: String, among names: [String]) -> Problem {
        let known = names.isEmpty ? "no members are known here" : "known are \(names.joined(separator: ", "))"
        return Problem(
            .malformed, "unknown member '\(path)'\(Suggestions.clause(for: name, among: names))", hint: known)
    }

    /// Whether the member is there, even if it is null.
    func has(_ name: String) -> Bool { object[name] != nil }

    /// Whether the member is there and null. Members that cannot be null are refused when they are.
    func isNull(_ name: String) -> Bool { object[name] == .null }

    /// The member as it is, nil when it is absent.
    func value(_ name: String) -> JSONValue? { object[name] }

    /// The path of a member, for messages.
    func path(_ name: String) -> String { prefix + name }

    /// The problem of a member that is not what it should be.
    func wrong(_ name: String, expected: String) -> Problem {
        Problem(.malformed, "'\(path(name))' must be \(expected)")
    }

    /// What `read` returned, or the problem of a member that must be there and is not.
    func require<Value>(_ name: String, _ read: (String) throws(Problem) -> Value?) throws(Problem) -> Value {
        guard let value = try read(name) else {
            throw Problem(.malformed, "'\(path(name))' is missing")
        }
        return value
    }

    func string(_ name: String) throws(Problem) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.string else { throw wrong(name, expected: "a string") }
        return text
    }

    func bool(_ name: String) throws(Problem) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let bool = value.bool else { throw wrong(name, expected: "true or false") }
        return bool
    }

    func integer(_ name: String, in range: ClosedRange<Int64>) throws(Problem) -> Int64? {
        guard let value = value(name) else { return nil }
        guard let number = value.int64 else { throw wrong(name, expected: "a whole number") }
        guard range.contains(number) else {
            throw Problem(
                .invalid,
                "'\(path(name))' must be from \(range.lowerBound) to \(range.upperBound), not \(number)")
        }
        return number
    }

    func int(_ name: String, in range: ClosedRange<Int64>) throws(Problem) -> Int? {
        try integer(name, in: range).map { Int($0) }
    }

    func duration(_ name: String, in range: ClosedRange<Duration>) throws(Problem) -> Duration? {
        guard let value = value(name) else { return nil }
        guard let text = value.string, let duration = DurationText.parse(text) else {
            throw wrong(name, expected: "a duration such as \"30s\" (ms, s, m, h or d)")
        }
        guard range.contains(duration) else {
            throw Problem(
                .invalid,
                "'\(path(name))' must be from \(DurationText.format(range.lowerBound)) to "
                    + "\(DurationText.format(range.upperBound)), not \(text)")
        }
        return duration
    }

    func moment(_ name: String, now: Timestamp) throws(Problem) -> Timestamp? {
        guard let text = try string(name) else { return nil }
        guard let moment = TimeText.parse(text, now: now) else {
            throw wrong(name, expected: TimeText.grammar)
        }
        return moment
    }

    func name(_ name: String) throws(Problem) -> ResourceName? {
        guard let text = try string(name) else { return nil }
        do {
            return try ResourceName(text)
        } catch {
            throw Problem(.malformed, "'\(path(name))': \(error.description)")
        }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Choice.Type
    ) throws(Problem)
        -> Choice? where Choice.RawValue == String
    {
        guard let text = try string(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue)
            throw Problem(
                .malformed,
                "'\(path(name))' cannot be '\(text.prefix(80))'\(Suggestions.clause(for: text, among: known))",
                hint: "it can be \(known.joined(separator: ", "))")
        }
        return choice
    }

    func list(_ name: String, count: ClosedRange<Int>) throws(Problem) -> [JSONValue]? {
        guard let value = value(name) else { return nil }
        guard let elements = value.array else { throw wrong(name, expected: "a list") }
        guard count.contains(elements.count) else {
            throw Problem(
                .invalid,
                "'\(path(name))' must have \(count.lowerBound) to \(count.upperBound) elements, not \(elements.count)"
            )
        }
        return elements
    }

    func strings(_ name: String, count: ClosedRange<Int>) throws(Problem) -> [String]? {
        guard let elements = try list(name, count: count) else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(elements.count)
        for element in elements {
            guard let text = element.string else { throw wrong(name, expected: "a list of strings") }
            strings.append(text)
        }
        return strings
    }

    /// Places of events, as `topic/partition/offset`.
    func places(_ name: String, count: ClosedRange<Int>) throws(Problem) -> [EventPlace]? {
        guard let texts = try strings(name, count: count) else { return nil }
        var places: [EventPlace] = []
        for text in texts {
            guard let place = EventPlace(text) else {
                throw wrong(name, expected: "a list of topic/partition/offset, such as \"orders/0/12\"")
            }
            places.append(place)
        }
        return places
    }
}
