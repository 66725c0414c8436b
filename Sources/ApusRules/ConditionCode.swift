// SPDX-License-Identifier: Apache-2.0

// What a clause asks for besides its access, as a run of words: what is looked at together stands together, and looking at it touches nothing
// else. A program with a hundred thousand rules is far larger than any cache, so the places it reads are what matching costs.
//
//   condition   node, 1 << 31 if absence is good | 1 << 30 if it is on objects | 1 << 29 if it refuses | words that follow
//               its tests; or on objects, conditions
//   test        operation << 24 | length; then, by operation:
//               a text of so many bytes, padded to words; or the words of a number's short key; or so many words of tests that must
//               not hold; or the ends of a range as doubles; or the number of a test in the program; or nothing

/// Runs of words, each condition or list of them one run.
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
        case text, prefix, suffix, number, range, exists, anythingBut, other
    }

    static let acceptsAbsence: UInt32 = 1 << 31
    static let isOnObjects: UInt32 = 1 << 30
    static let refuses: UInt32 = 1 << 29
    static let lengthMask: UInt32 = refuses - 1
    static let operandMask: UInt32 = 0xFF_FFFF

    private(set) var words: [UInt32] = []
    /// The starts of runs that are not in use, by length.
    private var free: [UInt32: [UInt32]] = [:]

    /// Takes a run; returns where it starts.
    mutating func insert(_ run: [UInt32]) -> UInt32 {
        guard !run.isEmpty else { return 0 }
        let length = UInt32(run.count)
        if let start = free[length]?.popLast() {
            for (index, word) in run.enumerated() { words[Int(start) + index] = word }
            return start
        }
        words += run
        return UInt32(words.count - run.count)
    }

    mutating func remove(_ start: UInt32, _ length: UInt32) {
        if length > 0 { free[length, default: []].append(start) }
    }

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

    private static func run(_ test: PatternTest, _ other: (PatternTest) -> UInt32) -> [UInt32] {
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
        default: return [head(.other, 0), other(test)]
        }
    }

    private static func head(_ operation: Operation, _ operand: Int) -> UInt32 {
        operation.rawValue << 24 | UInt32(operand)
    }

    private static func run(_ operation: Operation, _ text: [UInt8]) -> [UInt32] {
        var run = [head(operation, text.count)]
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
        case .exists: 0
        case .anythingBut: operand
        case .range: 6
        case .other: 1
        }
    }

    // What a range says besides its ends: see RangeTree.
    static let isLowOpen: UInt32 = 1
    static let isHighOpen: UInt32 = 2
    static let isExact: UInt32 = 4

    /// Calls `node` with every node of a run, and `test` with every test that is kept elsewhere.
    func forEach(_ start: UInt32, _ length: UInt32, node: (UInt32) -> Void, test: (UInt32) -> Void) {
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
