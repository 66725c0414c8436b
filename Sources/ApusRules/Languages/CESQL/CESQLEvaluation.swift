// SPDX-License-Identifier: Apache-2.0

// One evaluation of an expression. Expressions are total: there is always a value, and beside it the errors. An
// operator whose operand had an error is not computed: it has the zero value of its type, as the published
// conformance cases have it (`true and (1 != 1 / 0)` is false). Each term is visited once at most, and the bytes of text
// that are read and made are counted, so that no expression costs more than its limits say.

/// An error in the evaluation of an expression.
public struct CESQLError: Error, Sendable, Hashable {
    /// The kinds of errors, named as in the specification.
    public enum Kind: String, Sendable, Hashable {
        /// Division by zero, or a result that does not fit into 32 bits.
        case math = "MathError"
        /// A value that cannot be of the type it is needed in.
        case cast = "CastError"
        /// An attribute that the event does not have.
        case missingAttribute = "MissingAttributeError"
        /// A function that does not exist.
        case missingFunction = "MissingFunctionError"
        /// An argument that a function does not take.
        case functionEvaluation = "FunctionEvaluationError"
        /// The evaluation would cost too much.
        case generic = "GenericError"
    }

    /// The kind.
    public let kind: Kind
    /// What is wrong, for people.
    public let message: String
    /// Where the part stands that has the error, in bytes from the start of the expression.
    public let offset: Int
}

extension CESQLError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String { "\(kind.rawValue) at byte \(offset): \(message)" }
}

struct CESQLEvaluation {
    /// How many errors are kept.
    static let errorsMax = 16

    /// A value, and whether it is only there because something went wrong.
    struct Outcome {
        var value: CESQLValue
        var isFailed = false
    }

    private let attribute: (String) -> CESQLValue?
    private var bytesLeft: Int
    private(set) var errors: [CESQLError] = []

    init(limits: CESQLLimits, attribute: @escaping (String) -> CESQLValue?) {
        self.attribute = attribute
        self.bytesLeft = limits.evaluationBytesMax
    }

    mutating func outcome(of term: CESQLTerm) -> Outcome {
        switch term.node {
        case .literal(let value): return Outcome(value: value)
        case .attribute(let name):
            guard let value = attribute(name) else {
                return fail(.missingAttribute, "there is no attribute '\(name)'", term, .boolean(false))
            }
            return made(value, term)
        case .exists(let name): return Outcome(value: .boolean(attribute(name) != nil))
        case .not(let operand): return not(operand, term)
        case .negation(let operand):
            guard let value = integers([operand], term)?[0] else { return failed(.integer) }
            return result(of: Int32(0).subtractingReportingOverflow(value), term)
        case .arithmetic(let arithmetic, let left, let right):
            guard let values = integers([left, right], term) else { return failed(.integer) }
            return compute(arithmetic, values[0], values[1], term)
        case .order(let order, let left, let right):
            guard let values = integers([left, right], term) else { return failed(.boolean) }
            return Outcome(value: .boolean(Self.holds(order, values[0], values[1])))
        case .equality(let left, let right, let isNegated):
            guard let values = values(of: [left, right]) else { return failed(.boolean) }
            guard let value = cast(values[0], as: values[1].type, term) else { return failed(.boolean) }
            return Outcome(value: .boolean((value == values[1]) != isNegated))
        case .logic(let logic, let operands): return self.logic(logic, operands, term)
        case .like(let operand, let pattern, let isNegated):
            guard let value = values(of: [operand])?[0] else { return failed(.boolean) }
            var text = CESQLCast.text(of: value)
            guard spend(text.utf8.count, term) else { return failed(.boolean) }
            let isMatch = text.withUTF8 { pattern.matches(UnsafeRawBufferPointer($0)) }
            return Outcome(value: .boolean(isMatch != isNegated))
        case .within(let operand, let elements, let isNegated):
            return within(operand, elements, isNegated, term)
        case .call(let name, let arguments): return call(name, arguments, term)
        }
    }

    // MARK: - Operators

    private mutating func not(_ operand: CESQLTerm, _ term: CESQLTerm) -> Outcome {
        guard let value = values(of: [operand])?[0] else { return failed(.boolean) }
        // The published cases want an error for NOT 10, and true: the negation of the failed cast.
        if case .integer = value { return fail(.cast, "\(value) is not a Boolean", term, .boolean(true)) }
        guard let value = CESQLCast.boolean(of: value) else {
            return fail(.cast, "\(value) is not a Boolean", term, .boolean(true))
        }
        return Outcome(value: .boolean(!value))
    }

    private mutating func logic(
        _ logic: CESQLTerm.Logic, _ operands: [CESQLTerm], _ term: CESQLTerm
    ) -> Outcome {
        var result = logic == .and
        for operand in operands {
            guard let value = values(of: [operand])?[0],
                case .boolean(let value) = cast(value, as: .boolean, operand)
            else { return failed(.boolean) }
            switch logic {
            case .and where !value: return Outcome(value: .boolean(false))
            case .or where value: return Outcome(value: .boolean(true))
            case .and, .or: break
            case .xor: result = result != value
            }
        }
        return Outcome(value: .boolean(result))
    }

    private mutating func compute(
        _ arithmetic: CESQLTerm.Arithmetic, _ left: Int32, _ right: Int32, _ term: CESQLTerm
    ) -> Outcome {
        switch arithmetic {
        case .plus: return result(of: left.addingReportingOverflow(right), term)
        case .minus: return result(of: left.subtractingReportingOverflow(right), term)
        case .times: return result(of: left.multipliedReportingOverflow(by: right), term)
        case .divided, .remainder:
            guard right != 0 else { return fail(.math, "division by zero", term, .integer(0)) }
            // The remainder of the one division that overflows is zero.
            if arithmetic == .remainder { return Outcome(value: .integer(right == -1 ? 0 : left % right)) }
            return result(of: left.dividedReportingOverflow(by: right), term)
        }
    }

    private mutating func result(
        of computed: (partialValue: Int32, overflow: Bool), _ term: CESQLTerm
    ) -> Outcome {
        guard !computed.overflow else {
            return fail(.math, "the result does not fit into 32 bits", term, .integer(0))
        }
        return Outcome(value: .integer(computed.partialValue))
    }

    private static func holds(_ order: CESQLTerm.Order, _ left: Int32, _ right: Int32) -> Bool {
        switch order {
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        }
    }

    /// Looks for the first element that is equal; those after it are not evaluated.
    private mutating func within(
        _ operand: CESQLTerm, _ elements: [CESQLTerm], _ isNegated: Bool, _ term: CESQLTerm
    ) -> Outcome {
        guard let value = values(of: [operand])?[0] else { return failed(.boolean) }
        for element in elements {
            guard let other = values(of: [element])?[0], let other = cast(other, as: value.type, element)
            else {
                return failed(.boolean)
            }
            if other == value { return Outcome(value: .boolean(!isNegated)) }
        }
        return Outcome(value: .boolean(isNegated))
    }

    private mutating func call(_ name: String, _ arguments: [CESQLTerm], _ term: CESQLTerm) -> Outcome {
        guard let function = CESQLFunction(name, argumentCount: arguments.count) else {
            return fail(
                .missingFunction, "no function \(name) takes \(arguments.count) arguments", term,
                .boolean(false))
        }
        guard var values = values(of: arguments) else { return failed(function.type) }
        var length = 0
        for index in values.indices {
            if let type = function.parameter(index) {
                guard let value = cast(values[index], as: type, arguments[index]) else {
                    return failed(function.type)
                }
                values[index] = value
            }
            if case .string(let text) = values[index] { length += text.utf8.count }
        }
        if function == .concatWithSeparator, case .string(let separator) = values[0] {
            length += separator.utf8.count * max(values.count - 2, 0)
        }
        // What comes out of upper case can be three times as long, no more.
        guard spend(length, term) else { return failed(function.type) }
        let (value, error) = function.value(of: values)
        if let error { return fail(error.0, error.1, term, value) }
        return Outcome(value: value)
    }

    // MARK: - Operands

    /// The values of all, nil if one has an error; all are evaluated, so that all errors are known.
    private mutating func values(of terms: [CESQLTerm]) -> [CESQLValue]? {
        var values: [CESQLValue] = []
        values.reserveCapacity(terms.count)
        var isFailed = false
        for term in terms {
            let outcome = outcome(of: term)
            isFailed = isFailed || outcome.isFailed
            values.append(outcome.value)
        }
        return isFailed ? nil : values
    }

    private mutating func integers(_ terms: [CESQLTerm], _ term: CESQLTerm) -> [Int32]? {
        guard let values = values(of: terms) else { return nil }
        var integers: [Int32] = []
        for (index, value) in values.enumerated() {
            guard case .integer(let integer) = cast(value, as: .integer, terms[index]) else { return nil }
            integers.append(integer)
        }
        return integers
    }

    private mutating func cast(_ value: CESQLValue, as type: CESQLType, _ term: CESQLTerm) -> CESQLValue? {
        guard let result = CESQLCast.value(value, as: type) else {
            _ = fail(.cast, "\(value) is not \(type.rawValue)", term, type.zero)
            return nil
        }
        return result
    }

    // MARK: - Errors

    private func failed(_ type: CESQLType) -> Outcome { Outcome(value: type.zero, isFailed: true) }

    private mutating func fail(
        _ kind: CESQLError.Kind, _ message: String, _ term: CESQLTerm, _ value: CESQLValue
    ) -> Outcome {
        if errors.count < Self.errorsMax {
            errors.append(CESQLError(kind: kind, message: message, offset: term.range.lowerBound))
        }
        return Outcome(value: value, isFailed: true)
    }

    private mutating func made(_ value: CESQLValue, _ term: CESQLTerm) -> Outcome {
        guard case .string(let text) = value, !spend(text.utf8.count, term) else {
            return Outcome(value: value)
        }
        return failed(.string)
    }

    private mutating func spend(_ count: Int, _ term: CESQLTerm) -> Bool {
        guard count <= bytesLeft else {
            bytesLeft = 0
            _ = fail(.generic, "the evaluation takes too much text", term, .string(""))
            return false
        }
        bytesLeft -= count
        return true
    }
}
