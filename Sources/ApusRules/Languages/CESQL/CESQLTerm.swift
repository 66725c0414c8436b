// SPDX-License-Identifier: Apache-2.0

// A parsed CESQL expression as a tree. Each part knows where it stands in the text, for errors and explanations.

/// A part of an expression.
struct CESQLTerm: Sendable, Hashable {
    enum Arithmetic: Sendable { case plus, minus, times, divided, remainder }
    enum Order: Sendable { case less, lessOrEqual, greater, greaterOrEqual }
    enum Logic: Sendable { case and, or, xor }

    indirect enum Node: Sendable, Hashable {
        case literal(CESQLValue)
        case attribute(String)
        case not(CESQLTerm)
        case negation(CESQLTerm)
        case arithmetic(Arithmetic, CESQLTerm, CESQLTerm)
        case equality(CESQLTerm, CESQLTerm, isNegated: Bool)
        case order(Order, CESQLTerm, CESQLTerm)
        /// Two or more operands of one operator, from the left.
        case logic(Logic, [CESQLTerm])
        case like(CESQLTerm, LikePattern, isNegated: Bool)
        case within(CESQLTerm, [CESQLTerm], isNegated: Bool)
        case exists(String)
        /// The name in upper case.
        case call(String, [CESQLTerm])
    }

    let node: Node
    /// Where it stands, in bytes of the text; parentheses around it are not part of it.
    let range: Range<Int>
    /// Levels of terms, 1 if there is none inside.
    let depth: Int

    init(_ node: Node, _ range: Range<Int>) {
        self.node = node
        self.range = range
        var depth = 0
        Self.forEachPart(of: node) { depth = max(depth, $0.depth) }
        self.depth = depth + 1
    }

    /// The terms right inside.
    var parts: [CESQLTerm] {
        var result: [CESQLTerm] = []
        Self.forEachPart(of: node) { result.append($0) }
        return result
    }

    private static func forEachPart(of node: Node, _ body: (CESQLTerm) -> Void) {
        switch node {
        case .literal, .attribute, .exists: break
        case .not(let part), .negation(let part), .like(let part, _, _): body(part)
        case .arithmetic(_, let left, let right), .equality(let left, let right, _),
            .order(_, let left, let right):
            body(left)
            body(right)
        case .logic(_, let parts), .call(_, let parts): parts.forEach(body)
        case .within(let part, let parts, _):
            body(part)
            parts.forEach(body)
        }
    }

    /// The type of its value when attributes have only texts.
    var type: CESQLType {
        switch node {
        case .literal(let value): value.type
        case .attribute: .string
        case .negation, .arithmetic: .integer
        case .not, .equality, .order, .logic, .like, .within, .exists: .boolean
        case .call(let name, let arguments):
            CESQLFunction(name, argumentCount: arguments.count)?.type ?? .boolean
        }
    }

    /// Whether its value depends on the event.
    var hasAttributes: Bool {
        switch node {
        case .attribute, .exists: true
        default: parts.contains { $0.hasAttributes }
        }
    }

    /// The names of attributes in it, in the order of the text, each once.
    var attributes: [String] {
        var result: [String] = []
        collectAttributes(into: &result)
        return result
    }

    private func collectAttributes(into names: inout [String]) {
        switch node {
        case .attribute(let name), .exists(let name):
            if !names.contains(name) { names.append(name) }
        default: for part in parts { part.collectAttributes(into: &names) }
        }
    }
}
