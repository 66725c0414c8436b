// SPDX-License-Identifier: Apache-2.0

// RabbitMQ's bindings to headers exchanges as patterns on the attributes that the headers are, by the names of AttributeNaming.

public import JSONText

/// A value in a headers binding.
public enum RabbitMQHeaderValue: Sendable, Hashable {
    /// A text, equal byte for byte.
    case string(String)
    /// A number, equal by value.
    case number(JSONNumber)
    /// A truth value.
    case boolean(Bool)
    /// No value: the header has to be there.
    case void
}

/// How the headers of a binding are joined: its `x-match`.
public enum RabbitMQHeadersMatch: String, Sendable, Hashable, CaseIterable {
    /// All of them, but for those whose names begin with `x-`.
    case all
    /// Any of them, but for those whose names begin with `x-`.
    case any
    /// All of them.
    case allWithX = "all-with-x"
    /// Any of them.
    case anyWithX = "any-with-x"

    fileprivate func counts(_ name: String) -> Bool {
        switch self {
        case .all, .any: !name.hasPrefix("x-")
        case .allWithX, .anyWithX: name != "x-match"
        }
    }
}

extension Pattern {
    /// Makes a pattern of a headers binding. As in RabbitMQ, all of no headers is every event, and any of none is no event.
    ///
    /// - Parameters:
    ///   - headers: the names and values.
    ///   - match: how they are joined.
    /// - Throws: `RuleLanguageError` for a name that no attribute can have, two names that mean the same attribute, and too many headers.
    public init(
        rabbitMQHeaders headers: [(name: String, value: RabbitMQHeaderValue)],
        match: RabbitMQHeadersMatch = .all
    ) throws(RuleLanguageError) {
        var binding = RabbitMQHeadersBinding()
        for (name, value) in headers {
            try binding.add(name, value) { reason in
                RuleLanguageError(reason, in: .rabbitMQHeaders, path: name, offset: 0, of: [])
            }
        }
        self.init(root: try binding.condition(match).object)
    }

    /// Makes a pattern of the arguments of a headers binding: an object of headers, with `x-match` (`all` if it is missing).
    /// `null` asks for a header to be there.
    ///
    /// - Parameter text: the arguments, in JSON.
    /// - Throws: `RuleLanguageError` with the reason, the header and the place.
    public init(rabbitMQArguments text: String) throws(RuleLanguageError) {
        try self.init(rabbitMQArguments: Array(text.utf8))
    }

    /// Makes a pattern of the arguments of a headers binding.
    ///
    /// - Parameter text: the arguments, in JSON, as UTF-8.
    /// - Throws: `RuleLanguageError` with the reason, the header and the place.
    public init(rabbitMQArguments text: [UInt8]) throws(RuleLanguageError) {
        var binding = RabbitMQHeadersBinding()
        var match = RabbitMQHeadersMatch.all
        try JSONForm.read(text, in: .rabbitMQHeaders, bytesMax: PatternLimits().textBytesMax) {
            form throws(RuleLanguageError) in
            try form.readObject(.unexpected("something else", expected: "an object of headers")) {
                form, name, start throws(RuleLanguageError) in
                guard name != "x-match" else {
                    match = try Self.readMatch(&form)
                    return
                }
                let value = try Self.readValue(&form, name)
                let place = form
                try binding.add(name, value) { place.error($0, at: start) }
            }
        }
        self.init(root: try binding.condition(match).object)
    }

    private static func readMatch(_ form: inout JSONForm) throws(RuleLanguageError) -> RabbitMQHeadersMatch {
        let invalid = RuleLanguageError.Reason.invalidMember(
            "x-match", expected: RabbitMQHeadersMatch.allCases.map(\.rawValue).joined(separator: ", "))
        _ = try form.kind()
        let start = form.scanner.position
        let word = String(decoding: try form.readString(invalid), as: UTF8.self)
        guard let match = RabbitMQHeadersMatch(rawValue: word) else { throw form.error(invalid, at: start) }
        return match
    }

    private static func readValue(
        _ form: inout JSONForm, _ name: String
    ) throws(RuleLanguageError) -> RabbitMQHeaderValue {
        let invalid = RuleLanguageError.Reason.invalidMember(
            name, expected: "a string, a number, true, false or null")
        switch try form.kind() {
        case .null:
            _ = try form.skipNull()
            return .void
        case .bool: return .boolean(try form.readBool(invalid))
        case .string: return .string(String(decoding: try form.readString(invalid), as: UTF8.self))
        case .number:
            let text = String(decoding: try form.readNumber(invalid).text, as: UTF8.self)
            guard let number = JSONNumber(text) else { throw form.error(invalid) }
            return .number(number)
        case .object, .array: throw form.error(invalid)
        }
    }
}

/// The headers of a binding while they are gathered. Which of them count is known at the end only.
private struct RabbitMQHeadersBinding {
    private typealias Refusal = (RuleLanguageError.Reason) -> RuleLanguageError

    private var headers: [(name: String, value: RabbitMQHeaderValue, error: Refusal)] = []

    /// Adds a header; `error` makes an error for its place.
    mutating func add(
        _ name: String, _ value: RabbitMQHeaderValue,
        _ error: @escaping (RuleLanguageError.Reason) -> RuleLanguageError
    ) throws(RuleLanguageError) {
        let limit = PatternLimits().leavesMax
        guard headers.count < limit else { throw error(.tooMany("headers", limit: limit)) }
        headers.append((name, value, error))
    }

    func condition(_ match: RabbitMQHeadersMatch) throws(RuleLanguageError) -> Condition {
        var names: [String: String] = [:]
        var conditions: [Condition] = []
        for header in headers where match.counts(header.name) {
            guard let attribute = AttributeNaming.attribute(for: header.name) else {
                throw header.error(.noAttribute(header.name))
            }
            if let other = names[attribute] {
                throw header.error(.sameAttribute(header.name, other, attribute: attribute))
            }
            names[attribute] = header.name
            conditions.append(.attribute(attribute, [Self.test(for: header.value)]))
        }
        switch match {
        case .all, .allWithX: return .all(of: conditions)
        case .any, .anyWithX: return .any(of: conditions)
        }
    }

    private static func test(for value: RabbitMQHeaderValue) -> PatternTest {
        switch value {
        case .string(let text): .equals(.string(Array(text.utf8)))
        case .number(let number): .equals(.number(PatternNumber(text: Array(number.text.utf8))))
        case .boolean(let value): .equals(.bool(value))
        case .void: .exists(true)
        }
    }
}
