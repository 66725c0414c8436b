// SPDX-License-Identifier: Apache-2.0

// Records in front of the matcher: their headers are the attributes, so matching looks at the bytes as they lie in the batch.

import ApusModel
import ApusRules
import CloudEvents

/// A compiled set of patterns with what it needs to look at records, reused from one to the next.
struct RecordMatcher {
    private var matcher: RuleMatcher
    private var input = MatchInput()
    private var scratch = MatchScratch()

    init(_ rules: [(id: Int, pattern: Pattern)]) { matcher = RuleMatcher(rules) }

    /// Adds a pattern.
    mutating func add(_ id: Int, _ pattern: Pattern) { matcher.add(id: id, pattern: pattern) }

    /// Takes away the patterns with an identifier.
    mutating func remove(_ id: Int) { matcher.remove(id: id) }

    /// Calls `body` with the identifier of each pattern that the record matches.
    mutating func forEachMatch(_ record: RecordView, _ body: (Int) -> Void) {
        input.reset()
        var contentType: UnsafeRawBufferPointer?
        record.forEachHeader { name, value in
            guard let value else { return true }
            if name.count > 3, name[0] == UInt8(ascii: "c"), name[1] == UInt8(ascii: "e"),
                name[2] == UInt8(ascii: "_")
            {
                input.append(name: UnsafeRawBufferPointer(rebasing: name[3...]), value: value)
            } else if name.elementsEqual("content-type".utf8) {
                contentType = value
            }
            return true
        }
        guard !input.attributes.isEmpty else {
            matchDecoded(record, body)
            return
        }
        if let contentType { appendContentType(contentType) }
        input.data = record.value ?? UnsafeRawBufferPointer(start: nil, count: 0)
        matcher.forEachMatch(input, scratch: &scratch, body)
        input.reset()
    }

    private mutating func appendContentType(_ value: UnsafeRawBufferPointer) {
        input.dataKind =
            switch CloudEventDataKind(contentType: value) {
            case .json: .json
            case .xml: .xml
            default: .other
            }
        let name = RecordMatcher.contentTypeName
        input.append(
            name: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value: value)
    }

    private static let contentTypeName: StaticString = "datacontenttype"

    /// Records without attributes (from other protocols) get theirs by decoding; place and topic are not needed to match.
    private mutating func matchDecoded(_ record: RecordView, _ body: (Int) -> Void) {
        guard let topic = RecordMatcher.anyTopic else { return }
        for id in matcher.matches(CloudEvent(record: record, topic: topic, partition: 0)) { body(id) }
    }

    private static let anyTopic = try? ResourceName("topic")
}

/// One optional pattern in front of a reader.
struct EventFilter {
    private var matcher: RecordMatcher?

    /// A filter for one pattern; nil lets everything pass.
    init(_ pattern: Pattern?) { matcher = pattern.map { RecordMatcher([(0, $0)]) } }

    /// Whether the record passes.
    mutating func matches(_ record: RecordView) -> Bool {
        guard matcher != nil else { return true }
        var isMatch = false
        matcher?.forEachMatch(record) { _ in isMatch = true }
        return isMatch
    }
}
