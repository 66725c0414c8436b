// SPDX-License-Identifier: Apache-2.0

// Random XML documents together with the tree that patterns see in them, written down independently of any reader.

import JSONText

extension RandomCases {
    private static let elementNames = ["a", "b", "p:a", "q:b", "c"]

    /// A pattern whose paths may be those of a document.
    mutating func documentPattern() -> JSONValue {
        ["data": documentFields(depth: 0)]
    }

    private mutating func documentFields(depth: Int) -> JSONValue {
        var object = JSONObject()
        for _ in 0...Int.random(in: 0..<2, using: &generator) {
            let isElement = depth == 0 || Int.random(in: 0..<3, using: &generator) > 0
            let name = Self.elementNames.randomElement(using: &generator) ?? "a"
            let isDeeper = isElement && depth < 3 && Int.random(in: 0..<3, using: &generator) > 0
            object[isElement ? name : "@" + name] =
                isDeeper ? documentFields(depth: depth + 1) : alternatives()
        }
        return .object(object)
    }

    /// A document and the value of `data`.
    mutating func document() -> (text: String, tree: Tree) {
        var members: [(name: String, value: Tree)] = []
        let text = element(depth: 0, &members)
        let isDeclared = Int.random(in: 0..<2, using: &generator) == 0
        return ((isDeclared ? "<?xml version=\"1.0\"?>\n" : "") + text + filler(), .object(members))
    }

    private mutating func element(depth: Int, _ members: inout [(name: String, value: Tree)]) -> String {
        let name = Self.elementNames.randomElement(using: &generator) ?? "a"
        var own: [(name: String, value: Tree)] = []
        var text = "<" + name
        for attribute in Self.elementNames.shuffled(using: &generator).prefix(
            Int.random(in: 0..<3, using: &generator))
        {
            let value = value()
            text += " \(attribute)=\"\(coded(value))\""
            for name in names(attribute) { own.append(("@" + name, .attribute(value))) }
        }
        let childCount = depth < 4 ? Int.random(in: 0..<4, using: &generator) : 0
        let isBlank = childCount > 0 ? Bool.random(using: &generator) : false
        let value = isBlank ? "" : value()
        text += ">" + filler() + (isBlank ? "" : content(value))
        for _ in 0..<childCount { text += element(depth: depth + 1, &own) + filler() }
        text += "</\(name)>"
        let object = Tree.object(own)
        let isSpace: (Character) -> Bool = { $0 == " " }
        let start = value.drop(while: isSpace)
        let trimmed = String(String(start.reversed()).drop(while: isSpace).reversed())
        let isValue = childCount == 0 || !trimmed.isEmpty
        for name in names(name) {
            members.append((name, isValue ? .array([object, .attribute(trimmed)]) : object))
        }
        return text
    }

    private func names(_ name: String) -> [String] {
        guard let colon = name.firstIndex(of: ":") else { return [name] }
        return [String(name[name.index(after: colon)...]), name]
    }

    private mutating func value() -> String {
        let texts = [
            "", "x", "xy", "xyz", "É", "éx", "true", "1", "1.0", "-1.50", "10.0.0.7", "a\"<&'", " x ", "x y",
        ]
        return texts.randomElement(using: &generator) ?? ""
    }

    /// White space, comments and instructions: nothing to a pattern.
    private mutating func filler() -> String {
        ["", "", "\n  ", "<!-- x -->", "<?x y?>"].randomElement(using: &generator) ?? ""
    }

    private mutating func coded(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "<": "&lt;"
            case "&": "&amp;"
            case "\"": "&quot;"
            default: Int.random(in: 0..<8, using: &generator) == 0 ? "&#\(scalar.value);" : String(scalar)
            }
        }.joined()
    }

    /// A text as character data, perhaps in pieces.
    private mutating func content(_ text: String) -> String {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: "<![CDATA[\(text)]]>"
        case 1: text.unicodeScalars.map { coded(String($0)) + "<!---->" }.joined()
        default: coded(text)
        }
    }
}
