// SPDX-License-Identifier: Apache-2.0

// CESQL as patterns. A part can be true, false, or an error, and an error anywhere keeps the event out: `a = '1' OR b = '2'` is an
// error if there is no `a`, whatever `b` is. So for each part two conditions are made, for "is true" and "is false", and joined:
// OR is true if its left side is, or if that is false and its right side is true. A condition that cannot be said is widened: it
// then holds for more events than the part, and the expression has to be evaluated.

/// Makes a pattern of an expression.
struct CESQLCompiler {
    /// A condition that holds whenever something is so, and whether it then only holds.
    struct Approximation {
        var condition: Condition
        var isExact = true
    }

    /// What is known of a part.
    struct Compiled {
        var isTrue: Approximation
        var isFalse: Approximation
        /// Whether it never is an error.
        var isTotal: Bool
    }

    private let limits: CESQLLimits

    /// Beyond this many parts a condition is not worth having.
    private static let sizeMax = 512

    init(limits: CESQLLimits) { self.limits = limits }

    func pattern(of root: CESQLTerm) -> (pattern: Pattern, isExact: Bool) {
        // A text by itself is never true, even if it is the text "true".
        guard root.type == .boolean else { return (Pattern(root: Condition.never.object), true) }
        let compiled = compile(root).isTrue
        if let pattern = Self.pattern(compiled.condition) { return (pattern, compiled.isExact) }
        return (Self.pattern(presence(of: root)) ?? .matchAll, false)
    }

    /// The pattern of a condition; nil if it costs more than patterns may.
    private static func pattern(_ condition: Condition) -> Pattern? {
        let object = condition.object
        guard object.combinationCount <= PatternLimits().combinationsMax else { return nil }
        return try? Pattern(parsing: Pattern(root: object).text)
    }

    private func compile(_ term: CESQLTerm) -> Compiled {
        if !term.hasAttributes { return constant(term) }
        switch term.node {
        case .logic(let logic, let parts): return self.logic(logic, parts.map(compile))
        case .not(let part) where part.type != .integer:
            let part = compile(part)
            return Compiled(isTrue: part.isFalse, isFalse: part.isTrue, isTotal: part.isTotal)
        case .exists(let name):
            return Compiled(
                isTrue: Approximation(condition: .attribute(name, [.exists(true)])),
                isFalse: Approximation(condition: .attribute(name, [.exists(false)])), isTotal: true)
        case .call("BOOL", let arguments) where arguments.count == 1: return compile(arguments[0])
        case .attribute(let name):
            return Compiled(
                isTrue: Approximation(condition: .attribute(name, [.equalsIgnoringCase(Array("true".utf8))])),
                isFalse: Approximation(
                    condition: .attribute(name, [.equalsIgnoringCase(Array("false".utf8))])),
                isTotal: false)
        case .equality(let left, let right, let isNegated):
            return equality(left, right).map { isNegated ? negated($0) : $0 } ?? unknown(term)
        case .order(let order, let left, let right): return self.order(order, left, right) ?? unknown(term)
        case .like(let part, let pattern, let isNegated):
            return like(part, pattern).map { isNegated ? negated($0) : $0 } ?? unknown(term)
        case .within(let part, let elements, let isNegated):
            return within(part, elements).map { isNegated ? negated($0) : $0 } ?? unknown(term)
        default: return unknown(term)
        }
    }

    // MARK: - Logic

    private func negated(_ part: Compiled) -> Compiled {
        Compiled(isTrue: part.isFalse, isFalse: part.isTrue, isTotal: part.isTotal)
    }

    private func logic(_ logic: CESQLTerm.Logic, _ parts: [Compiled]) -> Compiled {
        guard var result = parts.first else { return always(true) }
        for part in parts.dropFirst() {
            let isTotal = result.isTotal && part.isTotal
            switch logic {
            case .and:
                result = Compiled(
                    isTrue: both(result.isTrue, part.isTrue),
                    isFalse: either(
                        result.isFalse, result.isTotal ? part.isFalse : both(result.isTrue, part.isFalse)),
                    isTotal: isTotal)
            case .or:
                result = Compiled(
                    isTrue: either(
                        result.isTrue, result.isTotal ? part.isTrue : both(result.isFalse, part.isTrue)),
                    isFalse: both(result.isFalse, part.isFalse), isTotal: isTotal)
            case .xor:
                result = Compiled(
                    isTrue: either(both(result.isTrue, part.isFalse), both(result.isFalse, part.isTrue)),
                    isFalse: either(both(result.isTrue, part.isTrue), both(result.isFalse, part.isFalse)),
                    isTotal: isTotal)
            }
        }
        return result
    }

    private func both(_ left: Approximation, _ right: Approximation) -> Approximation {
        let condition = Condition.all(of: [left.condition, right.condition])
        guard condition.size <= Self.sizeMax else {
            // One side alone is wider than both.
            return Approximation(
                condition: left.condition.size <= right.condition.size ? left.condition : right.condition,
                isExact: false)
        }
        return Approximation(condition: condition, isExact: left.isExact && right.isExact)
    }

    private func either(_ left: Approximation, _ right: Approximation) -> Approximation {
        let condition = Condition.any(of: [left.condition, right.condition])
        guard condition.size <= Self.sizeMax else { return Approximation(condition: .always, isExact: false) }
        return Approximation(condition: condition, isExact: left.isExact && right.isExact)
    }

    private func always(_ value: Bool) -> Compiled {
        Compiled(
            isTrue: Approximation(condition: value ? .always : .never),
            isFalse: Approximation(condition: value ? .never : .always), isTotal: true)
    }

    /// A part without attributes has one value.
    private func constant(_ term: CESQLTerm) -> Compiled {
        var evaluation = CESQLEvaluation(limits: limits) { _ in nil }
        let outcome = evaluation.outcome(of: term)
        guard !outcome.isFailed, let value = CESQLCast.boolean(of: outcome.value) else {
            let never = Approximation(condition: .never)
            return Compiled(isTrue: never, isFalse: never, isTotal: false)
        }
        return always(value)
    }

    /// What patterns cannot say: it has a value only if the attributes are there that it needs.
    private func unknown(_ term: CESQLTerm) -> Compiled {
        let wide = Approximation(condition: presence(of: term), isExact: false)
        return Compiled(isTrue: wide, isFalse: wide, isTotal: false)
    }

    /// Holds if all attributes are there that every evaluation of the term reads.
    private func presence(of term: CESQLTerm) -> Condition {
        switch term.node {
        case .attribute(let name): .attribute(name, [.exists(true)])
        case .exists: .always
        // Only the first operand, or element, is always evaluated.
        case .logic(.and, let parts), .logic(.or, let parts): parts.first.map(presence) ?? .always
        case .within(let part, let elements, _):
            .all(of: [presence(of: part)] + elements.prefix(1).map(presence))
        case .call(let name, let parts) where CESQLFunction(name, argumentCount: parts.count) == nil: .never
        default: .all(of: term.parts.map(presence))
        }
    }

    // MARK: - Comparisons

    /// An attribute, perhaps cast: what can be compared with literals by a pattern.
    private struct Operand {
        let name: String
        var type = CESQLType.string
    }

    private func operand(_ term: CESQLTerm) -> Operand? {
        switch term.node {
        case .attribute(let name): Operand(name: name)
        case .call("STRING", let parts) where parts.count == 1:
            operand(parts[0]).flatMap { $0.type == .string ? $0 : nil }
        case .call("INT", let parts) where parts.count == 1:
            operand(parts[0]).flatMap { $0.type == .boolean ? nil : Operand(name: $0.name, type: .integer) }
        case .call("BOOL", let parts) where parts.count == 1:
            operand(parts[0]).flatMap { $0.type == .integer ? nil : Operand(name: $0.name, type: .boolean) }
        default: nil
        }
    }

    /// The value of a term without attributes; nil if it has some, or an error.
    private func literal(_ term: CESQLTerm) -> CESQLValue? {
        guard !term.hasAttributes else { return nil }
        var evaluation = CESQLEvaluation(limits: limits) { _ in nil }
        let outcome = evaluation.outcome(of: term)
        return outcome.isFailed ? nil : outcome.value
    }

    /// Whether every event has the attribute.
    private func isRequired(_ name: String) -> Bool {
        ["id", "source", "type", "specversion"].contains(name)
    }

    private func compiled(
        _ name: String, _ yes: [PatternTest], _ no: [PatternTest], isTotal: Bool
    ) -> Compiled {
        func approximation(_ tests: [PatternTest]) -> Approximation {
            Approximation(condition: tests.isEmpty ? .never : .attribute(name, tests))
        }
        return Compiled(
            isTrue: approximation(yes), isFalse: approximation(no), isTotal: isTotal && isRequired(name))
    }

    private func equality(_ left: CESQLTerm, _ right: CESQLTerm) -> Compiled? {
        // The left side is cast to the type of the right one.
        if let operand = operand(left), let value = literal(right) {
            return equality(operand, operand.type == value.type ? value : nil, cast: value)
        }
        if let operand = operand(right), let value = literal(left) {
            guard let value = CESQLCast.value(value, as: operand.type) else {
                let never = Approximation(condition: .never)
                return Compiled(isTrue: never, isFalse: never, isTotal: false)
            }
            return equality(operand, value, cast: value)
        }
        return nil
    }

    /// - Parameters:
    ///   - own: the value, if no cast of the operand is needed.
    ///   - value: the value that the operand is cast for.
    private func equality(_ operand: Operand, _ own: CESQLValue?, cast value: CESQLValue) -> Compiled? {
        switch (operand.type, value) {
        case (.string, .string(let text)):
            let test = PatternTest.equals(.string(Array(text.utf8)))
            return compiled(operand.name, [test], [.anythingBut([test])], isTotal: true)
        case (.string, .integer(let number)), (.integer, .integer(let number)):
            return integers(operand.name, Int64(number), Int64(number))
        case (.string, .boolean(let flag)), (.boolean, .boolean(let flag)):
            let words = [flag, !flag].map { PatternTest.equalsIgnoringCase(Array(String($0).utf8)) }
            return compiled(operand.name, [words[0]], [words[1]], isTotal: false)
        default: return nil
        }
    }

    /// The attribute is an integer within bounds, or one outside of them.
    private func integers(_ name: String, _ lower: Int64, _ upper: Int64) -> Compiled {
        let inside = IntegerRange(lower, upper)
        let outside =
            lower > upper
            ? [IntegerRange(.min, .max)] : [IntegerRange(.min, lower - 1), IntegerRange(upper + 1, .max)]
        return compiled(
            name, [inside].compactMap { $0.map { .text(.integer($0)) } },
            outside.compactMap { $0.map { .text(.integer($0)) } }, isTotal: false)
    }

    private func order(_ order: CESQLTerm.Order, _ left: CESQLTerm, _ right: CESQLTerm) -> Compiled? {
        let isSwapped = operand(left) == nil
        guard let operand = operand(isSwapped ? right : left), operand.type != .boolean,
            let value = literal(isSwapped ? left : right)
        else { return nil }
        guard let bound = CESQLCast.integer(of: value).map({ Int64($0) }) else {
            let never = Approximation(condition: .never)
            return Compiled(isTrue: never, isFalse: never, isTotal: false)
        }
        let least = Int64(Int32.min)
        let most = Int64(Int32.max)
        switch (order, isSwapped) {
        case (.less, false), (.greater, true): return integers(operand.name, least, bound - 1)
        case (.lessOrEqual, false), (.greaterOrEqual, true): return integers(operand.name, least, bound)
        case (.greater, false), (.less, true): return integers(operand.name, bound + 1, most)
        case (.greaterOrEqual, false), (.lessOrEqual, true): return integers(operand.name, bound, most)
        }
    }

    private func like(_ part: CESQLTerm, _ pattern: LikePattern) -> Compiled? {
        guard let operand = operand(part), operand.type == .string else { return nil }
        let test = Self.test(for: pattern)
        return compiled(
            operand.name, [test], [test == .exists(true) ? nil : .anythingBut([test])].compactMap { $0 },
            isTotal: true)
    }

    /// The test with the best index.
    private static func test(for pattern: LikePattern) -> PatternTest {
        guard let wildcard = pattern.wildcard else { return .text(.like(pattern)) }
        guard let tail = wildcard.tail else { return .equals(.string(wildcard.head)) }
        guard wildcard.middle.isEmpty, wildcard.head.isEmpty || tail.isEmpty else {
            return .wildcard(wildcard)
        }
        if !wildcard.head.isEmpty { return .prefix(wildcard.head) }
        return tail.isEmpty ? .exists(true) : .suffix(tail)
    }

    private func within(_ part: CESQLTerm, _ elements: [CESQLTerm]) -> Compiled? {
        guard let operand = operand(part), operand.type == .string else { return nil }
        var tests: [PatternTest] = []
        for element in elements {
            guard let value = literal(element) else { return nil }
            let test = PatternTest.equals(.string(Array(CESQLCast.text(of: value).utf8)))
            if !tests.contains(test) { tests.append(test) }
        }
        return compiled(operand.name, tests, [.anythingBut(tests)], isTotal: true)
    }
}
