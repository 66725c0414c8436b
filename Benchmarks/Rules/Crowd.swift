// SPDX-License-Identifier: Apache-2.0

// Rules and events for measuring the matcher: any number of rules over 60 fields, events of about a given size, a seed that decides everything.
// The values that rules ask for are drawn from ranges that grow with the number of rules, so that an event matches about five of them however
// many there are. Up to five rules are others, each of which every event matches.
//
// Of a hundred rules 60 ask for exact values, 15 for prefixes or suffixes, 10 for ranges, 10 have an `anything-but` or `exists` beside an exact
// value, and 5 a wildcard or `$or`. A third of them ask for the type besides.

import ApusRules

/// A generator whose seed decides everything.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// Makes rules and events that meet.
struct Crowd {
    private static let groups = ["order", "customer", "payment", "shipping", "device"]
    private static let identifiers = ["id", "ref", "batch", "owner"]
    private static let paths = ["path"]
    private static let numbers = ["total", "count"]
    private static let types = (0..<10).map { "com.example.order.step\($0)" }

    private var generator: SeededGenerator
    /// How many different identifiers, places and amounts there are.
    private let identifierCount: Int
    private let placeCount: Int
    private let amountCount: Int

    init(rules: Int, seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        identifierCount = max(rules / 6, 1)
        placeCount = max(rules / 16, 1)
        amountCount = max(rules / 12, 1)
    }

    private mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }
    private mutating func pick(_ names: [String]) -> String { names[below(names.count)] }

    // MARK: - Rules

    mutating func rule() -> Pattern? {
        let kind = below(100)
        let type = below(3) == 0 ? "\"type\":[\"\(pick(Self.types))\"]," : ""
        return try? Pattern(parsing: "{\(type)\(condition(kind))}")
    }

    /// The rules that are measured alone: every event matches each of them. The first asks for the second field of the data, after which nothing
    /// of it has to be looked at; all five together are what an event matches of any number of rules.
    static func few(_ count: Int) -> [Pattern] {
        [
            #"{"data":{"order":{"kind":["retail"]}}}"#, #"{"data":{"customer":{"path":[{"prefix":"/p"}]}}}"#,
            #"{"data":{"paymentInfo":{"total":[{"numeric":[">",0]}]}}}"#,
            #"{"data":{"shippingInfo":{"state":[{"anything-but":["lost","void"]}]}}}"#,
            #"{"data":{"deviceInfo":{"owner":[{"exists":true}]}}}"#,
        ].prefix(count).compactMap { try? Pattern(parsing: $0) }
    }

    private mutating func condition(_ kind: Int) -> String {
        switch kind {
        case 0..<60: return data(exact())
        case 60..<68: return data(field(pick(Self.paths), "{\"prefix\":\"/p\(below(placeCount))/\"}"))
        case 68..<75: return data(field(pick(Self.paths), "{\"suffix\":\"/\(below(placeCount)).pdf\"}"))
        case 75..<80:
            let low = below(amountCount)
            return data(field(pick(Self.numbers), "{\"numeric\":[\">=\",\(low),\"<\",\(low + 1)]}"))
        case 80..<85:
            return data(
                exact() + "," + field(pick(Self.numbers), "{\"numeric\":[\">\",\(below(amountCount))]}"))
        case 85..<90: return data(exact() + "," + field("state", "{\"anything-but\":[\"lost\",\"void\"]}"))
        case 90..<93: return data(exact() + "," + field("flag", "{\"exists\":true}"))
        case 93..<95: return data(exact() + "," + field("gift", "{\"exists\":false}"))
        case 95..<98:
            return data(field(pick(Self.paths), "{\"wildcard\":\"/p\(below(placeCount))/*/*.pdf\"}"))
        default: return "\"$or\":[{\(data(exact()))},{\(data(exact()))}]"
        }
    }

    private func data(_ fields: String) -> String { "\"data\":{\(fields)}" }

    private mutating func exact() -> String {
        if below(10) == 0 { return "\"items\":{\"sku\":[\"A-\(below(identifierCount))\"]}" }
        return field(pick(Self.identifiers), "\"x-\(below(identifierCount))\"")
    }

    private mutating func field(_ name: String, _ test: String) -> String {
        let group = pick(Self.groups)
        // Both halves of a pattern may choose the same group, and a name may stand there once only.
        return "\"\(group)\(name.count % 2 == 0 ? "" : "Info")\":{\"\(name)\":[\(test)]}"
    }

    // MARK: - Events

    /// An event's attributes.
    mutating func attributes() -> [(name: String, value: String)] {
        [
            ("specversion", "1.0"), ("id", "e-\(below(1 << 30))"), ("source", "/shops/\(below(100))"),
            ("type", pick(Self.types)), ("subject", "orders/\(below(1 << 20))"),
            ("datacontenttype", "application/json"),
        ]
    }

    /// An event's data: the fields that rules ask for, then lines of the order until it has about so many bytes.
    mutating func data(bytes: Int) -> [UInt8] {
        var text = "{"
        for group in Self.groups {
            text += "\"\(group)\":{\"kind\":\"retail\",\"id\":\"x-\(below(identifierCount))\","
            text += "\"path\":\"/p\(below(placeCount))/in/\(below(placeCount)).pdf\",\"flag\":true},"
            text +=
                "\"\(group)Info\":{\"ref\":\"x-\(below(identifierCount))\",\"batch\":\"x-\(below(identifierCount))\","
            text += "\"owner\":\"x-\(below(identifierCount))\",\"total\":\(below(amountCount)).5,"
            text += "\"count\":\(below(amountCount)),\"state\":\"new\"},"
        }
        text += "\"items\":["
        var separator = ""
        while text.utf8.count < bytes - 40 {
            text += separator
            text +=
                "{\"sku\":\"A-\(below(identifierCount * 20))\",\"name\":\"Item \(below(1000))\",\"quantity\":\(below(9))}"
            separator = ","
        }
        return Array((text + "]}").utf8)
    }
}
