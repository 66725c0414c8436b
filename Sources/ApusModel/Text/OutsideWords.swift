// SPDX-License-Identifier: Apache-2.0

// What a receiver answered stands in the reasons of failures, for whoever looks at an event; and it may repeat the event. Such words are put between
// marks that no other reason has, so that what must not tell of events, the log and a support bundle, can leave them out.

/// Marks words of others within a text, and takes them out of it.
package enum OutsideWords {
    private static let open: Character = "\u{201C}"
    private static let close: Character = "\u{201D}"

    /// The words between marks. Marks among them become plain ones, so that they end where they end.
    package static func marked(_ words: some StringProtocol) -> String {
        let plain = String(words.map { $0 == open || $0 == close ? "\"" : $0 })
        return "\(open)\(plain)\(close)"
    }

    /// The text without words of others, and without the colon that led to them. What is cut off within them ends there.
    package static func removed(from text: String) -> String {
        guard text.contains(open) else { return text }
        var rest = text[...]
        var own = ""
        while let start = rest.firstIndex(of: open) {
            own += rest[..<start]
            if own.hasSuffix(": ") { own.removeLast(2) }
            let words = rest[start...]
            rest = words.firstIndex(of: close).map { words[words.index(after: $0)...] } ?? ""
        }
        return own + rest
    }
}
