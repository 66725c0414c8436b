// SPDX-License-Identifier: Apache-2.0

// What is a pattern and what is not; refusals point at the field and the byte.

import JSONText
import TestThreads
import Testing

@testable import ApusRules

@Suite struct PatternParsingTests {
    @Test func `the canonical text sorts fields and drops white space`() throws {
        let pattern = try Pattern(
            parsing:
                #" { "type" : [ "b", "a", 1.0, null ], "data": {"z": [{"exists": true}], "a": [true]} } "#)
        #expect(pattern.text == #"{"data":{"a":[true],"z":[{"exists":true}]},"type":["b","a",1.0,null]}"#)
        let other = try Pattern(
            parsing: #"{"data":{"z":[{"exists":true}],"a":[true]},"type":["b","a",1.0,null]}"#)
        #expect(other == pattern)
        #expect(other.hashValue == pattern.hashValue)
        #expect(Pattern.matchAll.text == "{}")
    }

    @Test(arguments: [
        #"{"id":[{"prefix":"a"},{"prefix":{"equals-ignore-case":"a"}},{"suffix":"a"}]}"#,
        #"{"id":[{"suffix":{"equals-ignore-case":"a"}},{"equals-ignore-case":"a"},{"wildcard":"a\\**"}]}"#,
        #"{"id":[{"anything-but":"a"},{"anything-but":[1,2.50]},{"anything-but":{"prefix":["a","b"]}}]}"#,
        #"{"id":[{"anything-but":{"suffix":{"equals-ignore-case":"a"}}}]}"#,
        #"{"id":[{"numeric":["=",1]},{"numeric":[">",1,"<=",5e3]},{"numeric":["<",0]},{"cidr":"10.0.0.0/8"}]}"#,
        #"{"$or":[{"id":["a"]},{"data":{"$or":[{"a":[1]},{"b":[2]}]}}],"type":["t"]}"#,
    ])
    func `every operator survives a round trip`(text: String) throws {
        #expect(try Pattern(parsing: text).text == text)
    }

    struct Refusal: CustomStringConvertible, Sendable {
        let text: String
        let reason: PatternError.Reason
        let path: String
        let offset: Int
        init(_ text: String, _ reason: PatternError.Reason, _ path: String, at offset: Int) {
            (self.text, self.reason, self.path, self.offset) = (text, reason, path, offset)
        }
        var description: String { text }
    }

    @Test(arguments: [
        Refusal("[]", .patternIsNotAnObject, "", at: 0),
        Refusal("{", .json(.unexpectedEnd), "", at: 1),
        Refusal("{} x", .json(.trailingBytes), "", at: 3),
        Refusal(#"{"type":"x"}"#, .alternativesAreNotAList, "type", at: 8),
        Refusal(#"{"type":[]}"#, .noAlternatives, "type", at: 8),
        Refusal(#"{"type":[["x"]]}"#, .listAmongAlternatives, "type", at: 9),
        Refusal(#"{"type":[{}]}"#, .notOneOperator, "type", at: 9),
        Refusal(#"{"type":[{"prefix":"a","suffix":"b"}]}"#, .notOneOperator, "type", at: 9),
        Refusal(#"{"data":{}}"#, .noFields, "data", at: 8),
        Refusal(#"{"data":{"a":{}}}"#, .noFields, "data.a", at: 13),
        Refusal(
            #"{"detail-type":["x"]}"#, .unknownAttribute("detail-type", hint: "type"), "detail-type", at: 1),
        Refusal(
            #"{"detail":{"a":[1]}}"#, .attributeHasNoFields("detail", hint: "data"), "detail", at: 10),
        Refusal(#"{"id":["a"],"id":["b"]}"#, .json(.duplicateName("id")), "id", at: 12),
        Refusal(
            #"{"id":[{"prefix":1}]}"#, .invalidOperand(operator: "prefix", expected: "a string"), "id", at: 17
        ),
        Refusal(
            #"{"id":[{"exists":"yes"}]}"#, .invalidOperand(operator: "exists", expected: "true or false"),
            "id",
            at: 17),
        Refusal(
            #"{"data":{"a":[{"regex":"x"}]}}"#,
            .unknownOperator("regex", known: PatternParser.operators), "data.a", at: 14),
        Refusal(
            #"{"$or":[{"id":["a"]}]}"#,
            .invalidOperand(operator: "$or", expected: "a list of at least two objects"), "$or", at: 7),
    ])
    func `what is no pattern is refused with the field and the byte`(refusal: Refusal) {
        #expect(throws: PatternError(refusal.reason, path: refusal.path, offset: refusal.offset)) {
            try Pattern(parsing: refusal.text)
        }
    }

    @Test(arguments: [
        #"{"id":[{"numeric":[">",5,"<",5]}]}"#, #"{"id":[{"numeric":[]}]}"#, #"{"id":[{"numeric":["!",5]}]}"#,
        #"{"id":[{"numeric":[">",1,">",2]}]}"#, #"{"id":[{"numeric":[">"]}]}"#,
        #"{"id":[{"cidr":"10.0.0.0"}]}"#,
        #"{"id":[{"cidr":"10.0.0.0/33"}]}"#, #"{"id":[{"wildcard":"a**"}]}"#,
        #"{"id":[{"wildcard":"a\\b"}]}"#,
        #"{"id":[{"anything-but":[1,"a"]}]}"#, #"{"id":[{"anything-but":[]}]}"#,
        #"{"id":[{"anything-but":{"exists":true}}]}"#, #"{"id":[{"anything-but":null}]}"#,
    ])
    func `operands are checked`(text: String) {
        #expect(throws: PatternError.self) { try Pattern(parsing: text) }
    }

    @Test func `limits are enforced`() throws {
        var limits = PatternLimits()
        limits.textBytesMax = 30
        #expect(throws: PatternError(.tooLong(limit: 30), path: "", offset: 30)) {
            try Pattern(parsing: #"{"type":["0123456789","0123456789"]}"#, limits: limits)
        }
        limits = PatternLimits()
        limits.depthMax = 3
        #expect(throws: PatternError(.json(.tooDeep(limit: 3)), path: "data.a.b", offset: 18)) {
            try Pattern(parsing: #"{"data":{"a":{"b":{"c":[1]}}}}"#, limits: limits)
        }
        limits = PatternLimits()
        limits.leavesMax = 1
        #expect(throws: PatternError(.tooManyLeaves(limit: 1), path: "type", offset: 19)) {
            try Pattern(parsing: #"{"id":["a"],"type":["b"]}"#, limits: limits)
        }
        limits = PatternLimits()
        limits.alternativesMax = 2
        #expect(throws: PatternError(.tooManyAlternatives(limit: 2), path: "id", offset: 15)) {
            try Pattern(parsing: #"{"id":["a","b","c"]}"#, limits: limits)
        }
    }

    @Test func `choices that multiply too far are refused`() {
        let choice = #"{"$or":[{"a":[1]},{"b":[1]}]}"#
        let fields = (0..<10).map { "\"f\($0)\":\(choice)" }.joined(separator: ",")
        #expect(throws: PatternError(.tooManyCombinations(limit: 1000), path: "", offset: 0)) {
            try Pattern(parsing: "{\"data\":{\(fields)}}")
        }
    }

    @Test func `an error reads as a sentence`() {
        let error = PatternError(
            .unknownOperator("regex", known: ["prefix", "exists"]), path: "data.a", offset: 14)
        #expect(
            error.description
                == "pattern field 'data.a': unknown operator 'regex'; known are prefix, exists (at byte 14)")
    }

    @Test func `cut and changed texts never crash`() {
        let text = Array(
            #"{"$or":[{"id":[{"numeric":[">",1]}]},{"data":{"a":[{"anything-but":{"wildcard":"a*"}}]}}]}"#
                .utf8)
        for end in text.indices { #expect(throws: PatternError.self) { try Pattern(parsing: text[..<end]) } }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<casesToTry(of: 3000) {
            var copy = text
            copy[Int.random(in: 0..<copy.count, using: &generator)] =
                text.randomElement(using: &generator) ?? 0
            _ = try? Pattern(parsing: copy)
        }
    }
}
