// SPDX-License-Identifier: Apache-2.0

// A document before libxml2 gets it: read by the strict reader, so that it is XML in UTF-8 without document type and not too deep, and its
// values held against what the regular expressions of the schema would cost.

internal import CloudEvents

enum DocumentSurvey {
    /// Checks a document.
    static func check(_ document: [UInt8], patterns: [PatternPaths], limits: XSDLimits) throws(XSDError) {
        guard document.count <= limits.documentBytes else {
            throw .tooLarge(
                "the document has \(document.count) bytes; at most \(limits.documentBytes) are accepted")
        }
        var budget = limits.patternSteps
        let isWithin = try XMLWalk.run(document) { token in
            switch token {
            case .start(let tag):
                for attribute in tag.attributes {
                    PatternPaths.spend(patterns, on: attribute.value, budget: &budget)
                }
            case .text(let text): PatternPaths.spend(patterns, on: text, budget: &budget)
            case .end, .other, .endOfDocument: break
            }
            return budget >= 0
        }
        guard isWithin else {
            throw .tooCostly(
                "the regular expressions of the schema take more than \(limits.patternSteps) steps on the document"
            )
        }
    }
}

/// The strict reader over whole documents.
enum XMLWalk {
    /// Hands `body` each token with neighbouring text joined, until it says no: then the answer is false.
    static func run(_ document: [UInt8], _ body: (XMLToken) -> Bool) throws(XSDError) -> Bool {
        var failure: CloudEventError?
        var isWhole = true
        document.withUnsafeBytes { bytes in
            do throws(CloudEventError) {
                isWhole = try tokens(bytes, body)
            } catch {
                failure = error
            }
        }
        guard let failure else { return isWhole }
        guard case .malformedXML(let reason, let offset) = failure.rule else {
            throw .notXML("\(failure)", line: nil)
        }
        throw .notXML(reason, line: line(at: offset, in: document))
    }

    private static func tokens(
        _ bytes: UnsafeRawBufferPointer, _ body: (XMLToken) -> Bool
    ) throws(CloudEventError) -> Bool {
        var scanner = try XMLScanner(bytes)
        var text: [UInt8] = []
        while true {
            let token = try scanner.next()
            switch token {
            case .text(let more): text.append(contentsOf: more)
            case .other: break
            case .start, .end, .endOfDocument:
                if !text.isEmpty, !body(.text(text)) { return false }
                text.removeAll(keepingCapacity: true)
                guard body(token) else { return false }
                if case .endOfDocument = token { return true }
            }
        }
    }

    /// The line of a place in a text, from 1.
    static func line(at offset: Int, in text: [UInt8]) -> Int {
        text.prefix(max(offset, 0)).reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
    }
}

/// Where in a document elements are, worked out when something is wrong with them.
enum ElementPaths {
    static func resolve(_ complaints: [Complaint], in document: [UInt8]) -> [XSDViolation] {
        let wanted = Set(complaints.map(\.element))
        let last = wanted.max() ?? 0
        var paths: [Int: String] = [:]
        // For each open element its step, and how many children of each name it has had.
        var open: [(step: String, children: [String: Int])] = [("", [:])]
        var count = 0
        // The document was read before, so that reading it does not fail.
        _ = try? XMLWalk.run(document) { token in
            switch token {
            case .start(let tag):
                count += 1
                let name = String(decoding: document[tag.local], as: UTF8.self)
                let index = (open.last?.children[name] ?? 0) + 1
                open[open.count - 1].children[name] = index
                open.append((index == 1 ? name : "\(name)[\(index)]", [:]))
                if wanted.contains(count) {
                    paths[count] = open.dropFirst().reduce(into: "") { $0 += "/" + $1.step }
                }
                return count < last
            case .end: if open.count > 1 { open.removeLast() }
            case .text, .other, .endOfDocument: break
            }
            return true
        }
        return complaints.map {
            XSDViolation(
                path: paths[$0.element] ?? "/", line: $0.line, rule: Complaints.rule($0.code),
                message: $0.message)
        }
    }
}
