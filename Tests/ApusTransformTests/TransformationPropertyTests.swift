// SPDX-License-Identifier: Apache-2.0

// Random templates on random events come out as the reference says, and whatever comes out can be read.

import ApusTransform
import CloudEvents
import JSONText
import TestThreads
import Testing

@Suite struct TransformationPropertyTests {
    private struct Cases {
        var generator: SeededGenerator

        mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

        mutating func name() -> String {
            ["a", "b", "c", "odd name", "it's", "é\"\\", ""].randomElement(using: &generator) ?? "a"
        }

        mutating func text() -> String {
            ["", "x", "a \"b\"", "back\\slash", "line\nbreak\t", "é😀", "{[,]}:", "1 < 2", "\u{1}"]
                .randomElement(using: &generator) ?? ""
        }

        mutating func scalar() -> JSONValue {
            switch number(0..<5) {
            case 0: .null
            case 1: .bool(number(0..<2) == 0)
            case 2: .number(JSONNumber(number(-5..<1000)))
            default: .string(text())
            }
        }

        mutating func tree(_ depth: Int) -> Tree {
            switch depth > 0 ? number(0..<5) : 0 {
            case 1, 2: .array((0..<number(0..<4)).map { _ in tree(depth - 1) })
            case 3, 4: .object((0..<number(0..<5)).map { _ in (name(), tree(depth - 1)) })
            default: .scalar(scalar())
            }
        }

        mutating func path() -> [ReferenceStep] {
            (0..<number(0..<5)).map { _ in
                switch number(0..<8) {
                case 0: .elements
                case 1: .members
                case 2, 3: .index(number(0..<4))
                default: .name(name())
                }
            }
        }

        mutating func template(_ depth: Int, variables: Int) -> ReferenceTemplate {
            switch depth > 0 ? number(0..<6) : number(0..<3) {
            case 0: .constant(scalar())
            case 1: .variable(number(0..<variables))
            case 2:
                .string(
                    (0..<number(0..<5)).map { _ in
                        number(0..<2) == 0 ? .text(text()) : .variable(number(0..<variables))
                    })
            case 3: .array((0..<number(0..<4)).map { _ in template(depth - 1, variables: variables) })
            default:
                .object(
                    (0..<number(0..<4)).map { ("m\($0)" + text(), template(depth - 1, variables: variables)) }
                )
            }
        }
    }

    private static func value(_ found: [Tree], _ path: [ReferenceStep]) -> ReferenceValue {
        let isList = path.contains {
            if case .elements = $0 { true } else if case .members = $0 { true } else { false }
        }
        guard let tree = isList ? .array(found) : found.first else {
            return ReferenceValue(value: nil, characters: "")
        }
        return ReferenceValue(value: tree.value, characters: TreeWriter.characters(tree))
    }

    @Test(.ownThread) func `random transformations come out as the reference says`() throws {
        var lists = 0
        var missing = 0
        for seed in 0..<casesToTry(of: 4000) {
            var cases = Cases(generator: SeededGenerator(seed: UInt64(seed)))
            let tree = cases.tree(4)
            let paths = (0..<cases.number(1..<7)).map { _ in cases.path() }
            let template = cases.template(3, variables: paths.count)
            let values = paths.map { Self.value(tree.follow($0[...]), $0) }
            missing += values.count { $0.value == nil }
            lists += values.count { $0.value?.array?.isEmpty == false }

            var writer = TreeWriter(generator: cases.generator)
            let data = writer.write(tree)
            var inputPaths = JSONObject()
            for (number, path) in paths.enumerated() {
                inputPaths["v\(number)"] = .string("$.data" + path.map(\.text).joined())
            }
            let text = template.text { writer.space() }
            let result = try transformed(
                ["input_paths": .object(inputPaths), "input_template": .string(text)], event(data))
            let expected = template.fill(values)
            #expect(
                try JSONValue(parsing: result) == expected,
                "seed \(seed): \(text) with \(inputPaths) on \(data) gives \(result)")
        }
        #expect(lists > casesToTry(of: 500))
        #expect(missing > casesToTry(of: 2000))
    }

    @Test(.ownThread) func `XML templates bring any text through`() throws {
        for seed in 0..<casesToTry(of: 500) {
            var cases = Cases(generator: SeededGenerator(seed: UInt64(seed)))
            let text = (0..<cases.number(0..<4)).map { _ in cases.text() }.joined()
                .replacing("\u{1}", with: "\r\n")
            let source = try event(JSONValue.string(text).description)
            let xml = try Transformation([
                "input_paths": ["v": "$.data"], "input_template": "<a b='${v}' c=\"${v}\">${v}</a>",
                "output": "xml",
            ]).apply(to: source, in: context)
            for path in ["$.data.a", "$.data.a.@b", "$.data.a.@c"] {
                let back = try transformed(["input_path": .string(path)], xml)
                #expect(try JSONValue(parsing: back) == .string(text), "seed \(seed)")
            }
        }
    }

    @Test func `the same event in the same context becomes the same event`() throws {
        let transformation = try Transformation([
            "input_paths": ["v": "$.data.items[*]"],
            "input_template": #"{"v": <v>, "at": <apus.arrived>, "all": <apus.event.json>}"#,
            "attributes": ["set": ["type": "x.<apus.rule>"]],
        ])
        let event = try event(#"{"items": [1, 2, {"a": "b"}]}"#)
        let first = try transformation.apply(to: event, in: context)
        let again = try Transformation(parsing: transformation.text).apply(to: event, in: context)
        #expect(first == again)
    }
}
