// SPDX-License-Identifier: Apache-2.0

// Event Grid's filters by example, all 19 operators; their limits; and random filters against an interpreter that follows the pseudo code of
// Event Grid's documentation.

import CloudEvents
import JSONText
import TestThreads
import Testing

@testable import ApusRules

@Suite struct EventGridFilterTests {
    private static func event() throws -> CloudEvent {
        try sampleEvent(
            subject: "/Blobs/Log/7.JPG", [("count", 5), ("flag", true)],
            data:
                #"{"n":5,"s":"Azure Hubs","b":true,"z":null,"l":[1,"Grid",7],"o":{"n":2.5,"x.y":1},"f":"false"}"#
        )
    }

    private func advanced(_ filter: String) -> String { "{\"advancedFilters\":[\(filter)]}" }

    private static func filter(_ operation: String, _ key: String, _ values: String) -> String {
        #"{"operatorType":"\#(operation)","key":"\#(key)",\#(values)}"#
    }

    @Test(arguments: [
        ("NumberIn", "data.n", #""values":[5,1]"#, true), ("NumberIn", "data.n", #""values":[6]"#, false),
        ("NumberIn", "data.l", #""values":[7.0]"#, true), ("NumberIn", "data.s", #""values":[5]"#, false),
        ("NumberIn", "count", #""values":[5]"#, true), ("NumberNotIn", "data.n", #""values":[41,0]"#, true),
        ("NumberNotIn", "data.n", #""values":[5]"#, false),
        ("NumberNotIn", "data.l", #""values":[2,7]"#, false),
        ("NumberNotIn", "data.l", #""values":[2]"#, true), ("NumberNotIn", "data.s", #""values":[5]"#, true),
        ("NumberLessThan", "data.n", #""value":5.5"#, true),
        ("NumberLessThan", "data.n", #""value":5"#, false),
        ("NumberGreaterThan", "data.o.n", #""value":2"#, true),
        ("NumberGreaterThan", "data.l", #""value":7"#, false),
        ("NumberLessThanOrEquals", "data.n", #""value":5"#, true),
        ("NumberLessThanOrEquals", "data.n", #""value":4"#, false),
        ("NumberGreaterThanOrEquals", "data.n", #""value":5"#, true),
        ("NumberGreaterThanOrEquals", "data.n", #""value":6"#, false),
        ("NumberInRange", "data.n", #""values":[[6,7],[5,5]]"#, true),
        ("NumberInRange", "data.n", #""values":[[5.1,9]]"#, false),
        ("NumberNotInRange", "data.n", #""values":[[6,7]]"#, true),
        ("NumberNotInRange", "data.l", #""values":[[6,7]]"#, false),
        ("BoolEquals", "data.b", #""value":true"#, true), ("BoolEquals", "data.b", #""value":false"#, false),
        ("BoolEquals", "data.f", #""value":false"#, false), ("BoolEquals", "flag", #""value":true"#, true),
        ("StringContains", "data.s", #""values":["x","HUB"]"#, true),
        ("StringContains", "data.l", #""values":["ri"]"#, true),
        ("StringContains", "data.n", #""values":["5"]"#, false),
        ("StringNotContains", "data.s", #""values":["x"]"#, true),
        ("StringNotContains", "data.s", #""values":["x","zure"]"#, false),
        ("StringNotContains", "data.l", #""values":["GRID"]"#, false),
        ("StringNotContains", "data.n", #""values":["5"]"#, true),
        ("StringBeginsWith", "data.s", #""values":["aZ"]"#, true),
        ("StringBeginsWith", "count", #""values":["5","1"]"#, true),
        ("StringNotBeginsWith", "data.s", #""values":["az"]"#, false),
        ("StringNotBeginsWith", "data.s", #""values":["hubs"]"#, true),
        ("StringEndsWith", "Subject", #""values":["png",".jpg"]"#, true),
        ("StringNotEndsWith", "subject", #""values":[".jpg"]"#, false),
        ("StringNotEndsWith", "subject", #""values":[".png"]"#, true),
        ("StringIn", "EventType", #""values":["ORDER.placed"]"#, true),
        ("StringIn", "data.s", #""values":["azure"]"#, false),
        ("StringNotIn", "data.s", #""values":["azure"]"#, true),
        ("StringNotIn", "data.l", #""values":["grid"]"#, false),
        ("StringIn", "topic", #""values":["/shop"]"#, true),
        ("StringIn", "eventid", #""values":["a-1"]"#, true),
    ])
    func `operators with values`(operation: String, key: String, values: String, expected: Bool) throws {
        let filter = Self.filter(operation, key, values)
        try expect(Pattern(eventGridFilter: advanced(filter)), expected, on: Self.event(), filter)
        // Arrays stand for their elements, with the switch or without.
        let switched = "{\"enableAdvancedFilteringOnArrays\":true,\"advancedFilters\":[\(filter)]}"
        #expect(try Pattern(eventGridFilter: switched) == Pattern(eventGridFilter: advanced(filter)))
    }

    @Test(arguments: [
        ("IsNullOrUndefined", "data.z", true), ("IsNullOrUndefined", "data.missing", true),
        ("IsNullOrUndefined", "data.n", false),
        ("IsNullOrUndefined", "time", true), ("IsNullOrUndefined", "data.o.q", true),
        ("IsNotNull", "data.z", false),
        ("IsNotNull", "data.missing", false), ("IsNotNull", "data.n", true), ("IsNotNull", "subject", true),
    ])
    func `operators without values`(operation: String, key: String, expected: Bool) throws {
        let filter = #"{"key":"\#(key)","operatorType":"\#(operation)"}"#
        try expect(Pattern(eventGridFilter: advanced(filter)), expected, on: Self.event(), filter)
    }

    @Test(arguments: [
        ("NumberNotIn", #""values":[5]"#, true), ("StringNotIn", #""values":["a"]"#, true),
        ("NumberNotInRange", #""values":[[1,2]]"#, false),
        ("StringNotContains", #""values":["a"]"#, false), ("StringNotBeginsWith", #""values":["a"]"#, false),
        ("StringNotEndsWith", #""values":["a"]"#, false), ("NumberIn", #""values":[5]"#, false),
        ("BoolEquals", #""value":false"#, false),
    ])
    func `what holds without the key`(operation: String, values: String, expected: Bool) throws {
        for key in ["data.missing", "data.o.missing", "missing"] {
            let filter = Self.filter(operation, key, values)
            try expect(Pattern(eventGridFilter: advanced(filter)), expected, on: Self.event(), filter)
        }
    }

    @Test(arguments: [
        (#"{"subjectBeginsWith":"/blobs/"}"#, true), (#"{"subjectEndsWith":".jpg"}"#, true),
        (#"{"subjectBeginsWith":""}"#, true),
        (#"{"subjectBeginsWith":"/blobs/","isSubjectCaseSensitive":true}"#, false),
        (#"{"isSubjectCaseSensitive":true,"subjectBeginsWith":"/Blobs/","subjectEndsWith":".JPG"}"#, true),
        (#"{"subjectBeginsWith":"/blobs/","subjectEndsWith":"/blobs/"}"#, false),
        (#"{"includedEventTypes":["a","order.placed"]}"#, true),
        (#"{"includedEventTypes":["Order.Placed"]}"#, false), (#"{"includedEventTypes":["All"]}"#, true),
        (#"{"includedEventTypes":null}"#, true),
        ("{}", true), (#"{"advancedFilters":[]}"#, true),
        (#"{"advancedFilters":null,"subjectEndsWith":null}"#, true),
        (#"{"filters":[{"operatorType":"BoolEquals","key":"Data.b","value":true}]}"#, true),
        (
            #"{"advancedFilters":[{"operatorType":"StringContains","key":"subject","values":["blobs"]},{"operatorType":"StringContains","key":"subject","values":["png"]}]}"#,
            false
        ),
        (
            #"{"subjectEndsWith":"jpg","advancedFilters":[{"operatorType":"StringContains","key":"subject","values":["blobs"]},{"operatorType":"NumberIn","key":"data.o.n","values":[2.5]}]}"#,
            true
        ),
    ])
    func `subject, types, and several filters`(filter: String, expected: Bool) throws {
        try expect(Pattern(eventGridFilter: filter), expected, on: Self.event(), filter)
    }

    @Test(arguments: [
        ("[]", 0, "an object is expected"),
        (#"{"subjectBeginWith":"a"}"#, 1, "unknown member 'subjectBeginWith'; known are subjectBeginsWith"),
        (#"{"subjectBeginsWith":5}"#, 21, "'subjectBeginsWith' takes a string"),
        (#"{"isSubjectCaseSensitive":"yes"}"#, 26, "takes true or false"),
        (#"{"includedEventTypes":"All"}"#, 22, "takes a list of types"),
        (#"{"advancedFilters":{}}"#, 19, "takes a list of filters"),
        (#"{"advancedFilters":[5]}"#, 20, "an object is expected"),
        (#"{"advancedFilters":[{"key":"id"}]}"#, 20, "'operatorType' is missing"),
        (#"{"advancedFilters":[{"operatorType":"IsNotNull"}]}"#, 20, "'key' is missing"),
        (
            #"{"advancedFilters":[{"operatorType":"NumberAbout","key":"id"}]}"#, 36,
            "unknown operator 'NumberAbout'; known are NumberIn, NumberNotIn"
        ),
        (#"{"advancedFilters":[{"operatorType":"NumberIn","key":"id"}]}"#, 20, "'values' is missing"),
        (
            #"{"advancedFilters":[{"operatorType":"NumberIn","key":"id","value":5}]}"#, 58,
            "unknown member 'value'; known are operatorType, key, values"
        ),
        (
            #"{"advancedFilters":[{"operatorType":"NumberIn","key":"id","values":["5"]}]}"#, 68,
            "'values' takes a list of numbers"
        ),
        (
            #"{"advancedFilters":[{"operatorType":"NumberIn","key":"id","values":[]}]}"#, 67,
            "'values' takes a list of numbers"
        ),
        (
            #"{"advancedFilters":[{"operatorType":"NumberLessThan","key":"id","value":"5"}]}"#, 72,
            "'value' takes a number"
        ),
        (
            #"{"advancedFilters":[{"operatorType":"BoolEquals","key":"id","value":1}]}"#, 68,
            "'value' takes true or false"
        ),
        (
            #"{"advancedFilters":[{"operatorType":"StringIn","key":"id","values":[5]}]}"#, 68,
            "'values' takes a list of strings"
        ),
        (
            #"{"advancedFilters":[{"operatorType":"NumberInRange","key":"id","values":[[2,1]]}]}"#, 73,
            "of which the first is not greater"
        ),
        (
            #"{"advancedFilters":[{"operatorType":"NumberInRange","key":"id","values":[[1]]}]}"#, 73,
            "a list of ranges"
        ),
        (
            #"{"advancedFilters":[{"operatorType":"NumberInRange","key":"id","values":[[1,2,3]]}]}"#, 78,
            "a list of ranges"
        ),
        (
            #"{"advancedFilters":[{"operatorType":"IsNotNull","key":"id","values":[1]}]}"#, 59,
            "unknown member 'values'"
        ),
        (
            #"{"advancedFilters":[{"operatorType":"IsNotNull","key":"subject.x"}]}"#, 54,
            "'key' takes an attribute, or data and names"
        ),
        (#"{"advancedFilters":[{"operatorType":"IsNotNull","key":"data..x"}]}"#, 54, "'key' takes"),
        (#"{"advancedFilters":[{"operatorType":"IsNotNull","key":"data.$or"}]}"#, 54, "'key' takes"),
        (#"{"advancedFilters":[{"operatorType":"IsNotNull","key":"a_b"}]}"#, 54, "'key' takes"),
        (#"{"subjectEndsWith":"a","subjectEndsWith":"b"}"#, 23, "appears twice"),
        (#"{"advancedFilters":["#, 20, "ends too early"),
    ])
    func `what is malformed is refused with its place`(filter: String, offset: Int, message: String) throws {
        let error = #expect(throws: RuleLanguageError.self) { try Pattern(eventGridFilter: filter) }
        #expect(error?.offset == offset, "\(String(describing: error))")
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test func `what Event Grid would find too much is refused`() throws {
        func reason(_ filter: String) -> RuleLanguageError.Reason? {
            do {
                _ = try Pattern(eventGridFilter: filter)
                return nil
            } catch { return error.reason }
        }
        func filters(_ count: Int) -> String {
            "{\"advancedFilters\":[\((0..<count).map { _ in #"{"operatorType":"IsNotNull","key":"id"}"# }.joined(separator: ","))]}"
        }
        func values(_ counts: [Int]) -> String {
            let lists = counts.map { "[" + (0..<$0).map(String.init).joined(separator: ",") + "]" }
            let filters = lists.map { Self.filter("NumberIn", "data.n", "\"values\":\($0)") }
            return advanced(filters.joined(separator: ","))
        }
        func text(_ count: Int) -> String {
            advanced(
                Self.filter("StringIn", "data.s", "\"values\":[\"\(String(repeating: "é", count: count))\"]"))
        }
        #expect(reason(filters(25)) == nil)
        #expect(reason(filters(26)) == .tooMany("advanced filters", limit: 25))
        #expect(reason(values([25])) == nil)
        #expect(reason(values([13, 12])) == nil)
        #expect(reason(values([13, 13])) == .tooMany("values over all filters", limit: 25))
        #expect(reason(text(512)) == nil)
        #expect(reason(text(513)) == .tooMany("characters in a text", limit: 512))
        let deep = "data" + String(repeating: ".a", count: 16)
        #expect(
            reason(advanced(Self.filter("NumberIn", deep, "\"values\":[1]")))
                == .tooMany("names in a key", limit: 16))
        #expect(
            reason("{\"subjectEndsWith\":\"\(String(repeating: "a", count: 65_536))\"}")
                == .tooLong(limit: 65_536))
    }

    @Test func `the table is that of patterns`() throws {
        let pattern = try Pattern(
            eventGridFilter:
                #"{"subjectEndsWith":".png","advancedFilters":[{"operatorType":"StringNotContains","key":"data.s","values":["hub"]}]}"#
        )
        let expected = """
            not matched
              no   $and.0.data.s  expected {"none":[{"contains":{"equals-ignore-case":"hub"}}]}  got "Azure Hubs"
              yes  data.s         expected {"exists":true}                                       got "Azure Hubs"
              no   subject        expected {"suffix":{"equals-ignore-case":".png"}}              got "/Blobs/Log/7.JPG"
            """
        let shown = try pattern.explain(Self.event()).description.split(separator: "\n").sorted()
        #expect(shown == expected.split(separator: "\n").sorted())
    }
}

/// What Event Grid makes of one filter, as its documentation says it.
private struct EventGridReference {
    let operation: EventGridOperator
    let values: [JSONValue]

    /// - Parameter found: the value at the key, nil if there is none.
    func matches(_ found: JSONValue?) -> Bool {
        let keys = found.map { $0.array ?? [$0] } ?? []
        switch operation {
        case .isNullOrUndefined: return keys.isEmpty || keys.contains(.null)
        case .isNotNull: return !keys.isEmpty && !keys.contains(.null)
        case .numberNotIn, .stringNotIn: break
        default: if keys.isEmpty { return false }
        }
        let isHit = values.contains { value in keys.contains { key in hits(key, value) } }
        return operation.rawValue.contains("Not") ? !isHit : isHit
    }

    private func hits(_ key: JSONValue, _ value: JSONValue) -> Bool {
        if let number = key.number?.double {
            if let range = value.array?.compactMap({ $0.number?.double }) {
                return number >= range[0] && number <= range[1]
            }
            guard let bound = value.number?.double else { return false }
            switch operation {
            case .numberLessThan: return number < bound
            case .numberLessThanOrEquals: return number <= bound
            case .numberGreaterThan: return number > bound
            case .numberGreaterThanOrEquals: return number >= bound
            default: return number == bound
            }
        }
        if let flag = key.bool { return value.bool == flag }
        guard let text = key.string?.lowercased(), let other = value.string?.lowercased() else {
            return false
        }
        switch operation {
        case .stringContains, .stringNotContains: return other.isEmpty || text.contains(other)
        case .stringBeginsWith, .stringNotBeginsWith: return text.hasPrefix(other)
        case .stringEndsWith, .stringNotEndsWith: return text.hasSuffix(other)
        default: return text == other
        }
    }
}

@Suite(.ownThread) struct EventGridFilterPropertyTests {
    private static let scalars: [JSONValue] = [5, 7, -1, "a", "AB", "ba", "", true, false, nil]

    private static func operand(
        _ operation: EventGridOperator, _ generator: inout SeededGenerator
    ) -> [JSONValue] {
        switch operation.operand {
        case .nothing: []
        case .number: [generator.pick([5, 6, -1])]
        case .bool: [.bool(generator.chance(1, in: 2))]
        case .numbers: (0...generator.below(2)).map { _ in generator.pick([5, 6, 7]) }
        case .ranges: (0...generator.below(2)).map { _ in generator.pick([[5, 6], [-3, 0], [7, 7]]) }
        case .texts: (0...generator.below(2)).map { _ in generator.pick(["A", "ab", "b", ""]) }
        }
    }

    @Test(arguments: 0..<4)
    func `random filters match what the documentation says`(block: UInt64) throws {
        var matched = 0
        for seed in seedsToTry(block: block, of: 60) {
            var generator = SeededGenerator(seed: seed)
            let keys = ["data.x", "data.y", "data.o.x"]
            let filters = (0...generator.below(3)).map { _ in
                let operation = generator.pick(EventGridOperator.allCases)
                return (
                    key: generator.pick(keys),
                    reference: EventGridReference(
                        operation: operation, values: Self.operand(operation, &generator))
                )
            }
            let members = filters.map { filter -> JSONValue in
                let operation = filter.reference.operation
                var object = JSONObject()
                object["key"] = .string(filter.key)
                object["operatorType"] = .string(operation.rawValue)
                if let member = operation.operand.member {
                    object[member] =
                        member == "value" ? filter.reference.values[0] : .array(filter.reference.values)
                }
                return .object(object)
            }
            let pattern = try Pattern(
                eventGridFilter: (["advancedFilters": .array(members)] as JSONValue).description)
            for _ in 0..<8 {
                var found: [String: JSONValue] = [:]
                for key in keys where generator.chance(4, in: 5) {
                    found[key] =
                        generator.chance(1, in: 3)
                        ? .array((0..<generator.below(4)).map { _ in generator.pick(Self.scalars) })
                        : generator.pick(Self.scalars)
                }
                var data = JSONObject()
                data["x"] = found["data.x"]
                data["y"] = found["data.y"]
                if let inner = found["data.o.x"] { data["o"] = ["x": inner, "q": 1] }
                let expected = filters.allSatisfy { $0.reference.matches(found[$0.key]) }
                matched += expected ? 1 : 0
                try expect(
                    pattern, expected, on: sampleEvent(data: JSONValue.object(data).description),
                    "seed \(seed): \(members) on \(data)")
            }
        }
        #expect(matched > casesToTry(of: 30), "the cases hardly ever match")
    }
}
