// SPDX-License-Identifier: Apache-2.0

// Which forms of answer a client takes (RFC 9110 section 12.5.1). Weights are looked at only for zero: there are never more
// than two forms to choose from, and naming the rarer one means wanting it.

internal import ApusHTTPCodec

/// What `Accept` says; everything, when it is absent.
struct Accept {
    private let ranges: [String]

    init(_ head: HTTPRequestHead) {
        let values = head.values(of: "accept")
        ranges = values.flatMap { $0.split(separator: ",") }.compactMap { range in
            let parts = range.lowercased().split(separator: ";").map(Self.trim)
            guard let type = parts.first, !type.isEmpty else { return nil }
            let isRefused = parts.dropFirst().contains { part in
                part.hasPrefix("q=0") && part.dropFirst(2).allSatisfy { $0 == "0" || $0 == "." }
            }
            return isRefused ? nil : type
        }
        acceptsAll = values.isEmpty
    }

    private let acceptsAll: Bool

    /// Whether the type itself is named.
    func names(_ type: String) -> Bool { ranges.contains(type) }

    /// Whether an answer of the type may be sent.
    func allows(_ type: String, _ subtype: String) -> Bool {
        acceptsAll || ["*/*", "\(type)/*", "\(type)/\(subtype)"].contains { ranges.contains($0) }
    }

    /// The problem of a request that takes none of `types`.
    func refusal(_ types: [String]) -> Problem {
        Problem(
            .notAcceptable, "the answer cannot be given in a form that 'Accept' allows",
            hint: "accept \(types.joined(separator: " or "))")
    }

    private static func trim(_ text: Substring) -> String {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }
}
