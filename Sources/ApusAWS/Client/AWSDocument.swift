// SPDX-License-Identifier: Apache-2.0

// Answers of the query protocol: small XML documents, of which a client wants the text of a few elements.

internal import CloudEvents

/// The elements of an XML document that hold text, in order.
struct AWSDocument {
    /// A path of local names from the root, and the text below it.
    private var elements: [(path: [String], text: String)] = []

    /// - Throws: `CloudEventError` when the document is not well-formed.
    init(_ body: [UInt8]) throws(CloudEventError) {
        // The scanner borrows the bytes; errors leave the closure as a value because it cannot throw a typed one.
        let result = body.withUnsafeBytes {
            bytes -> Result<[(path: [String], text: String)], CloudEventError> in
            do throws(CloudEventError) {
                return .success(try Self.read(bytes))
            } catch {
                return .failure(error)
            }
        }
        elements = try result.get()
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer
    ) throws(CloudEventError) -> [(path: [String], text: String)] {
        var elements: [(path: [String], text: String)] = []
        var path: [String] = []
        var text: [UInt8] = []
        var scanner = try XMLScanner(bytes)
        while true {
            switch try scanner.next() {
            case .start(let tag):
                path.append(String(decoding: bytes[tag.local], as: UTF8.self))
                text = []
            case .text(let part): text += part
            case .end:
                elements.append((path, String(decoding: text, as: UTF8.self)))
                path.removeLast()
                text = []
            case .other: continue
            case .endOfDocument: return elements
            }
        }
    }

    /// The text of the first element of this name, wherever it is.
    func first(_ name: String) -> String? { elements.first { $0.path.last == name }?.text }

    /// The text of all elements of this name.
    func all(_ name: String) -> [String] { elements.filter { $0.path.last == name }.map(\.text) }

    /// The elements below each element of this name, by name.
    func groups(_ name: String) -> [[String: String]] {
        var groups: [[String: String]] = []
        var current: [String: String] = [:]
        for (path, text) in elements {
            if path.last == name {
                groups.append(current)
                current = [:]
            } else if path.contains(name), let last = path.last {
                current[last] = text
            }
        }
        return groups
    }
}
