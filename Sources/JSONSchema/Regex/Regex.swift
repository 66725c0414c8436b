// SPDX-License-Identifier: Apache-2.0

// Regular expressions matched in linear time: by a table of states where that stays small, else by following all
// steps of the automaton at once.

/// A compiled regular expression of ECMA-262, as far as it is regular.
package final class Regex: Sendable {
    private let steps: [RegexStep]
    private let branches: [Int32]
    private let sets: [ByteSet]
    private let first: Int32
    let table: RegexTable?

    /// Compiles `text`.
    package convenience init(_ text: String, limit: Int = 20_000) throws(RegexError) {
        var work = Int.max
        try self.init(text, limit: limit, work: &work)
    }

    /// Compiles `text`; making its table takes from `work`, and when that is used up there is none.
    init(_ text: String, limit: Int, work: inout Int) throws(RegexError) {
        var compiler = RegexCompiler(limit: limit)
        first = try compiler.compile(try RegexParser.parse(text))
        steps = compiler.steps
        branches = compiler.branches
        sets = compiler.sets
        table = RegexTable(steps: steps, branches: branches, sets: sets, first: first, work: &work)
    }

    /// Instructions.
    var size: Int { steps.count + branches.count }

    /// Whether some part of `bytes`, which are UTF-8, matches. Takes from `budget`; if it falls below zero, the answer means nothing.
    package func matches(_ bytes: UnsafeRawBufferPointer, steps budget: inout Int) -> Bool {
        if let table { return table.matches(bytes) }
        return follow(bytes, budget: &budget)
    }

    /// Whether there is a table of states; told to tests.
    package var hasTable: Bool { table != nil }

    /// The same answer without the table; told to tests.
    package func matchesByFollowing(_ bytes: UnsafeRawBufferPointer, steps budget: inout Int) -> Bool {
        follow(bytes, budget: &budget)
    }

    private func follow(_ bytes: UnsafeRawBufferPointer, budget: inout Int) -> Bool {
        var current = StepSet(count: steps.count)
        var next = StepSet(count: steps.count)
        budget -= steps.count >> 6
        var stack: [Int32] = []
        for index in 0...bytes.count {
            let place = Place(
                isStart: index == 0, isEnd: index == bytes.count,
                isBoundary: Self.isWord(bytes, index - 1) != Self.isWord(bytes, index))
            // Steps were put in without following what asks for the place; a new attempt begins here too.
            stack.append(contentsOf: current.members)
            current.removeAll()
            stack.append(first)
            if spread(&stack, into: &current, at: place) { return true }
            budget -= 1 + (current.members.count >> 2)
            guard index < bytes.count, budget >= 0 else { return false }
            for step in current.members {
                if case .byte(let set, let target) = steps[Int(step)], sets[Int(set)].contains(bytes[index]) {
                    next.insert(target)
                }
            }
            swap(&current, &next)
            next.removeAll()
        }
        return false
    }

    private struct Place {
        let isStart: Bool
        let isEnd: Bool
        let isBoundary: Bool
    }

    /// Follows all that takes no byte; true if it leads to the end of the expression.
    private func spread(_ stack: inout [Int32], into set: inout StepSet, at place: Place) -> Bool {
        while let step = stack.popLast() {
            guard set.insert(step) else { continue }
            switch steps[Int(step)] {
            case .byte: break
            case .split(let start, let count):
                stack.append(contentsOf: branches[Int(start)..<Int(start + count)])
            case .start(let next): if place.isStart { stack.append(next) }
            case .end(let next): if place.isEnd { stack.append(next) }
            case .boundary(let isNegated, let next): if place.isBoundary != isNegated { stack.append(next) }
            case .match: return true
            }
        }
        return false
    }

    private static func isWord(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Bool {
        guard index >= 0, index < bytes.count else { return false }
        switch bytes[index] {
        case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: return true
        default: return false
        }
    }
}

/// A set of steps that is emptied at the cost of its members.
private struct StepSet {
    private(set) var members: [Int32] = []
    private var isIn: [Bool]

    init(count: Int) { isIn = Array(repeating: false, count: count) }

    @discardableResult
    mutating func insert(_ step: Int32) -> Bool {
        guard !isIn[Int(step)] else { return false }
        isIn[Int(step)] = true
        members.append(step)
        return true
    }

    mutating func removeAll() {
        for step in members { isIn[Int(step)] = false }
        members.removeAll(keepingCapacity: true)
    }
}
