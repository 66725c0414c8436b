// SPDX-License-Identifier: Apache-2.0

// XML once more, as plainly as it can be written: over characters, by recursion, everything copied. What the matcher's pass over the bytes must
// agree with: which documents can be read, and what stands in them.

/// Reads a document into its values.
struct SlowXMLReader {
    /// A value and the names on the way to it, without prefixes.
    struct Value: Equatable {
        var path: [String]
        var text: String
    }

    private struct Refusal: Error {}

    private var rest: ArraySlice<Unicode.Scalar>
    private var values: [Value] = []
    private var depth = 0

    /// The values of a document, nil if it is none that patterns can look into.
    static func values(of bytes: [UInt8]) -> [Value]? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var reader = SlowXMLReader(rest: Array(text.unicodeScalars)[...])
        return (try? reader.document()) == nil ? nil : reader.values
    }

    // MARK: - Grammar

    private mutating func document() throws {
        _ = take("\u{FEFF}")
        if starts("<?xml"), rest.count > 5, Self.isSpace(rest[rest.startIndex + 5]) { try declaration() }
        try around()
        guard take("<") else { throw Refusal() }
        try element(path: [])
        try around()
        guard rest.isEmpty else { throw Refusal() }
    }

    /// What may stand before and behind the root.
    private mutating func around() throws {
        while true {
            if space() { continue }
            if try isMarkupWithoutMeaning() { continue }
            return
        }
    }

    private mutating func declaration() throws {
        _ = take("<?xml")
        var parts: [(String, String)] = []
        while true {
            let hasSpace = space()
            if take("?>") { break }
            guard hasSpace else { throw Refusal() }
            let name = try name()
            let (value, isPlain) = try equalsAndValue()
            guard isPlain else { throw Refusal() }
            parts.append((name.joined(separator: ":"), value.lowercased()))
        }
        let names = parts.map(\.0)
        guard
            [
                ["version"], ["version", "encoding"], ["version", "standalone"],
                ["version", "encoding", "standalone"],
            ]
            .contains(names)
        else { throw Refusal() }
        for (name, value) in parts {
            let allowed = [
                "version": ["1.0"], "encoding": ["utf-8", "us-ascii"], "standalone": ["yes", "no"],
            ]
            guard allowed[name]?.contains(value) == true else { throw Refusal() }
        }
    }

    /// Reads an element from behind its `<`.
    private mutating func element(path: [String]) throws {
        depth += 1
        defer { depth -= 1 }
        let name = try name()
        let path = path + [name[name.count - 1]]
        guard depth <= 128 else { throw Refusal() }
        var seen: [[String]] = []
        while true {
            let hasSpace = space()
            if take("/>") {
                values.append(Value(path: path, text: ""))
                return
            }
            if take(">") { break }
            guard hasSpace, seen.count < 256 else { throw Refusal() }
            let attribute = try self.name()
            guard !seen.contains(attribute) else { throw Refusal() }
            seen.append(attribute)
            let value = try equalsAndValue().value
            if attribute[0] != "xmlns" {
                values.append(Value(path: path + ["@" + attribute[attribute.count - 1]], text: value))
            }
        }
        try content(of: name, path: path)
    }

    private mutating func content(of name: [String], path: [String]) throws {
        var text = ""
        var hasElements = false
        while true {
            guard let first = rest.first else { throw Refusal() }
            if take("</") {
                guard try self.name() == name else { throw Refusal() }
                space()
                guard take(">") else { throw Refusal() }
                break
            }
            if take("<![CDATA[") {
                while !take("]]>") { text.unicodeScalars.append(try character()) }
            } else if try isMarkupWithoutMeaning() {
                continue
            } else if take("<") {
                hasElements = true
                try element(path: path)
            } else if first == "&" {
                text.unicodeScalars.append(try reference())
            } else {
                guard !starts("]]>") else { throw Refusal() }
                text.unicodeScalars.append(try character())
            }
        }
        let trimmed = Self.trimmed(text)
        if !hasElements || !trimmed.isEmpty { values.append(Value(path: path, text: trimmed)) }
    }

    /// Passes a comment or an instruction.
    private mutating func isMarkupWithoutMeaning() throws -> Bool {
        if take("<!--") {
            while !take("--") { _ = try character() }
            guard take(">") else { throw Refusal() }
            return true
        }
        guard take("<?") else { return false }
        guard try name().joined(separator: ":").lowercased() != "xml" else { throw Refusal() }
        guard starts("?>") || space() else { throw Refusal() }
        while !take("?>") { _ = try character() }
        return true
    }

    private mutating func equalsAndValue() throws -> (value: String, isPlain: Bool) {
        space()
        guard take("=") else { throw Refusal() }
        space()
        guard let quote = rest.popFirst(), quote == "\"" || quote == "'" else { throw Refusal() }
        var value = ""
        var isPlain = true
        while let next = rest.first, next != quote {
            guard next != "<" else { throw Refusal() }
            if next == "&" {
                value.unicodeScalars.append(try reference())
                isPlain = false
            } else {
                let scalar = try character()
                isPlain = isPlain && next.value >= 0x20
                value.unicodeScalars.append(Self.isSpace(scalar) ? " " : scalar)
            }
        }
        guard rest.popFirst() == quote else { throw Refusal() }
        return (value, isPlain)
    }

    /// One character; a line end is one, whatever it is made of.
    private mutating func character() throws -> Unicode.Scalar {
        guard let scalar = rest.popFirst(), scalar.value >= 0x20 || Self.isSpace(scalar),
            scalar.value != 0xFFFE,
            scalar.value != 0xFFFF
        else { throw Refusal() }
        guard scalar == "\r" else { return scalar }
        if rest.first == "\n" { rest.removeFirst() }
        return "\n"
    }

    private mutating func reference() throws -> Unicode.Scalar {
        guard let end = rest.firstIndex(of: ";") else { throw Refusal() }
        var name = String.UnicodeScalarView()
        name.append(contentsOf: rest[rest.index(after: rest.startIndex)..<end])
        let text = String(name)
        rest = rest[(end + 1)...]
        let named: [String: Unicode.Scalar] = ["lt": "<", "gt": ">", "amp": "&", "apos": "'", "quot": "\""]
        if let scalar = named[text] { return scalar }
        let isHex = text.utf8.starts(with: "#x".utf8)
        guard text.utf8.first == UInt8(ascii: "#"), text.utf8.count <= 16 else { throw Refusal() }
        let digits = String(text.unicodeScalars.dropFirst(isHex ? 2 : 1))
        guard digits.utf8.allSatisfy({ isHex ? Self.isHexDigit($0) : $0 >= 0x30 && $0 <= 0x39 }),
            let value = UInt64(digits, radix: isHex ? 16 : 10), let code = UInt32(exactly: value),
            let scalar = Unicode.Scalar(code), code >= 0x20 || Self.isSpace(scalar), code != 0xFFFE,
            code != 0xFFFF
        else { throw Refusal() }
        return scalar
    }

    /// A name, in two parts if it has a prefix.
    private mutating func name() throws -> [String] {
        var text = String.UnicodeScalarView()
        while let next = rest.first, Self.isInName(next) {
            guard next.value != 0xFFFE, next.value != 0xFFFF else { throw Refusal() }
            text.append(next)
            rest.removeFirst()
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isName = parts.allSatisfy { part in
            part.first.map { $0.value >= 0x80 || $0 == "_" || Self.isLetter($0) } ?? false
        }
        guard parts.count <= 2, isName else { throw Refusal() }
        return parts.map { String($0) }
    }

    // MARK: - Characters

    private func starts(_ text: String) -> Bool { rest.starts(with: text.unicodeScalars) }

    private mutating func take(_ text: String) -> Bool {
        guard starts(text) else { return false }
        rest.removeFirst(text.unicodeScalars.count)
        return true
    }

    @discardableResult
    private mutating func space() -> Bool {
        let spaces = rest.prefix { Self.isSpace($0) }
        rest.removeFirst(spaces.count)
        return !spaces.isEmpty
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r"
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        scalar >= "a" && scalar <= "z" || scalar >= "A" && scalar <= "Z"
    }

    private static func isInName(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x80 || isLetter(scalar) || scalar >= "0" && scalar <= "9" || scalar == "_"
            || scalar == ":" || scalar == "-" || scalar == "."
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars.drop(while: isSpace)
        var kept = Array(scalars)
        while let last = kept.last, isSpace(last) { kept.removeLast() }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: kept)
        return String(view)
    }
}
