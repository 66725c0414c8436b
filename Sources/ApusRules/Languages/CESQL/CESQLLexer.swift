// SPDX-License-Identifier: Apache-2.0

// CESQL's words and signs. Keywords, function names and attribute names are read in either case.

/// A word or sign of an expression.
struct CESQLToken {
    enum Kind: Hashable {
        /// Letters, digits and underscores, as written.
        case word(String)
        /// Digits without a sign.
        case digits(String)
        case text(String)
        case sign(String)
        case end
    }

    let kind: Kind
    let range: Range<Int>

    /// As it is shown in errors.
    var shown: String {
        switch kind {
        case .word(let text), .digits(let text), .sign(let text): "'\(text)'"
        case .text: "a text"
        case .end: "the end"
        }
    }
}

/// Reads tokens.
struct CESQLLexer {
    let text: [UInt8]
    private(set) var position = 0

    init(_ text: [UInt8]) { self.text = text }

    func error(_ reason: RuleLanguageError.Reason, at offset: Int) -> RuleLanguageError {
        RuleLanguageError(reason, in: .cesql, offset: offset, of: text)
    }

    mutating func next() throws(RuleLanguageError) -> CESQLToken {
        while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
        let start = position
        guard start < text.count else { return CESQLToken(kind: .end, range: start..<start) }
        switch text[start] {
        case 0x22, 0x27: return try quoted(by: text[start])
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F:
            while position < text.count, Self.isInWord(text[position]) { position += 1 }
            let word = String(decoding: text[start..<position], as: UTF8.self)
            let isNumber = text[start..<position].allSatisfy { (0x30...0x39).contains($0) }
            return CESQLToken(kind: isNumber ? .digits(word) : .word(word), range: start..<position)
        default: return try sign()
        }
    }

    private static func isInWord(_ byte: UInt8) -> Bool {
        byte | 0x20 &- 0x61 < 26 && byte >= 0x41 || (0x30...0x39).contains(byte) || byte == 0x5F
    }

    /// A backslash keeps the character after it from ending the text; only before the quote it goes away.
    private mutating func quoted(by quote: UInt8) throws(RuleLanguageError) -> CESQLToken {
        let start = position
        var bytes: [UInt8] = []
        position += 1
        while position < text.count, text[position] != quote {
            if text[position] == 0x5C, position + 1 < text.count {
                if text[position + 1] != quote { bytes.append(0x5C) }
                position += 1
            }
            bytes.append(text[position])
            position += 1
        }
        guard position < text.count else { throw error(.unclosedText, at: start) }
        position += 1
        return CESQLToken(kind: .text(String(decoding: bytes, as: UTF8.self)), range: start..<position)
    }

    private mutating func sign() throws(RuleLanguageError) -> CESQLToken {
        let start = position
        for sign in ["<=", ">=", "!=", "<>", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ","]
        where text[start...].starts(with: sign.utf8) {
            position += sign.utf8.count
            return CESQLToken(kind: .sign(sign), range: start..<position)
        }
        let scalar = String(decoding: text[start...].prefix(4), as: UTF8.self).unicodeScalars.first
        let found = scalar.map { $0.value < 0x20 || $0.value == 0x7F ? "a control character" : "'\($0)'" }
        throw error(
            .unexpected(found ?? "nothing", expected: "an attribute, a literal, a function or an operator"),
            at: start)
    }
}
