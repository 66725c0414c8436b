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
    /// As many types are remembered as a consumer may well ask for.
    private static let knownTypesMax = 16

    private let pattern: Pattern?
    private var matcher: RecordMatcher?
    /// Types of which all events match, as seen.
    private var sureTypes: [[UInt8]] = []
    /// Types of which it depends on the rest of the event, as seen.
    private var otherTypes: [[UInt8]] = []

    /// A filter for one pattern; nil lets everything pass.
    init(_ pattern: Pattern?) {
        self.pattern = pattern
        matcher = pattern.map { RecordMatcher([(0, $0)]) }
    }

    /// Whether the record passes.
    mutating func matches(_ record: RecordView) -> Bool {
        guard matcher != nil else { return true }
        let seen = Glance(record)
        return isOfSureType(seen) || isMatch(record)
    }

    /// Whether the record is meant for a subscription, and passes: most records are for everybody, a redriven one is for the subscription that gave it up.
    mutating func matches(_ record: RecordView, for subscription: ResourceName) -> Bool {
        let seen = Glance(record)
        if let recipient = seen.recipient, !recipient.elementsEqual(subscription.description.utf8) {
            return false
        }
        return matcher == nil || isOfSureType(seen) || isMatch(record)
    }

    private mutating func isMatch(_ record: RecordView) -> Bool {
        var isMatch = false
        matcher?.forEachMatch(record) { _ in isMatch = true }
        return isMatch
    }

    /// What is looked at of every record.
    private struct Glance {
        var recipient: UnsafeRawBufferPointer?
        /// The type, if it is said once: two are no event's, and what is made of those is of another type.
        var type: UnsafeRawBufferPointer?

        init(_ record: RecordView) {
            let recipientName = LineageHeader.recipientBytes
            var (recipient, type, types) = (
                UnsafeRawBufferPointer?.none, UnsafeRawBufferPointer?.none, 0
            )
            record.forEachHeader { name, value in
                if name.count == 7 {
                    if name.equals("ce_type") { (type, types) = (value, types + 1) }
                } else if name.count == recipientName.count, recipient == nil {
                    if name.elementsEqual(recipientName) { recipient = value }
                }
                return true
            }
            self.recipient = recipient
            self.type = types == 1 ? type : nil
        }
    }

    /// Whether the record's type alone decides that it passes: most patterns of consumers ask for types and nothing else.
    private mutating func isOfSureType(_ seen: Glance) -> Bool {
        guard let type = seen.type, !type.isEmpty else { return false }
        if sureTypes.contains(where: { $0.withUnsafeBytes { $0.equals(type) } }) { return true }
        guard !otherTypes.contains(where: { $0.withUnsafeBytes { $0.equals(type) } }),
            sureTypes.count + otherTypes.count < Self.knownTypesMax,
            let text = String(validating: type, as: UTF8.self)
        else { return false }
        let isSure = pattern?.matchesAll(ofType: text) ?? true
        if isSure { sureTypes.append(Array(type)) } else { otherTypes.append(Array(type)) }
        return isSure
    }
}
