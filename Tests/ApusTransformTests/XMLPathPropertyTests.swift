// SPDX-License-Identifier: Apache-2.0

// Paths into random XML documents lead where a walk over a tree leads.

import ApusTransform
import CloudEvents
import JSONText
import TestThreads
import Testing

/// An element of a random document.
private struct Element {
    enum Child {
        case text(String)
        case element(Element)
    }

    var name: String
    var attributes: [(name: String, value: String)]
    var children: [Child]

    var elements: [Element] {
        children.compactMap { if case .element(let element) = $0 { element } else { nil } }
    }

    var text: String {
        children.map { child in
            switch child {
            case .text(let text): text
            case .element(let element): element.text
            }
        }.joined()
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&#x3C;").replacing("\"", with: "&quot;")
    }

    func write(_ prefix: String) -> String {
        let tag = prefix + name
        let attributes = attributes.map { " \($0.name)=\"\(Self.escaped($0.value))\"" }.joined()
        let content = children.map { child in
            switch child {
            case .text(let text) where text.contains("]") || text.isEmpty: Self.escaped(text) + "<!-- - -->"
            case .text(let text): text.count.isMultiple(of: 2) ? "<![CDATA[\(text)]]>" : Self.escaped(text)
            case .element(let element): element.write(prefix)
            }
        }.joined()
        return "<\(tag)\(attributes)>\(content)</\(tag)>"
    }
}

/// One or two steps of a path: a name with what follows it in brackets.
private struct Part {
    enum Selector { case name(String), members, attribute(String) }
    enum Modifier { case none, index(Int), elements }

    var selector: Selector
    var modifier: Modifier

    var text: String {
        let head =
            switch selector {
            case .name(let name): ".\(name)"
            case .members: ".*"
            case .attribute(let name): ".@\(name)"
            }
        return head
            + {
                switch modifier {
                case .none: ""
                case .index(let index): "[\(index)]"
                case .elements: "[*]"
                }
            }()
    }

    var isList: Bool {
        if case .members = selector { return true }
        if case .elements = modifier { return true }
        return false
    }
}

extension Element {
    /// The texts that a path leads to.
    fileprivate func follow(_ parts: ArraySlice<Part>) -> [String] {
        guard let part = parts.first else { return [text] }
        var candidates: [Element]
        switch part.selector {
        case .attribute(let name):
            guard parts.count == 1, case .none = part.modifier else { return [] }
            return attributes.filter { $0.name == name }.map(\.value)
        case .name(let name): candidates = elements.filter { $0.name == name }
        case .members: candidates = elements
        }
        switch (part.modifier, part.selector) {
        case (.index(let index), _):
            candidates = candidates.indices.contains(index) ? [candidates[index]] : []
        case (.none, .name): candidates = Array(candidates.prefix(1))
        case (.none, _), (.elements, _): break
        }
        return candidates.flatMap { $0.follow(parts.dropFirst()) }
    }
}

@Suite struct XMLPathPropertyTests {
    private struct Cases {
        var generator: SeededGenerator

        mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
        mutating func name() -> String { ["a", "b", "c-d"].randomElement(using: &generator) ?? "a" }

        mutating func text() -> String {
            ["", "x", "a < b & \"c\"", "é😀", "]]", " ", "line\nbreak"].randomElement(using: &generator) ?? ""
        }

        mutating func element(_ depth: Int) -> Element {
            let names = ["k", "l"].filter { _ in number(0..<2) == 0 }
            return Element(
                name: name(), attributes: names.map { ($0, ["1", "<&\"", ""][number(0..<3)]) },
                children: (0..<number(0..<(depth > 0 ? 6 : 2))).map { _ in
                    depth > 0 && number(0..<3) > 0 ? .element(element(depth - 1)) : .text(text())
                })
        }

        mutating func path() -> [Part] {
            var parts = (0..<number(1..<5)).map { _ in
                Part(
                    selector: number(0..<4) == 0 ? .members : .name(name()),
                    modifier: [.none, .none, .elements, .index(number(0..<3))][number(0..<4)])
            }
            if number(0..<3) == 0 {
                parts.append(Part(selector: .attribute(["k", "l"][number(0..<2)]), modifier: .none))
            }
            return parts
        }
    }

    @Test(.ownThread) func `paths lead where a walk over the tree leads`() throws {
        var found = 0
        for seed in 0..<casesToTry(of: 1500) {
            var cases = Cases(generator: SeededGenerator(seed: UInt64(seed)))
            // The document itself is the parent of its root.
            let root = cases.element(4)
            let document = Element(name: "", attributes: [], children: [.element(root)])
            let paths = (0..<cases.number(1..<6)).map { _ in cases.path() }
            var inputPaths = JSONObject()
            var expected: [JSONValue] = []
            for (number, path) in paths.enumerated() {
                inputPaths["v\(number)"] = .string("$.data" + path.map(\.text).joined())
                let texts = document.follow(path[...])
                found += texts.count
                let isList = path.contains(where: \.isList)
                expected.append(
                    isList ? .array(texts.map { .string($0) }) : texts.first.map { .string($0) } ?? .null)
            }
            let template = "[" + paths.indices.map { "<v\($0)>" }.joined(separator: ",") + "]"
            let isPrefixed = seed.isMultiple(of: 3)
            var text = root.write(isPrefixed ? "p:" : "")
            if isPrefixed { text = text.replacing(#/^<[^ >]+/#) { "\($0.output) xmlns:p='urn:p'" } }
            let result = try transformed(
                ["input_paths": .object(inputPaths), "input_template": .string(template)],
                event(text, contentType: "application/xml"))
            #expect(
                try JSONValue(parsing: result) == .array(expected), "seed \(seed): \(inputPaths) on \(text)")
        }
        #expect(found > casesToTry(of: 800))
    }
}
