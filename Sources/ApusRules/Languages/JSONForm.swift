// SPDX-License-Identifier: Apache-2.0

// Reads conditions that are JSON: the scanner's steps, with errors that name the language, the field and the place.

import JSONText

/// A cursor over a condition in JSON.
struct JSONForm {
    var scanner: JSONScanner
    let language: RuleLanguage
    private let text: UnsafeRawBufferPointer
    /// The names on the way to the cursor.
    var path: [String] = []

    /// Reads a text with `body`, after a look at its length, and checks that nothing follows.
    static func read<Result>(
        _ text: [UInt8], in language: RuleLanguage, bytesMax: Int, depthMax: Int = 16,
        _ body: (inout JSONForm) throws(RuleLanguageError) -> Result
    ) throws(RuleLanguageError) -> Result {
        guard text.count <= bytesMax else {
            throw RuleLanguageError(.tooLong(limit: bytesMax), in: language, offset: bytesMax, of: text)
        }
        let result = text.withUnsafeBytes { bytes in
            // A Result, because the closure is the standard library's and throws untyped.
            Swift.Result { () throws(RuleLanguageError) in
                var form = JSONForm(
                    scanner: JSONScanner(bytes, depthLimit: depthMax), language: language, text: bytes)
                let result = try body(&form)
                try form.expectEnd()
                return result
            }
        }
        return try result.get()
    }

    private init(scanner: JSONScanner, language: RuleLanguage, text: UnsafeRawBufferPointer) {
        self.scanner = scanner
        self.language = language
        self.text = text
    }

    func error(_ reason: RuleLanguageError.Reason, at offset: Int? = nil) -> RuleLanguageError {
        RuleLanguageError(
            reason, in: language, path: path.joined(separator: "."), offset: offset ?? scanner.position,
            of: text)
    }

    func error(_ error: JSONError) -> RuleLanguageError { self.error(.json(error.reason), at: error.offset) }

    /// The kind of the next value; the scanner then stands on it.
    mutating func kind() throws(RuleLanguageError) -> JSONKind {
        do { return try scanner.peekKind() } catch { throw self.error(error) }
    }

    /// Reads an object; `body` is called on each value, with its name and where that stands.
    mutating func readObject(
        _ expected: RuleLanguageError.Reason,
        _ body: (inout JSONForm, _ name: String, _ start: Int) throws(RuleLanguageError) -> Void
    ) throws(RuleLanguageError) {
        guard try kind() == .object else { throw error(expected) }
        do { try scanner.beginObject() } catch { throw self.error(error) }
        var seen: Set<String> = []
        while true {
            let slice: JSONStringSlice?
            do { slice = try scanner.nextName() } catch { throw self.error(error) }
            guard let slice else { return }
            let name = String(decoding: scanner.utf8(slice), as: UTF8.self)
            let start = slice.range.lowerBound - 1
            path.append(name)
            guard seen.insert(name).inserted else { throw error(.json(.duplicateName(name)), at: start) }
            try body(&self, name, start)
            path.removeLast()
        }
    }

    /// Reads an array; `body` is called on each element.
    mutating func readArray(
        _ expected: RuleLanguageError.Reason,
        _ body: (inout JSONForm) throws(RuleLanguageError) -> Void
    ) throws(RuleLanguageError) {
        guard try kind() == .array else { throw error(expected) }
        do { try scanner.beginArray() } catch { throw self.error(error) }
        while true {
            do { guard try scanner.nextElement() else { return } } catch { throw self.error(error) }
            try body(&self)
        }
    }

    mutating func readString(_ expected: RuleLanguageError.Reason) throws(RuleLanguageError) -> [UInt8] {
        guard try kind() == .string else { throw error(expected) }
        do { return scanner.utf8(try scanner.scanString()) } catch { throw self.error(error) }
    }

    mutating func readBool(_ expected: RuleLanguageError.Reason) throws(RuleLanguageError) -> Bool {
        guard try kind() == .bool else { throw error(expected) }
        do { return try scanner.scanBool() } catch { throw self.error(error) }
    }

    mutating func readNumber(_ expected: RuleLanguageError.Reason) throws(RuleLanguageError) -> PatternNumber
    {
        guard try kind() == .number else { throw error(expected) }
        do {
            return PatternNumber(text: Array(scanner.bytes(try scanner.scanNumber())))
        } catch { throw self.error(error) }
    }

    /// Passes over `null`; false if the next value is something else.
    mutating func skipNull() throws(RuleLanguageError) -> Bool {
        guard try kind() == .null else { return false }
        do { try scanner.scanNull() } catch { throw self.error(error) }
        return true
    }

    private mutating func expectEnd() throws(RuleLanguageError) {
        do { try scanner.expectEnd() } catch { throw self.error(error) }
    }

    /// Passes over the next value.
    mutating func skipValue() throws(RuleLanguageError) {
        do { try scanner.skipValue() } catch { throw self.error(error) }
    }
}
