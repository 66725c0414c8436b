// SPDX-License-Identifier: Apache-2.0

// Patterns made to cost: each limit from both sides, and what matching with the worst that is accepted takes, counted in steps and not by a
// clock.

import JSONText
import TestThreads
import Testing

@testable import ApusRules

@Suite(.ownThread) struct HostilePatternTests {
    // MARK: - Limits

    private func refusal(_ text: String) -> PatternError.Reason? {
        do throws(PatternError) {
            _ = try Pattern(parsing: text)
            return nil
        } catch {
            return error.reason
        }
    }

    private func list(_ count: Int, _ element: (Int) -> String) -> String {
        (0..<count).map(element).joined(separator: ",")
    }

    @Test func `a text may be 65536 bytes long`() {
        let frame = #"{"id":[""]}"#.utf8.count
        func pattern(_ count: Int) -> String {
            "{\"id\":[\"\(String(repeating: "x", count: count - frame))\"]}"
        }
        #expect(refusal(pattern(65_536)) == nil)
        #expect(refusal(pattern(65_537)) == .tooLong(limit: 65_536))
    }

    @Test func `a pattern may be 32 levels deep`() {
        // The list at the end is a level too.
        func pattern(_ depth: Int) -> String {
            let names = String(repeating: "{\"a\":", count: depth - 2)
            return "{\"data\":" + names + "[1]" + String(repeating: "}", count: depth - 1)
        }
        #expect(refusal(pattern(32)) == nil)
        #expect(refusal(pattern(33)) == .json(.tooDeep(limit: 32)))
    }

    @Test func `a pattern may have 256 fields`() {
        func pattern(_ count: Int) -> String { "{\"data\":{\(list(count) { "\"f\($0)\":[1]" })}}" }
        #expect(refusal(pattern(256)) == nil)
        #expect(refusal(pattern(257)) == .tooManyLeaves(limit: 256))
    }

    @Test(arguments: ["", "anything-but"])
    func `a pattern may have 4096 alternatives`(name: String) {
        func pattern(_ count: Int) -> String {
            let values = list(count) { String($0) }
            return name.isEmpty
                ? "{\"data\":{\"a\":[\(values)]}}" : "{\"data\":{\"a\":[{\"\(name)\":[\(values)]}]}}"
        }
        // The `anything-but` is an alternative itself.
        let limit = name.isEmpty ? 4096 : 4095
        #expect(refusal(pattern(limit)) == nil)
        #expect(refusal(pattern(limit + 1)) == .tooManyAlternatives(limit: 4096))
    }

    @Test func `or may multiply to 1000 combinations`() {
        func product(_ left: Int, _ right: Int) -> String {
            let first = list(left) { "{\"x\":[\($0)]}" }
            let second = list(right) { "{\"x\":[\($0)]}" }
            return "{\"data\":{\"a\":{\"$or\":[\(first)]},\"b\":{\"$or\":[\(second)]}}}"
        }
        #expect(refusal(product(40, 25)) == nil)
        #expect(refusal(product(40, 26)) == .tooManyCombinations(limit: 1000))
        // Nested lists that would overflow any counter.
        let choice = #"{"$or":[{"x":[1]},{"y":[1]}]}"#
        #expect(
            refusal("{\"data\":{\(list(200) { "\"f\($0)\":\(choice)" })}}") == .tooManyLeaves(limit: 256))
        #expect(
            refusal("{\"data\":{\(list(120) { "\"f\($0)\":\(choice)" })}}")
                == .tooManyCombinations(limit: 1000))
    }

    @Test func `what or multiplies may have a mebibyte`() {
        // 512 combinations that all have the text and one each of two lists of prefixes.
        func pattern(_ length: Int) -> String {
            let first = list(16) { "{\"x\":[{\"prefix\":\"\(1000 + $0)\"}]}" }
            let second = list(32) { "{\"x\":[{\"prefix\":\"\(1000 + $0)\"}]}" }
            let text = String(repeating: "x", count: length)
            return
                "{\"id\":[\"\(text)\"],\"data\":{\"a\":{\"$or\":[\(first)]},\"b\":{\"$or\":[\(second)]}}}"
        }
        let each = 16 + 2 * (16 + 4)
        #expect(refusal(pattern((1 << 20) / 512 - each)) == nil)
        #expect(refusal(pattern((1 << 20) / 512 - each + 1)) == .combinationsTooLarge(limit: 1 << 20))
    }

    @Test func `wildcards side by side are refused`() {
        #expect(refusal(#"{"id":[{"wildcard":"*a*b*"}]}"#) == nil)
        #expect(refusal(#"{"id":[{"wildcard":"*a**b*"}]}"#) != nil)
    }

    // MARK: - Steps

    /// How many steps are roused and tests tried for data, and what matches.
    private func work(_ patterns: [String], on data: String) throws -> (steps: Int, matched: [Int]) {
        var program = MatchProgram()
        for (id, pattern) in patterns.enumerated() {
            program.add(id: id, pattern: try Pattern(parsing: pattern))
        }
        var scratch = MatchScratch()
        let memory = scratch.memory
        return Array(data.utf8).withUnsafeBytes { bytes in
            var input = MatchInput()
            input.data = bytes
            program.match(input, memory)
            return (memory.pointee.work, memory.pointee.matched.withElements { Array($0) })
        }
    }

    @Test func `exceptions are tried once for each value`() throws {
        let values = list(4000) { "\"v\($0)\"" }
        let pattern = "{\"data\":{\"a\":[{\"anything-but\":[\(values)]}]}}"
        let found = try work([pattern], on: #"{"a":["v3999","v3998"]}"#)
        #expect(found.matched.isEmpty && found.steps <= 2 * 4002)
    }

    @Test func `wildcards are tried once for each value, and only where a piece of them is`() throws {
        let wildcards = list(2000) { "{\"wildcard\":\"*a*\($0)z*b\"}" }
        let pattern = "{\"data\":{\"a\":[\(wildcards)]}}"
        let text = String(repeating: "a", count: 10_000) + "b"
        let found = try work([pattern], on: "{\"a\":\"\(text)\"}")
        #expect(found.matched.isEmpty && found.steps <= 2 * 2000)
        let others = list(2000) { "{\"wildcard\":\"*x\($0)z*\"}" }
        #expect(try work(["{\"data\":{\"a\":[\(others)]}}"], on: "{\"a\":\"\(text)\"}").steps == 0)
    }

    @Test func `combinations are roused by what is rare in them`() throws {
        let choices = list(250) { "{\"b\":[\($0)]}" }
        let pattern = "{\"data\":{\"a\":[{\"exists\":true}],\"$or\":[\(choices)]}}"
        let found = try work([pattern], on: #"{"a":1,"b":7}"#)
        #expect(found.matched == [0] && found.steps <= 4)
        #expect(try work([pattern], on: #"{"a":1,"b":"7"}"#).steps == 0)
    }

    @Test func `what nearly always holds costs nothing beside what is rare`() throws {
        let patterns = (0..<5000).map { rule in
            let common =
                #""state":[{"anything-but":["lost"]}],"flag":[{"exists":true}],"gift":[{"exists":false}]"#
            return "{\"data\":{\"id\":[\(rule)],\"size\":[{\"numeric\":[\">\",0]}],\(common)}}"
        }
        let found = try work(patterns, on: #"{"id":4711,"size":1,"state":"new","flag":0}"#)
        #expect(found.matched == [4711] && found.steps <= 6)
        #expect(try work(patterns, on: #"{"id":-1,"size":1,"state":"new","flag":0}"#).steps == 0)
    }

    @Test func `clauses that wait for absence are passed over where something is there`() throws {
        let patterns = (0..<1000).map { _ in #"{"data":{"a":[{"exists":false}],"b":[{"exists":false}]}}"# }
        #expect(try work(patterns, on: #"{"a":1,"b":1}"#).steps == 0)
        #expect(try work(patterns, on: #"{"c":1}"#).matched.count == 1000)
    }

    @Test func `arrays beside arrays do not multiply`() throws {
        let count = 3000
        // Every element rouses, and nothing that is asked besides is there.
        let items = list(count) { _ in #"{"a":1,"in":{"x":1}}"# }
        let tags = list(count) { _ in "{\"y\":1}" }
        let data = "{\"items\":[\(items)],\"tags\":[\(tags)]}"
        for pattern in [
            #"{"data":{"items":{"a":[1]},"tags":{"y":[2]}}}"#,
            #"{"data":{"items":{"a":[1],"in":{"x":[2]}},"tags":{"y":[1]}}}"#,
            #"{"data":{"items":{"a":[1],"in":{"x":[2,{"exists":false}]}},"tags":{"y":[1]}}}"#,
        ] {
            let found = try work([pattern], on: data)
            #expect(found.matched.isEmpty && found.steps <= 4 * count, "\(pattern): \(found.steps)")
        }
    }

    @Test func `a rule that holds in every element is found once`() throws {
        let items = list(2000) { _ in #"{"a":1,"b":1}"# }
        let found = try work([#"{"data":{"items":{"a":[1],"b":[1]}}}"#], on: "{\"items\":[\(items)]}")
        #expect(found.matched == [0] && found.steps <= 3 * 2000)
    }
}
