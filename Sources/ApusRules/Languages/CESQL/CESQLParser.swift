// SPDX-License-Identifier: Apache-2.0

// From text to tree, by precedence (section 3.6 of CESQL's specification): functions, NOT and minus, LIKE, EXISTS,
// IN, * / %, + -, comparisons, and last AND, OR and XOR, which bind equally and from the left.

import JSONText

/// What an expression may cost.
public struct CESQLLimits: Sendable, Hashable {
    /// Length of the text, in bytes.
    public var textBytesMax = 64 * 1024
    /// Levels of terms; a chain of one logical operator is one level.
    public var depthMax = 64
    /// Literals, attributes, operators and calls.
    public var termsMax = 4096
    /// Bytes of text that one evaluation may read and make.
    public var evaluationBytesMax = 1 << 20

    /// The default limits.
    public init() {}
}

struct CESQLParser {
    private var lexer: CESQLLexer
    private var token: CESQLToken
    /// Where the token before ended.
    private var end = 0
    private let limits: CESQLLimits
    private var depth = 0
    private var termCount = 0

    static func parse(_ text: [UInt8], limits: CESQLLimits) throws(RuleLanguageError) -> CESQLTerm {
        guard text.count <= limits.textBytesMax else {
            throw RuleLanguageError(
                .tooLong(limit: limits.textBytesMax), in: .cesql, offset: limits.textBytesMax, of: text)
        }
        guard String(validating: text, as: UTF8.self) != nil else {
            throw RuleLanguageError(.json(.invalidUTF8), in: .cesql, offset: 0, of: text)
        }
        var parser = try CESQLParser(CESQLLexer(text), limits)
        let term = try parser.expression(binding: 0)
        guard parser.token.kind == .end else { throw parser.unexpected("an operator or the end") }
        return term
    }

    private init(_ lexer: CESQLLexer, _ limits: CESQLLimits) throws(RuleLanguageError) {
        self.lexer = lexer
        self.limits = limits
        self.token = try self.lexer.next()
    }

    // MARK: - Operators

    private enum Operator {
        case logic(CESQLTerm.Logic)
        case equality(isNegated: Bool)
        case order(CESQLTerm.Order)
        case arithmetic(CESQLTerm.Arithmetic)
        case within, like, not

        var binding: Int {
            switch self {
            case .logic: 1
            case .equality, .order: 2
            case .arithmetic(.plus), .arithmetic(.minus): 3
            case .arithmetic: 4
            case .within, .like, .not: 5
            }
        }
    }

    /// The operator that the token is between two terms.
    private var infix: Operator? {
        switch token.kind {
        case .sign(let sign):
            switch sign {
            case "=": .equality(isNegated: false)
            case "!=", "<>": .equality(isNegated: true)
            case "<": .order(.less)
            case "<=": .order(.lessOrEqual)
            case ">": .order(.greater)
            case ">=": .order(.greaterOrEqual)
            case "+": .arithmetic(.plus)
            case "-": .arithmetic(.minus)
            case "*": .arithmetic(.times)
            case "/": .arithmetic(.divided)
            case "%": .arithmetic(.remainder)
            default: nil
            }
        case .word(let word):
            switch word.uppercased() {
            case "AND": .logic(.and)
            case "OR": .logic(.or)
            case "XOR": .logic(.xor)
            case "IN": .within
            case "LIKE": .like
            case "NOT": .not
            default: nil
            }
        default: nil
        }
    }

    /// Reads terms and the operators between them that bind more tightly than `binding`.
    private mutating func expression(binding: Int) throws(RuleLanguageError) -> CESQLTerm {
        let start = token.range.lowerBound
        depth += 1
        guard depth <= limits.depthMax else { throw tooDeep(at: start) }
        var left = try prefix()
        while let infix, infix.binding > binding {
            let place = token.range.lowerBound
            try advance()
            left = try operation(infix, left, from: start, at: place)
        }
        depth -= 1
        return left
    }

    private mutating func operation(
        _ infix: Operator, _ left: CESQLTerm, from start: Int, at place: Int
    ) throws(RuleLanguageError) -> CESQLTerm {
        switch infix {
        case .like: return try like(left, from: start, isNegated: false)
        case .within: return try within(left, from: start, isNegated: false)
        case .not:
            if take(word: "LIKE") {
                try advance()
                return try like(left, from: start, isNegated: true)
            }
            guard take(word: "IN") else { throw unexpected("LIKE or IN") }
            try advance()
            return try within(left, from: start, isNegated: true)
        case .logic(let logic):
            var operands = [left, try expression(binding: infix.binding)]
            while case .logic(logic)? = self.infix {
                try advance()
                operands.append(try expression(binding: infix.binding))
            }
            return try term(.logic(logic, operands), from: start, at: place)
        case .equality(let isNegated):
            let right = try expression(binding: infix.binding)
            return try term(.equality(left, right, isNegated: isNegated), from: start, at: place)
        case .order(let order):
            return try term(
                .order(order, left, try expression(binding: infix.binding)), from: start, at: place)
        case .arithmetic(let arithmetic):
            return try term(
                .arithmetic(arithmetic, left, try expression(binding: infix.binding)), from: start, at: place)
        }
    }

    private mutating func like(
        _ left: CESQLTerm, from start: Int, isNegated: Bool
    ) throws(RuleLanguageError) -> CESQLTerm {
        guard case .text(let text) = token.kind else { throw unexpected("a text in quotes") }
        guard let pattern = LikePattern(Array(text.utf8)) else {
            throw lexer.error(
                .tooMany("characters in a pattern of LIKE", limit: LikePattern.lengthMax),
                at: token.range.lowerBound)
        }
        try advance()
        return try term(.like(left, pattern, isNegated: isNegated), from: start, at: start)
    }

    private mutating func within(
        _ left: CESQLTerm, from start: Int, isNegated: Bool
    ) throws(RuleLanguageError) -> CESQLTerm {
        guard token.kind == .sign("(") else { throw unexpected("'('") }
        try advance()
        return try term(
            .within(left, try list(), isNegated: isNegated), from: start, at: start)
    }

    // MARK: - Terms

    private mutating func prefix() throws(RuleLanguageError) -> CESQLTerm {
        let start = token.range.lowerBound
        switch token.kind {
        case .sign("("):
            try advance()
            let inner = try expression(binding: 0)
            guard token.kind == .sign(")") else { throw unexpected("an operator or ')'") }
            try advance()
            return inner
        case .sign("-"), .sign("+"): return try signed()
        case .digits(let digits):
            try advance()
            return try integer(digits, from: start)
        case .text(let text):
            try advance()
            return try term(.literal(.string(text)), from: start, at: start)
        case .word(let word): return try self.word(word)
        case .sign, .end: throw unexpected("an attribute, a literal, a function, NOT, EXISTS, '-' or '('")
        }
    }

    /// A sign right before digits belongs to them; any other minus is an operator.
    private mutating func signed() throws(RuleLanguageError) -> CESQLTerm {
        let sign = token
        try advance()
        if case .digits(let digits) = token.kind, token.range.lowerBound == sign.range.upperBound {
            try advance()
            let text = sign.kind == .sign("-") ? "-" + digits : digits
            return try integer(text, from: sign.range.lowerBound)
        }
        guard sign.kind == .sign("-") else { throw unexpected("digits right after '+'") }
        let operand = try nested(at: sign.range.lowerBound) { (self) throws(RuleLanguageError) in
            try self.prefix()
        }
        return try term(.negation(operand), from: sign.range.lowerBound, at: sign.range.lowerBound)
    }

    private mutating func integer(_ text: String, from start: Int) throws(RuleLanguageError) -> CESQLTerm {
        var copy = text
        guard let value = copy.withUTF8({ CESQLCast.integer(of: UnsafeRawBufferPointer($0)) }) else {
            throw lexer.error(.integerTooLarge(text), at: start)
        }
        return try term(.literal(.integer(value)), from: start, at: start)
    }

    private mutating func word(_ word: String) throws(RuleLanguageError) -> CESQLTerm {
        let place = token
        let start = place.range.lowerBound
        let upper = word.uppercased()
        switch upper {
        case "TRUE", "FALSE":
            try advance()
            return try term(.literal(.boolean(upper == "TRUE")), from: start, at: start)
        case "NOT":
            try advance()
            let operand = try nested(at: start) { (self) throws(RuleLanguageError) in try self.prefix() }
            return try term(.not(operand), from: start, at: start)
        case "EXISTS":
            try advance()
            guard case .word(let name) = token.kind, isAttribute(name) else {
                throw unexpected("an attribute")
            }
            try advance()
            return try term(.exists(name.lowercased()), from: start, at: start)
        case "AND", "OR", "XOR", "IN", "LIKE":
            throw unexpected("an attribute, a literal, a function, NOT, EXISTS, '-' or '('")
        default:
            try advance()
            if token.kind == .sign("(") {
                guard word.utf8.allSatisfy({ !(0x30...0x39).contains($0) }), word.utf8.first != 0x5F else {
                    throw lexer.error(
                        .unexpected("'\(word)'", expected: "a function, which has letters and underscores"),
                        at: start)
                }
                try advance()
                return try term(.call(upper, try arguments()), from: start, at: start)
            }
            guard isAttribute(word) else {
                throw lexer.error(
                    .unexpected("'\(word)'", expected: "an attribute, which has letters and digits"),
                    at: start)
            }
            return try term(.attribute(word.lowercased()), from: start, at: start)
        }
    }

    private func isAttribute(_ word: String) -> Bool { !word.utf8.contains(0x5F) }

    private mutating func arguments() throws(RuleLanguageError) -> [CESQLTerm] {
        if token.kind == .sign(")") {
            try advance()
            return []
        }
        return try list()
    }

    /// Reads terms up to the closing parenthesis.
    private mutating func list() throws(RuleLanguageError) -> [CESQLTerm] {
        var terms = [try expression(binding: 0)]
        while token.kind == .sign(",") {
            try advance()
            terms.append(try expression(binding: 0))
        }
        guard token.kind == .sign(")") else { throw unexpected("an operator, ',' or ')'") }
        try advance()
        return terms
    }

    // MARK: - Steps

    private mutating func advance() throws(RuleLanguageError) {
        end = token.range.upperBound
        token = try lexer.next()
    }

    private func take(word: String) -> Bool {
        guard case .word(let found) = token.kind else { return false }
        return found.uppercased() == word
    }

    private mutating func nested(
        at start: Int, _ read: (inout CESQLParser) throws(RuleLanguageError) -> CESQLTerm
    ) throws(RuleLanguageError) -> CESQLTerm {
        depth += 1
        guard depth <= limits.depthMax else { throw tooDeep(at: start) }
        let term = try read(&self)
        depth -= 1
        return term
    }

    private mutating func term(
        _ node: CESQLTerm.Node, from start: Int, at place: Int
    ) throws(RuleLanguageError) -> CESQLTerm {
        termCount += 1
        guard termCount <= limits.termsMax else {
            throw lexer.error(.tooMany("terms", limit: limits.termsMax), at: place)
        }
        let term = CESQLTerm(node, start..<end)
        guard term.depth <= limits.depthMax else { throw tooDeep(at: place) }
        return term
    }

    private func tooDeep(at place: Int) -> RuleLanguageError {
        lexer.error(.tooDeep(limit: limits.depthMax), at: place)
    }

    private func unexpected(_ expected: String) -> RuleLanguageError {
        lexer.error(.unexpected(token.shown, expected: expected), at: token.range.lowerBound)
    }
}
