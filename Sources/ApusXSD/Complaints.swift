// SPDX-License-Identifier: Apache-2.0

// What libxml2 complains about, gathered up to a number, and the names of the rules behind its own numbers.

internal import CApus

/// One complaint of the library.
struct Complaint {
    /// XML_SCHEMAV_INTERNAL: the library gives up.
    static let internalError = 1818
    /// Messages quote values, which may be long.
    private static let messageBytesMax = 500

    let code: Int
    let line: Int
    /// Which element of the document it is about, counted by where they begin; 0 for none.
    let element: Int
    let message: String

    init(code: Int, line: Int, element: Int, text: UnsafePointer<CChar>) {
        self.code = code
        self.line = line
        self.element = element
        let bytes = UnsafeRawBufferPointer(start: text, count: Complaint.length(text))
        let whole = String(decoding: bytes.prefix(Complaint.messageBytesMax), as: UTF8.self)
        let isShort = bytes.count <= Complaint.messageBytesMax
        let trimmed = whole.reversed().drop { $0.isWhitespace || (isShort && $0 == ".") }.reversed()
        message = String(trimmed) + (isShort ? "" : "…")
    }

    private static func length(_ text: UnsafePointer<CChar>) -> Int {
        var length = 0
        while text[length] != 0, length <= messageBytesMax { length += 1 }
        return length
    }
}

/// Complaints up to a number.
struct Complaints {
    private(set) var items: [Complaint] = []
    let limit: Int

    init(limit: Int) { self.limit = max(limit, 1) }

    /// What the library calls.
    static let report: capus_xsd_report = { context, code, line, element, message in
        guard let context, let message else { return 0 }
        let all = context.assumingMemoryBound(to: Complaints.self)
        all.pointee.items.append(
            Complaint(code: Int(code), line: Int(line), element: Int(element), text: message))
        return all.pointee.items.count < all.pointee.limit ? 1 : 0
    }

    /// The names of XML Schema's rules, by libxml2's numbers from 1824 on.
    private static let rules = [
        "cvc-datatype-valid.1.2.1", "cvc-datatype-valid.1.2.2", "cvc-datatype-valid.1.2.3", "cvc-type.3.1.1",
        "cvc-type.3.1.2", "cvc-facet-valid", "cvc-length-valid", "cvc-minLength-valid", "cvc-maxLength-valid",
        "cvc-minInclusive-valid", "cvc-maxInclusive-valid", "cvc-minExclusive-valid",
        "cvc-maxExclusive-valid",
        "cvc-totalDigits-valid", "cvc-fractionDigits-valid", "cvc-pattern-valid", "cvc-enumeration-valid",
        "cvc-complex-type.2.1", "cvc-complex-type.2.2", "cvc-complex-type.2.3", "cvc-complex-type.2.4",
        "cvc-elt.1", "cvc-elt.2", "cvc-elt.3.1", "cvc-elt.3.2.1", "cvc-elt.3.2.2", "cvc-elt.4.1",
        "cvc-elt.4.2",
        "cvc-elt.4.3", "cvc-elt.5.1.1", "cvc-elt.5.1.2", "cvc-elt.5.2.1", "cvc-elt.5.2.2.1",
        "cvc-elt.5.2.2.2.1",
        "cvc-elt.5.2.2.2.2", "cvc-elt.6", "cvc-elt.7", "cvc-attribute.1", "cvc-attribute.2",
        "cvc-attribute.3",
        "cvc-attribute.4", "cvc-complex-type.3.1", "cvc-complex-type.3.2.1", "cvc-complex-type.3.2.2",
        "cvc-complex-type.4", "cvc-complex-type.5.1", "cvc-complex-type.5.2", "cvc-complex-type.2.4",
        "cvc-elt.1", "cvc-complex-type.1", "cvc-au", "cvc-type.1", "cvc-type.2",
        "cvc-identity-constraint", "cvc-wildcard",
    ]

    /// The name of the rule that a number stands for.
    static func rule(_ code: Int) -> String {
        let index = code - 1824
        return rules.indices.contains(index) ? rules[index] : "libxml2-\(code)"
    }
}
