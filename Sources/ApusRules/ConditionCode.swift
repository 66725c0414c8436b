// SPDX-License-Identifier: Apache-2.0

// Steps and links as runs of words: what is looked at together stands together, and looking at it touches nothing else. A program with a hundred
// thousand rules is far larger than any cache, so the places it reads are what matching costs.
//
//   step        the rule, two words; the next step; 1 << 31 if it asks for data | how far out its object is << 24 | words that follow
//               its conditions
//   link        the next link of the list; the step to rouse; the test that the value must pass
//   condition   node, 1 << 31 if absence is good | 1 << 30 if it is on objects | 1 << 29 if it refuses | words that follow
//               its tests; or on objects, conditions
//   test        operation << 24 | length; then, by operation:
//               a text of so many bytes, padded to words; or the words of a number's short key; or so many words of tests that must
//               not hold, or of the pieces of a wildcard; or the ends of a range as doubles; or the number of a test in the program;
//               or nothing

/// Runs of words, each step and each link one run.
struct ConditionCode: Sendable {
    /// A condition while it is made: any of the tests, or all of the parts.
    struct Condition: Sendable {
        var node: UInt32
        /// Whether nothing at the field is good too.
        var acceptsAbsence = false
        /// Whether no value may pass any of the tests; absence is good then, too.
        var refuses = false
        var tests: [PatternTest] = []
        /// What an object at the field must have; not empty in a condition on objects.
        var parts: [Condition] = []
    }

    /// What a test's first word says.
    enum Operation: UInt32 {
        case text, prefix, suffix, number, range, exists, never, anythingBut, wildcard, other
    }

    /// The words of a step before its conditions, and of a link before its test.
    static let stepHead = 4
    static let linkHead = 2

    static let acceptsAbsence: UInt32 = 1 << 31
    static let isOnObjects: UInt32 = 1 << 30
    static let refuses: UInt32 = 1 << 29
    static let lengthMask: UInt32 = refuses - 1
    static let operandMask: UInt32 = 0xFF_FFFF

    private(set) var words: [UInt32] = []
    /// The starts of runs that are not in use, by length.
    private var free: [Int: [UInt32]] = [:]
    /// How many words are in use.
    private(set) var used = 0

    private mutating func insert(_ run: [UInt32]) -> UInt32 {
        used += run.count
        if let start = free[run.count]?.popLast() {
            for (index, word) in run.enumerated() { words[Int(start) + index] = word }
            return start
        }
        words += run
        return UInt32(words.count - run.count)
    }

    private mutating func remove(_ start: UInt32, _ length: Int) {
        used -= length
        free[length, default: []].append(start)
    }

    // MARK: - Steps

    /// Takes a step that asks for `conditions`; returns where it stands.
    mutating func insertStep(_ step: MatchProgram.Step, _ conditions: [UInt32]) -> UInt32 {
        let rule = UInt64(bitPattern: Int64(step.rule))
        return insert(
            [
                UInt32(truncatingIfNeeded: rule), UInt32(truncatingIfNeeded: rule >> 32), step.next,
                (step.asksData ? Self.asksData : 0) | UInt32(step.up) << 24 | UInt32(conditions.count),
            ] + conditions)
    }

    /// The step that stands at a place.
    func step(at start: UInt32) -> MatchProgram.Step {
        words.withUnsafeBufferPointer { words in
            words.baseAddress.map { Self.step(at: $0 + Int(start)) } ?? MatchProgram.Step()
        }
    }

    @inline(__always)
    static func step(at head: UnsafePointer<UInt32>) -> MatchProgram.Step {
        let rule = UInt64(head[0]) | UInt64(head[1]) &<< 32
        return MatchProgram.Step(
            rule: Int(truncatingIfNeeded: rule), next: head[2], up: UInt8(head[3] &>> 24 & 0x7F),
            length: head[3] & operandMask, asksData: head[3] & asksData != 0)
    }

    mutating func removeStep(_ start: UInt32) {
        remove(start, Self.stepHead + Int(step(at: start).length))
    }

    private static let asksData: UInt32 = 1 << 31

    // MARK: - Links

    /// Takes a link; `test` is the run of one test, empty if none needs to be passed.
    mutating func insertLink(to step: UInt32, _ test: [UInt32], before next: UInt32) -> UInt32 {
        insert([next, step] + (test.isEmpty ? [Self.head(.exists, 0)] : test))
    }

    subscript(nextOf link: UInt32) -> UInt32 {
        get { words[Int(link)] }
        set { words[Int(link)] = newValue }
    }

    func step(ofLink link: UInt32) -> UInt32 { words[Int(link) + 1] }

    /// The test of a link.
    func test(ofLink link: UInt32) -> ArraySlice<UInt32> {
        let start = Int(link) + Self.linkHead
        return words[start..<start + lengthOfTest(at: start)]
    }

    /// Takes a link out; calls `test` with every test of it that is kept elsewhere.
    mutating func removeLink(_ link: UInt32, test: (UInt32) -> Void) {
        let start = Int(link) + Self.linkHead
        let length = lengthOfTest(at: start)
        forEachTest(start, start + length, test)
        remove(link, Self.linkHead + length)
    }

    private func lengthOfTest(at index: Int) -> Int {
        guard let operation = Operation(rawValue: words[index] >> 24) else { return 1 }
        return 1 + Self.length(operation, Int(words[index] & Self.operandMask))
    }

    // MARK: - Conditions

    /// The run for conditions; `other` keeps a test that has no words of its own.
    static func run(_ conditions: [Condition], _ other: (PatternTest) -> UInt32) -> [UInt32] {
        var run: [UInt32] = []
        for condition in conditions {
            let isOnObjects = !condition.parts.isEmpty
            let inner =
                isOnObjects
                ? Self.run(condition.parts, other) : condition.tests.flatMap { Self.run($0, other) }
            run.append(condition.node)
            run.append(
                (condition.acceptsAbsence ? acceptsAbsence : 0) | (isOnObjects ? Self.isOnObjects : 0)
                    | (condition.refuses ? refuses : 0)
                    | UInt32(inner.count))
            run += inner
        }
        return run
    }

    /// The run for a test; empty if no value passes it.
    static func run(_ test: PatternTest, _ other: (PatternTest) -> UInt32) -> [UInt32] {
        switch test {
        case .equals(.string(let text)): return run(.text, text)
        case .prefix(let text): return run(.prefix, text)
        case .suffix(let text): return run(.suffix, text)
        case .equals(.number(let number)):
            let key = ClausePlan.key(of: number)
            return key.count == 16 ? run(.number, key) : [head(.other, 0), other(test)]
        case .exists(true): return [head(.exists, 0)]
        case .numeric(let range):
            let entry = ClausePlan.entry(of: range, step: 0, test: 0)
            let flags: UInt32 =
                (entry.isLowOpen ? isLowOpen : 0) | (entry.isHighOpen ? isHighOpen : 0)
                | (entry.isExact ? isExact : 0)
            let ends = [entry.low.bitPattern, entry.high.bitPattern].flatMap {
                [UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: $0 >> 32)]
            }
            return [head(.range, 0), flags] + ends + [other(test)]
        // No value passes these.
        case .exists(false), .noneOf: return []
        case .anythingBut(let tests):
            let inner = tests.flatMap { run($0, other) }
            return [head(.anythingBut, inner.count)] + inner
        case .wildcard(let wildcard): return run(wildcard) ?? [head(.other, 0), other(test)]
        default: return [head(.other, 0), other(test)]
        }
    }

    /// The run for a wildcard: the lengths of its head and tail, its head and its tail, the pieces between them with their lengths. Nil if one
    /// of them is so long that searching for it place by place would not do.
    private static func run(_ wildcard: Wildcard) -> [UInt32]? {
        guard let tail = wildcard.tail else { return run(.text, wildcard.head) }
        guard max(wildcard.head.count, tail.count) <= 0xFFFF,
            wildcard.middle.allSatisfy({ $0.text.count <= pieceMax })
        else { return nil }
        var run = [UInt32(wildcard.head.count | tail.count << 16)]
        run += padded(wildcard.head) + padded(tail)
        for piece in wildcard.middle { run += [UInt32(piece.text.count)] + padded(piece.text) }
        return [head(.wildcard, run.count)] + run
    }

    /// A test that no value passes.
    static let neverPassed = [head(.never, 0)]

    /// The longest piece of a wildcard that is searched for place by place.
    private static let pieceMax = 8

    private static func head(_ operation: Operation, _ operand: Int) -> UInt32 {
        operation.rawValue << 24 | UInt32(operand)
    }

    private static func run(_ operation: Operation, _ text: [UInt8]) -> [UInt32] {
        [head(operation, text.count)] + padded(text)
    }

    private static func padded(_ text: [UInt8]) -> [UInt32] {
        var run: [UInt32] = []
        for start in stride(from: 0, to: text.count, by: 4) {
            var word: UInt32 = 0
            withUnsafeMutableBytes(of: &word) { $0.copyBytes(from: text[start..<min(start + 4, text.count)]) }
            run.append(word)
        }
        return run
    }

    /// The words of a test after its first.
    @inline(__always)
    static func length(_ operation: Operation, _ operand: Int) -> Int {
        switch operation {
        case .text, .prefix, .suffix, .number: (operand &+ 3) &>> 2
        case .exists, .never: 0
        case .anythingBut, .wildcard: operand
        case .range: 6
        case .other: 1
        }
    }

    // What a range says besides its ends: see RangeTree.
    static let isLowOpen: UInt32 = 1
    static let isHighOpen: UInt32 = 2
    static let isExact: UInt32 = 4

    /// Calls `node` with every node that a step asks for, and `test` with every test that is kept elsewhere.
    func forEach(inStep start: UInt32, node: (UInt32) -> Void, test: (UInt32) -> Void) {
        forEach(start + UInt32(Self.stepHead), step(at: start).length, node: node, test: test)
    }

    private func forEach(
        _ start: UInt32, _ length: UInt32, node: (UInt32) -> Void, test: (UInt32) -> Void
    ) {
        var index = Int(start)
        let end = index + Int(length)
        while index < end {
            node(words[index])
            let inner = words[index + 1] & Self.lengthMask
            if words[index + 1] & Self.isOnObjects != 0 {
                forEach(UInt32(index + 2), inner, node: node, test: test)
            } else {
                forEachTest(index + 2, index + 2 + Int(inner), test)
            }
            index += 2 + Int(inner)
        }
    }

    private func forEachTest(_ start: Int, _ end: Int, _ test: (UInt32) -> Void) {
        var index = start
        while index < end {
            guard let operation = Operation(rawValue: words[index] >> 24) else { return }
            let length = Self.length(operation, Int(words[index] & Self.operandMask))
            // It stands last.
            if operation == .other || operation == .range { test(words[index + length]) }
            if operation == .anythingBut { forEachTest(index + 1, index + 1 + length, test) }
            index += 1 + length
        }
    }
}
