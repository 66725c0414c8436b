// SPDX-License-Identifier: Apache-2.0

// One advanced filter: an operator, a key and values. What is negated fails if any value at the key is one of those listed; which of the
// negated operators hold without a value at all is Event Grid's own choice, and followed here.

import JSONText

/// The operators of advanced filters.
enum EventGridOperator: String, CaseIterable {
    case numberIn = "NumberIn"
    case numberNotIn = "NumberNotIn"
    case numberLessThan = "NumberLessThan"
    case numberGreaterThan = "NumberGreaterThan"
    case numberLessThanOrEquals = "NumberLessThanOrEquals"
    case numberGreaterThanOrEquals = "NumberGreaterThanOrEquals"
    case numberInRange = "NumberInRange"
    case numberNotInRange = "NumberNotInRange"
    case boolEquals = "BoolEquals"
    case stringContains = "StringContains"
    case stringNotContains = "StringNotContains"
    case stringBeginsWith = "StringBeginsWith"
    case stringNotBeginsWith = "StringNotBeginsWith"
    case stringEndsWith = "StringEndsWith"
    case stringNotEndsWith = "StringNotEndsWith"
    case stringIn = "StringIn"
    case stringNotIn = "StringNotIn"
    case isNullOrUndefined = "IsNullOrUndefined"
    case isNotNull = "IsNotNull"

    /// What stands at the filter's `value` or `values`.
    enum Operand {
        case number, bool
        case numbers, ranges, texts
        case nothing

        var member: String? {
            switch self {
            case .number, .bool: "value"
            case .numbers, .ranges, .texts: "values"
            case .nothing: nil
            }
        }
    }

    var operand: Operand {
        switch self {
        case .numberIn, .numberNotIn: .numbers
        case .numberInRange, .numberNotInRange: .ranges
        case .numberLessThan, .numberGreaterThan, .numberLessThanOrEquals, .numberGreaterThanOrEquals: .number
        case .boolEquals: .bool
        case .isNullOrUndefined, .isNotNull: .nothing
        default: .texts
        }
    }

    /// What is asked of a key: all of these lists.
    func tests(_ values: [EventGridValue]) -> [[PatternTest]] {
        let tests = values.map(test)
        switch self {
        case .numberNotIn, .stringNotIn: return [[.noneOf(tests)]]
        case .numberNotInRange, .stringNotContains, .stringNotBeginsWith, .stringNotEndsWith:
            return [[.exists(true)], [.noneOf(tests)]]
        case .isNullOrUndefined: return [[.equals(.null), .exists(false)]]
        case .isNotNull: return [[.exists(true)], [.noneOf([.equals(.null)])]]
        default: return [tests]
        }
    }

    private func test(_ value: EventGridValue) -> PatternTest {
        switch value {
        case .bool(let value): .equals(.bool(value))
        case .range(let range): .numeric(range)
        case .number(let number):
            switch self {
            case .numberLessThan: .numeric(NumericRange(upper: .init(number: number, isIncluded: false)))
            case .numberLessThanOrEquals:
                .numeric(NumericRange(upper: .init(number: number, isIncluded: true)))
            case .numberGreaterThan: .numeric(NumericRange(lower: .init(number: number, isIncluded: false)))
            case .numberGreaterThanOrEquals:
                .numeric(NumericRange(lower: .init(number: number, isIncluded: true)))
            default: .equals(.number(number))
            }
        case .text(let text):
            switch self {
            case .stringContains, .stringNotContains:
                .text(.contains(ContainedText(text, ignoresCase: true)))
            case .stringBeginsWith, .stringNotBeginsWith: .prefixIgnoringCase(text)
            case .stringEndsWith, .stringNotEndsWith: .suffixIgnoringCase(text)
            default: .equalsIgnoringCase(text)
            }
        }
    }
}

/// A value of an advanced filter.
enum EventGridValue {
    case number(PatternNumber)
    case range(NumericRange)
    case bool(Bool)
    case text([UInt8])
}

/// An advanced filter while it is read. Its members come in any order, so that values are read when the operator is known.
struct EventGridAdvancedFilter {
    private let limits: EventGridFilterLimits
    private var operation: EventGridOperator?
    private var key: [[UInt8]]?
    /// The cursor at `value` and `values`, and where the names stand.
    private var operands: [String: (form: JSONForm, start: Int)] = [:]

    private static let members = ["operatorType", "key", "value", "values"]

    init(limits: EventGridFilterLimits) { self.limits = limits }

    mutating func readMember(
        _ name: String, _ start: Int, _ form: inout JSONForm
    ) throws(RuleLanguageError) {
        switch name {
        case "operatorType":
            let known = EventGridOperator.allCases.map(\.rawValue)
            _ = try form.kind()
            let place = form.scanner.position
            let word = String(
                decoding: try form.readString(.invalidMember(name, expected: "an operator")), as: UTF8.self)
            guard let operation = EventGridOperator(rawValue: word) else {
                throw form.error(.unknownOperator(word, known: known), at: place)
            }
            self.operation = operation
        case "key":
            _ = try form.kind()
            let place = form.scanner.position
            let text = try form.readString(.invalidMember(name, expected: "a string"))
            key = try path(of: text, form, at: place)
        case "value", "values":
            _ = try form.kind()
            operands[name] = (form, start)
            try form.skipValue()
        default: throw form.error(.unknownMember(name, known: Self.members), at: start)
        }
    }

    // MARK: - Keys

    /// The names that a key stands for. What is not in the data is an attribute, by its CloudEvents name or Event Grid's, in either case.
    private func path(
        of key: [UInt8], _ form: JSONForm, at place: Int
    ) throws(RuleLanguageError) -> [[UInt8]] {
        let names = key.split(separator: 0x2E, omittingEmptySubsequences: false).map(Array.init)
        let invalid = RuleLanguageError.Reason.invalidMember(
            "key", expected: "an attribute, or data and names joined by dots, such as data.customer.tier")
        // A pattern has no field of these names.
        let reserved = ["$or", "$and"].map { Array($0.utf8) }
        guard names.allSatisfy({ !$0.isEmpty && !reserved.contains($0) }), let first = names.first else {
            throw form.error(invalid, at: place)
        }
        guard names.count <= limits.keyLevelsMax else {
            throw form.error(.tooMany("names in a key", limit: limits.keyLevelsMax), at: place)
        }
        let top = String(decoding: first, as: UTF8.self).lowercased()
        if top == "data" { return [Array("data".utf8)] + names.dropFirst() }
        guard names.count == 1, AttributeNaming.attribute(for: top) == top else {
            throw form.error(invalid, at: place)
        }
        switch top {
        case "eventid": return [Array("id".utf8)]
        case "topic": return [Array("source".utf8)]
        case "eventtype": return [Array("type".utf8)]
        case "eventtime": return [Array("time".utf8)]
        default: return [Array(top.utf8)]
        }
    }

    // MARK: - Values

    /// The condition, when all members were read.
    ///
    /// - Parameter valueCount: the values of this filter are added to it.
    func condition(
        _ valueCount: inout Int, _ form: JSONForm, from start: Int
    ) throws(RuleLanguageError) -> Condition {
        guard let operation else { throw form.error(.missingMember("operatorType"), at: start) }
        guard let key else { throw form.error(.missingMember("key"), at: start) }
        let member = operation.operand.member
        for (name, operand) in operands.sorted(by: { $0.key < $1.key }) where name != member {
            throw operand.form.error(
                .unknownMember(name, known: ["operatorType", "key"] + (member.map { [$0] } ?? [])),
                at: operand.start)
        }
        var values: [EventGridValue] = []
        if let member {
            guard var operand = operands[member]?.form else {
                throw form.error(.missingMember(member), at: start)
            }
            values = try readValues(operation.operand, member, &operand, limit: limits.valuesMax - valueCount)
        }
        valueCount += values.count
        return .all(of: operation.tests(values).map { .field(key, $0) })
    }

    private func readValues(
        _ kind: EventGridOperator.Operand, _ name: String, _ form: inout JSONForm, limit: Int
    ) throws(RuleLanguageError) -> [EventGridValue] {
        let start = form.scanner.position
        let tooMany = form.error(.tooMany("values over all filters", limit: limits.valuesMax), at: start)
        switch kind {
        case .nothing: return []
        case .number:
            guard limit > 0 else { throw tooMany }
            return [.number(try form.readNumber(.invalidMember(name, expected: "a number")))]
        case .bool:
            guard limit > 0 else { throw tooMany }
            return [.bool(try form.readBool(.invalidMember(name, expected: "true or false")))]
        case .numbers, .ranges, .texts:
            let expected =
                switch kind {
                case .numbers: "a list of numbers"
                case .ranges: "a list of ranges, each two numbers of which the first is not greater"
                default: "a list of strings"
                }
            let invalid = RuleLanguageError.Reason.invalidMember(name, expected: expected)
            var values: [EventGridValue] = []
            try form.readArray(invalid) { form throws(RuleLanguageError) in
                guard values.count < limit else { throw tooMany }
                values.append(try readValue(kind, invalid, &form))
            }
            guard !values.isEmpty else { throw form.error(invalid, at: start) }
            return values
        }
    }

    private func readValue(
        _ kind: EventGridOperator.Operand, _ invalid: RuleLanguageError.Reason, _ form: inout JSONForm
    ) throws(RuleLanguageError) -> EventGridValue {
        _ = try form.kind()
        let start = form.scanner.position
        switch kind {
        case .numbers: return .number(try form.readNumber(invalid))
        case .texts:
            let text = try form.readString(invalid)
            guard text.count(where: { $0 & 0xC0 != 0x80 }) <= limits.charactersMax else {
                throw form.error(.tooMany("characters in a text", limit: limits.charactersMax), at: start)
            }
            return .text(text)
        default:
            var bounds: [NumericRange.Bound] = []
            try form.readArray(invalid) { form throws(RuleLanguageError) in
                guard bounds.count < 2 else { throw form.error(invalid) }
                bounds.append(NumericRange.Bound(number: try form.readNumber(invalid), isIncluded: true))
            }
            guard bounds.count == 2 else { throw form.error(invalid, at: start) }
            let range = NumericRange(lower: bounds[0], upper: bounds[1])
            guard !range.isEmpty else { throw form.error(invalid, at: start) }
            return .range(range)
        }
    }
}
