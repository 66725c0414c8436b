// SPDX-License-Identifier: Apache-2.0

// SNS filter policies by example, their limits, and random policies against an interpreter that knows message attributes and nothing
// of patterns.

import CloudEvents
import JSONText
import TestThreads
import Testing

@testable import ApusRules

@Suite struct SNSFilterPolicyTests {
    /// Message attributes as the event has them.
    private static func message() throws -> CloudEvent {
        try sampleEvent([
            ("store", "example_corp"), ("priceusd", 210), ("encrypted", false), ("address", "10.0.3.4"),
            ("customerinterests", #"["rugby", "hockey", 7]"#), ("note", "[draft] 5"),
        ])
    }

    @Test(arguments: [
        (#"{"store":["example_corp"]}"#, true), (#"{"store":["Example_Corp"]}"#, false),
        (#"{"type":["order.placed"],"store":[{"prefix":"ex"}]}"#, true),
        (#"{"store":[{"suffix":"corp"}]}"#, true),
        (#"{"store":[{"equals-ignore-case":"EXAMPLE_corp"}]}"#, true),
        (#"{"store":[{"wildcard":"ex*co*p"}]}"#, true),
        (#"{"store":[{"anything-but":["a","b"]}]}"#, true),
        (#"{"store":[{"anything-but":{"prefix":"ex"}}]}"#, false),
        (#"{"store":[{"anything-but":{"suffix":"x"}}]}"#, true),
        (#"{"store":[{"anything-but":{"wildcard":"*_*"}}]}"#, false),
        (#"{"price_usd":[210]}"#, true), (#"{"price_usd":[{"numeric":[">=",100,"<",210]}]}"#, false),
        (#"{"price_usd":[{"numeric":["=",2.1e2]}]}"#, true),
        (#"{"price_usd":[{"anything-but":[100,210]}]}"#, false),
        (#"{"encrypted":[false]}"#, true), (#"{"address":[{"cidr":"10.0.0.0/22"}]}"#, true),
        (#"{"address":[{"cidr":"10.0.4.0/24"}]}"#, false),
        (#"{"store":[{"exists":true}],"colour":[{"exists":false}]}"#, true),
        (#"{"colour":["red",{"exists":false}]}"#, true), (#"{"store":[{"exists":false}]}"#, false),
        (
            #"{"$or":[{"colour":["red"]},{"price_usd":[{"numeric":[">",200]}]}],"store":["example_corp"]}"#,
            true
        ),
        (#"{"$or":[{"colour":["red"]},{"price_usd":[{"numeric":[">",300]}]}]}"#, false), ("{}", true),
        // The elements of an array are values.
        (#"{"customer_interests":["rugby","football"]}"#, true),
        (#"{"customer_interests":["football"]}"#, false),
        (#"{"customer_interests":[7.0]}"#, true), (#"{"customer_interests":[{"prefix":"hock"}]}"#, true),
        (#"{"customer_interests":[{"wildcard":"*ugb*"}]}"#, true),
        (#"{"customer_interests":[{"wildcard":"*gby*hoc*"}]}"#, false),
        (#"{"customer_interests":[{"anything-but":["rugby","hockey"]}]}"#, true),
        (#"{"customer_interests":[{"anything-but":["rugby","hockey"]}],"store":[{"exists":false}]}"#, false),
        (#"{"customer_interests":[{"anything-but":{"wildcard":"*"}}]}"#, true),
        (#"{"customer_interests":[{"exists":true}]}"#, true),
        (#"{"customer_interests":[{"suffix":"]"}]}"#, false),
        (#"{"customer_interests":[{"prefix":"["}]}"#, false),
        // What only looks like an array is a text.
        (#"{"note":[{"prefix":"["}]}"#, true), (#"{"note":["[draft] 5"]}"#, true),
        (#"{"note":[{"anything-but":"x"}]}"#, true),
    ])
    func `policies on message attributes`(policy: String, expected: Bool) throws {
        try expect(Pattern(snsFilterPolicy: policy), expected, on: Self.message(), policy)
    }

    @Test(arguments: [
        (#"{"store":["a"],"items":{"kind":["book"],"count":[{"numeric":[">",1]}]}}"#, true),
        (#"{"items":{"kind":["pen"],"count":[2]}}"#, false), (#"{"tags":[{"anything-but":"new"}]}"#, true),
        (#"{"gone":[null]}"#, true), (#"{"missing":[{"exists":false}]}"#, true),
        (#"{"$or":[{"store":["b"]},{"items":{"$or":[{"kind":["pen"]},{"count":[9]}]}}]}"#, true),
        ("{}", true),
    ])
    func `policies on the message body`(policy: String, expected: Bool) throws {
        let event = try sampleEvent(
            data:
                #"{"store":"a","items":[{"kind":"book","count":2},{"kind":"pen","count":1}],"tags":["new","x"],"gone":null}"#
        )
        let pattern = try Pattern(snsFilterPolicy: policy, scope: .messageBody)
        try expect(pattern, expected, on: event, policy)
        if policy != "{}" { #expect(try pattern == Pattern(parsing: "{\"data\":\(policy)}")) }
    }

    @Test(arguments: [
        ("[]", "", 0, "a pattern is an object"), (#"{"a":"b"}"#, "a", 5, "alternatives stand in a list"),
        (#"{"a":["x"], "a":["y"]}"#, "a", 12, "appears twice"), (#"{"a":[]}"#, "a", 5, "an empty list"),
        (
            #"{"a":[{"prefx":"x"}]}"#, "a", 6,
            "unknown operator 'prefx'; known are prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, cidr, exists"
        ),
        (#"{"a":[{"topic":"x"}]}"#, "a", 6, "unknown operator 'topic'"),
        (#"{"a":[{"none":["x"]}]}"#, "a", 6, "unknown operator"),
        (#"{"a":{"b":["x"]}}"#, "a", 1, "set the scope to MessageBody"),
        (
            #"{"x":["y"], "Store-Id":["a"], "store_id":["b"]}"#, "store_id", 30,
            "'store_id' and 'Store-Id' are both the attribute 'storeid'"
        ),
        (#"{"__":["a"]}"#, "__", 1, "is not the name of an attribute"),
        (#"{"größe":["a"]}"#, "größe", 1, "is not the name"),
        (#"{"data":["a"]}"#, "data", 1, "is not the name"),
        (#"{"$and":[{"a":["b"]}]}"#, "$and", 1, "found '$and'"),
        (#"{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}"#, "f", 51, "more than 5 keys"),
        (#"{"a":[1000000001]}"#, "a", 1, "1000000001 is not within -1000000000 to 1000000000"),
        (#"{"a":[{"numeric":[">",-1e10]}]}"#, "a", 1, "-1e10 is not within"),
        (#"{"a":[{"anything-but":[1e10]}]}"#, "a", 1, "1e10 is not within"),
        (#"{"a":[{"wildcard":"*a*b*c*"}]}"#, "a", 1, "more than 3 wildcards in a text"),
        (
            #"{"a":[{"wildcard":"*a*"},{"wildcard":"*b*"},{"wildcard":"*c*"},{"wildcard":"*d*"},{"wildcard":"*e*"}]}"#,
            "a", 1, "more than 100 points for wildcards"
        ),
        (#"{"$or":[{"a":["x"]}]}"#, "$or", 7, "at least two objects"),
        (#"{"a":["x"]"#, "", 10, "ends too early"),
    ])
    func `what SNS would refuse is refused`(policy: String, path: String, offset: Int, message: String) throws
    {
        let error = #expect(throws: RuleLanguageError.self) { try Pattern(snsFilterPolicy: policy) }
        #expect(error?.path == path, "\(String(describing: error))")
        #expect(error?.offset == offset)
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test func `combinations multiply, by levels too`() throws {
        func list(_ count: Int) -> String { "[" + (0..<count).map(String.init).joined(separator: ",") + "]" }
        let scope = SNSFilterPolicyScope.messageBody
        // 4 values on level 3 times 3 on level 2 are 72.
        var policy = #"{"a":{"b":{"c":[1,2,3,4]}},"d":{"e":[1,2,3]}}"#
        #expect(throws: Never.self) { try Pattern(snsFilterPolicy: policy, scope: scope) }
        policy = #"{"a":{"b":{"c":[1,2,3,4]}},"d":{"e":[1,2,3,4,5,6,7]}}"#
        let error = #expect(throws: RuleLanguageError.self) {
            try Pattern(snsFilterPolicy: policy, scope: scope)
        }
        #expect(error?.reason == .tooMany("combinations of values", limit: 150))
        #expect(throws: Never.self) { try Pattern(snsFilterPolicy: "{\"a\":\(list(150))}") }
        #expect(throws: RuleLanguageError.self) { try Pattern(snsFilterPolicy: "{\"a\":\(list(151))}") }
        #expect(throws: RuleLanguageError.self) {
            try Pattern(snsFilterPolicy: "{\"a\":\(list(10)),\"b\":\(list(4)),\"c\":\(list(4))}")
        }
        // Alternatives of $or add up.
        #expect(throws: Never.self) {
            try Pattern(snsFilterPolicy: "{\"$or\":[{\"a\":\(list(75))},{\"b\":\(list(75))}]}")
        }
        #expect(throws: RuleLanguageError.self) {
            try Pattern(snsFilterPolicy: "{\"$or\":[{\"a\":\(list(75))},{\"b\":\(list(76))}]}")
        }
        var limits = SNSFilterPolicyLimits()
        limits.combinationsMax = 1000
        limits.textBytesMax = 2000
        #expect(throws: Never.self) { try Pattern(snsFilterPolicy: "{\"a\":\(list(151))}", limits: limits) }
        let long = #expect(throws: RuleLanguageError.self) {
            try Pattern(snsFilterPolicy: "{\"a\":\(list(600))}", limits: limits)
        }
        #expect(long?.reason == .tooLong(limit: 2000))
    }

    @Test func `the table is that of patterns`() throws {
        let expected = """
            not matched
              no   colour    expected "red", {"element":["red"]}                                  got absent
              yes  priceusd  expected {"numeric":[">",200]}, {"element":[{"numeric":[">",200]}]}  got "210"
            """
        let pattern = try Pattern(snsFilterPolicy: #"{"colour":["red"],"price_usd":[{"numeric":[">",200]}]}"#)
        #expect(try pattern.explain(Self.message()).description == expected)
    }
}

/// Message attributes and what SNS makes of them.
private struct SNSReference {
    enum Attribute {
        case text(String)
        case array([JSONValue])
    }

    var attributes: [String: Attribute] = [:]

    func accepts(_ policy: JSONValue) -> Bool {
        (policy.object?.members ?? []).allSatisfy { member in
            if member.name == "$or" { return (member.value.array ?? []).contains(where: accepts) }
            return (member.value.array ?? []).contains { accepts($0, attributes[member.name]) }
        }
    }

    private func accepts(_ condition: JSONValue, _ attribute: Attribute?) -> Bool {
        if let isWanted = condition["exists"]?.bool { return isWanted == (attribute != nil) }
        switch attribute {
        case nil: return false
        case .text(let text):
            return passes(
                condition, text: text, number: JSONNumber(text)?.double, word: Bool(text), isNull: false)
        case .array(let elements):
            return elements.contains {
                passes(
                    condition, text: $0.string, number: $0.number?.double, word: $0.bool, isNull: $0 == .null)
            }
        }
    }

    private func passes(
        _ condition: JSONValue, text: String?, number: Double?, word: Bool?, isNull: Bool
    ) -> Bool {
        switch condition {
        case .string(let wanted): return text == wanted
        case .number(let wanted): return number == wanted.double
        case .bool(let wanted): return word == wanted
        case .null: return isNull
        default: break
        }
        if let excluded = condition["anything-but"] {
            let list =
                excluded["prefix"].map { [["prefix": $0] as JSONValue] } ?? excluded.array ?? [excluded]
            return !list.contains { passes($0, text: text, number: number, word: word, isNull: isNull) }
        }
        if let range = condition["numeric"]?.array, let number {
            return stride(from: 0, to: range.count, by: 2).allSatisfy {
                let bound = range[$0 + 1].number?.double ?? 0
                return range[$0] == "<" ? number < bound : number >= bound
            }
        }
        guard let text else { return false }
        if let prefix = condition["prefix"]?.string { return text.hasPrefix(prefix) }
        if let suffix = condition["suffix"]?.string { return text.hasSuffix(suffix) }
        if let other = condition["equals-ignore-case"]?.string {
            return text.lowercased() == other.lowercased()
        }
        if let wildcard = condition["wildcard"]?.string {
            let parts = wildcard.split(separator: "*", omittingEmptySubsequences: false)
            return text.hasPrefix(parts[0]) && text.dropFirst(parts[0].count).hasSuffix(parts[1])
        }
        return false
    }
}

@Suite(.ownThread) struct SNSFilterPolicyPropertyTests {
    private static let names = ["store", "price_usd", "Tier", "x-id"]
    private static let texts = ["a", "ab", "B", "5", "true", "[a]", "[", "]", "[5", "5]", "[] ", ""]

    private static func condition(_ generator: inout SeededGenerator) -> JSONValue {
        let text = JSONValue.string(generator.pick(texts))
        switch generator.below(12) {
        case 0, 1: return text
        case 2: return .number(text: generator.pick(["5", "5.0", "-1", "6"]))
        case 3: return generator.pick([true, false, nil] as [JSONValue])
        case 4: return ["exists": .bool(generator.chance(2, in: 3))]
        case 5: return ["prefix": text]
        case 6: return ["suffix": text]
        case 7: return ["equals-ignore-case": text]
        case 8: return ["wildcard": .string(generator.pick(["*", "a*", "*b", "[*]", "*]", "[*"]))]
        case 9: return ["numeric": generator.pick([["<", 6], [">=", 0, "<", 6]] as [JSONValue])]
        case 10: return ["anything-but": generator.pick([["a", "5"], [5, 6], text] as [JSONValue])]
        default: return ["anything-but": ["prefix": text]]
        }
    }

    private static func policy(_ generator: inout SeededGenerator, isTop: Bool = true) -> JSONValue {
        var object = JSONObject()
        for _ in 0..<(isTop ? generator.below(3) : 1) {
            object[generator.pick(names)] = .array(
                (0...generator.below(2)).map { _ in condition(&generator) })
        }
        if isTop, generator.chance(1, in: 3) {
            object["$or"] = .array((0...1).map { _ in policy(&generator, isTop: false) })
        }
        return .object(object)
    }

    @Test(arguments: 0..<4)
    func `random policies accept what a plain interpreter accepts`(block: UInt64) throws {
        var accepted = 0
        for seed in seedsToTry(block: block, of: 60) {
            var generator = SeededGenerator(seed: seed)
            let policy = Self.policy(&generator)
            let pattern = try Pattern(snsFilterPolicy: policy.description)
            for _ in 0..<6 {
                var reference = SNSReference()
                var extensions: [(String, CloudEventValue)] = []
                for name in Self.names where generator.chance(3, in: 4) {
                    if generator.chance(1, in: 3) {
                        let elements = (0..<generator.below(3)).map { _ in
                            generator.pick(["a", "ab", "B", "[", 5, true, nil, "5]"] as [JSONValue])
                        }
                        reference.attributes[name] = .array(elements)
                        extensions.append(
                            (Self.attribute(name), .string(JSONValue.array(elements).description)))
                    } else {
                        let text = generator.pick(Self.texts)
                        // As the event has it, an array and its text are one thing.
                        reference.attributes[name] = text == "[] " ? .array([]) : .text(text)
                        extensions.append((Self.attribute(name), .string(text)))
                    }
                }
                let isAccepted = reference.accepts(policy)
                accepted += isAccepted ? 1 : 0
                try expect(
                    pattern, isAccepted, on: sampleEvent(extensions),
                    "seed \(seed): \(policy) on \(extensions)")
            }
        }
        #expect(accepted > casesToTry(of: 20), "the cases hardly ever match")
    }

    private static func attribute(_ name: String) -> String {
        ["store": "store", "price_usd": "priceusd", "Tier": "tier", "x-id": "xid"][name] ?? ""
    }
}
