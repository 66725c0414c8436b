// SPDX-License-Identifier: Apache-2.0

// SNS filter policies as patterns. They share EventBridge's operators; what differs is where they look, what they may cost, and
// message attributes of the type String.Array, whose text is a JSON array.

import JSONText

/// What an SNS filter policy looks at.
public enum SNSFilterPolicyScope: String, Sendable, Hashable, CaseIterable {
    /// The message's attributes: the event's, by the names of ``AttributeNaming``.
    case messageAttributes = "MessageAttributes"
    /// The message's body: the event's data.
    case messageBody = "MessageBody"
}

/// The bounds within which SNS accepts a filter policy.
public struct SNSFilterPolicyLimits: Sendable, Hashable {
    /// Length of the text, in bytes.
    public var textBytesMax = 256 * 1024
    /// Keys with a list of values.
    public var keysMax = 5
    /// The product, over all keys, of the number of values and the level of the key.
    public var combinationsMax = 150
    /// Wildcards in one text.
    public var wildcardsMax = 3
    /// Points for wildcards in the whole policy, see the documentation.
    public var wildcardPointsMax = 100
    /// Numbers lie between the negative of this and this.
    public var numberMax = 1_000_000_000
    /// Levels of objects and arrays.
    public var depthMax = 16

    /// SNS's own limits.
    public init() {}
}

extension Pattern {
    /// Makes a pattern of an SNS filter policy.
    ///
    /// - Parameters:
    ///   - text: the policy, in JSON.
    ///   - scope: what the policy looks at.
    ///   - limits: what it may cost; SNS's own if not given.
    /// - Throws: `RuleLanguageError` with the reason, the field and the place.
    public init(
        snsFilterPolicy text: String, scope: SNSFilterPolicyScope = .messageAttributes,
        limits: SNSFilterPolicyLimits = SNSFilterPolicyLimits()
    ) throws(RuleLanguageError) {
        try self.init(snsFilterPolicy: Array(text.utf8), scope: scope, limits: limits)
    }

    /// Makes a pattern of an SNS filter policy.
    ///
    /// - Parameters:
    ///   - text: the policy, in JSON, as UTF-8.
    ///   - scope: what the policy looks at.
    ///   - limits: what it may cost; SNS's own if not given.
    /// - Throws: `RuleLanguageError` with the reason, the field and the place.
    public init(
        snsFilterPolicy text: [UInt8], scope: SNSFilterPolicyScope,
        limits: SNSFilterPolicyLimits = SNSFilterPolicyLimits()
    ) throws(RuleLanguageError) {
        var policy = try SNSFilterPolicy(text, scope: scope, limits: limits)
        self.init(root: try policy.compiled())
    }
}

/// A policy that was read, on its way to a pattern.
struct SNSFilterPolicy {
    let text: [UInt8]
    let scope: SNSFilterPolicyScope
    let limits: SNSFilterPolicyLimits
    private let root: PatternObject
    /// Where each key stands, by its path.
    private let places: [String: Int]
    private var path: [String] = []

    init(
        _ text: [UInt8], scope: SNSFilterPolicyScope, limits: SNSFilterPolicyLimits
    ) throws(RuleLanguageError) {
        var places: [String: Int] = [:]
        try JSONForm.read(
            text, in: .snsFilterPolicy, bytesMax: limits.textBytesMax, depthMax: limits.depthMax
        ) { form throws(RuleLanguageError) in try Self.findPlaces(&form, &places) }
        var patternLimits = PatternLimits()
        patternLimits.textBytesMax = limits.textBytesMax
        patternLimits.depthMax = limits.depthMax
        let parsed = text.withUnsafeBytes { bytes in
            Result { () throws(PatternError) in
                try PatternParser.parse(bytes, limits: patternLimits, dialect: .bare)
            }
        }
        do { self.root = try parsed.get() } catch {
            throw RuleLanguageError(error, in: .snsFilterPolicy, of: text)
        }
        self.places = places
        self.text = text
        self.scope = scope
        self.limits = limits
    }

    /// Notes where the keys stand; only objects and `$or` have any that matter.
    private static func findPlaces(
        _ form: inout JSONForm, _ places: inout [String: Int]
    ) throws(RuleLanguageError) {
        try form.readObject(.pattern(.patternIsNotAnObject)) { form, name, start throws(RuleLanguageError) in
            // Patterns have a meaning for it, SNS has none.
            guard name != "$and" else {
                throw form.error(.unexpected("'$and'", expected: "a key or '$or'"), at: start)
            }
            places[form.path.joined(separator: ".")] = start
            switch try form.kind() {
            case .object: try findPlaces(&form, &places)
            case .array where name == "$or":
                var number = 0
                try form.readArray(.pattern(.patternIsNotAnObject)) { form throws(RuleLanguageError) in
                    form.path.append(String(number))
                    try findPlaces(&form, &places)
                    form.path.removeLast()
                    number += 1
                }
            default: try form.skipValue()
            }
        }
    }

    private func error(_ reason: RuleLanguageError.Reason) -> RuleLanguageError {
        let path = path.joined(separator: ".")
        return RuleLanguageError(
            reason, in: .snsFilterPolicy, path: path, offset: places[path] ?? 0, of: text)
    }

    // MARK: - To a pattern

    mutating func compiled() throws(RuleLanguageError) -> PatternObject {
        var cost = Cost()
        cost.combinations = try combinations(of: root, level: 1, &cost)
        guard cost.combinations <= limits.combinationsMax else {
            throw error(.tooMany("combinations of values", limit: limits.combinationsMax))
        }
        switch scope {
        case .messageAttributes: return try attributes(of: root)
        case .messageBody:
            guard !root.isEmpty else { return root }
            return PatternObject(
                fields: [PatternObject.Field(name: Array("data".utf8), content: .object(root))])
        }
    }

    private mutating func attributes(of object: PatternObject) throws(RuleLanguageError) -> PatternObject {
        var result = PatternObject()
        var names: [String: String] = [:]
        for field in object.fields {
            let name = String(decoding: field.name, as: UTF8.self)
            path.append(name)
            guard case .leaf(let tests) = field.content else { throw error(.nestedPolicy) }
            guard let attribute = AttributeNaming.attribute(for: name) else {
                throw error(.noAttribute(name))
            }
            if let other = names[attribute] {
                throw error(.sameAttribute(name, other, attribute: attribute))
            }
            names[attribute] = name
            result.fields.append(
                PatternObject.Field(
                    name: Array(attribute.utf8), content: .leaf(Self.testsOfAttribute(tests))))
            path.removeLast()
        }
        result.fields.sort { $0.name.lexicographicallyPrecedes($1.name) }
        for (index, choice) in object.choices.enumerated() {
            path += ["$or", String(index)]
            result.choices.append(try attributes(of: choice))
            path.removeLast(2)
        }
        return result
    }

    /// The tests, and the same for the elements of an attribute that is a String.Array. A test that the text of an array could pass as a
    /// whole, though no element does, is only asked of what the text stands for.
    static func testsOfAttribute(_ tests: [PatternTest]) -> [PatternTest] {
        var whole: [PatternTest] = []
        var elements: [PatternTest] = []
        var either: [PatternTest] = []
        for test in tests {
            if case .exists = test {
                whole.append(test)
            } else if test.failsForArrays {
                whole.append(test)
                elements.append(test)
            } else {
                either.append(test)
            }
        }
        if !elements.isEmpty { whole.append(.text(.element(elements))) }
        if !either.isEmpty { whole.append(.text(.value(either))) }
        return whole
    }

    // MARK: - Cost

    private struct Cost {
        var combinations = 1
        var keys: Set<String> = []
        var points = 0
    }

    /// The combinations of an object; looks at all tests on the way.
    private mutating func combinations(
        of object: PatternObject, level: Int, _ cost: inout Cost
    ) throws(RuleLanguageError) -> Int {
        var combinations = 1
        for field in object.fields {
            path.append(String(decoding: field.name, as: UTF8.self))
            let factor: Int
            switch field.content {
            case .object(let inner): factor = try self.combinations(of: inner, level: level + 1, &cost)
            case .leaf(let tests):
                try count(tests, &cost)
                factor = tests.count * level
            }
            combinations = Self.product(combinations, factor)
            path.removeLast()
        }
        guard !object.choices.isEmpty else { return combinations }
        var sum = 0
        for (index, choice) in object.choices.enumerated() {
            path += ["$or", String(index)]
            sum += try self.combinations(of: choice, level: level, &cost)
            path.removeLast(2)
        }
        return Self.product(combinations, sum)
    }

    /// Bounded, so that sums of products cannot overflow.
    private static func product(_ left: Int, _ right: Int) -> Int {
        let (product, overflow) = left.multipliedReportingOverflow(by: right)
        return overflow ? 1 << 40 : min(product, 1 << 40)
    }

    private mutating func count(_ tests: [PatternTest], _ cost: inout Cost) throws(RuleLanguageError) {
        // Of a key that stands in several objects of `$or` there is one.
        cost.keys.insert(path.filter { $0 != "$or" && Int($0) == nil }.joined(separator: "."))
        guard cost.keys.count <= limits.keysMax else { throw error(.tooMany("keys", limit: limits.keysMax)) }
        for number in tests.flatMap(\.numbers) {
            guard number.isWithin(limits.numberMax) else {
                throw error(
                    .numberOutOfRange(
                        String(decoding: number.text, as: UTF8.self),
                        limit: "-\(limits.numberMax) to \(limits.numberMax)"))
            }
        }
        let wildcards = tests.flatMap(\.wildcardCounts)
        guard !wildcards.isEmpty else { return }
        guard wildcards.allSatisfy({ $0 <= limits.wildcardsMax }) else {
            throw error(.tooMany("wildcards in a text", limit: limits.wildcardsMax))
        }
        // One wildcard is a point, of several each is three; times the texts with wildcards and the lists of anything-but.
        let others = tests.count { test in
            if case .anythingBut = test { test.wildcardCounts.isEmpty } else { false }
        }
        let points = wildcards.reduce(others) { $0 + ($1 > 1 ? 3 * $1 : 1) }
        cost.points += points * (wildcards.count + others)
        guard cost.points <= limits.wildcardPointsMax else {
            throw error(.tooMany("points for wildcards", limit: limits.wildcardPointsMax))
        }
    }
}

extension PatternTest {
    /// Whether no text that is a JSON array passes.
    fileprivate var failsForArrays: Bool {
        switch self {
        case .equals(.string(let text)), .equalsIgnoringCase(let text), .prefix(let text),
            .prefixIgnoringCase(let text):
            text.first.map { $0 != 0x5B } ?? isEqual
        case .suffix(let text), .suffixIgnoringCase(let text):
            text.last.map { ![0x5D, 0x20, 0x09, 0x0A, 0x0D].contains($0) } ?? false
        case .wildcard(let wildcard): wildcard.head.first.map { $0 != 0x5B } ?? false
        case .equals, .numeric, .cidr: true
        case .exists, .anythingBut, .text, .noneOf: false
        }
    }

    private var isEqual: Bool {
        switch self {
        case .equals, .equalsIgnoringCase: true
        default: false
        }
    }

    /// The numbers in it.
    fileprivate var numbers: [PatternNumber] {
        switch self {
        case .equals(.number(let number)): [number]
        case .numeric(let range): [range.lower, range.upper].compactMap { $0?.number }
        case .anythingBut(let tests): tests.flatMap(\.numbers)
        default: []
        }
    }

    /// For each text with wildcards, how many.
    fileprivate var wildcardCounts: [Int] {
        switch self {
        case .wildcard(let wildcard): [wildcard.tail == nil ? 0 : wildcard.middle.count + 1]
        case .anythingBut(let tests): tests.flatMap(\.wildcardCounts)
        default: []
        }
    }
}

extension PatternNumber {
    /// Whether it lies between the negative of a number and the number.
    fileprivate func isWithin(_ most: Int) -> Bool {
        func bound(_ text: String) -> NumericRange.Bound {
            NumericRange.Bound(number: PatternNumber(text: Array(text.utf8)), isIncluded: true)
        }
        return NumericRange(lower: bound("-\(most)"), upper: bound(String(most))).contains(self)
    }
}
