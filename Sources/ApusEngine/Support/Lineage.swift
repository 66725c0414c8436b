// SPDX-License-Identifier: Apache-2.0

// What Apus writes beside an event: where a copy came from and why. Record headers that begin with `apus-` are not attributes, so the
// event itself stays as its producer made it.

import ApusModel

/// The record headers of copies and dead letters.
enum LineageHeader {
    /// `topic id/partition/offset` of the record that this one was copied from.
    static let origin = "apus-origin"
    /// The one subscription, or target of a rule, that the record is for: others pass over it.
    static let recipient = "apus-for"
    /// The rule that made the copy, or gave up; several rules whose copies would be the same are named once, the first.
    static let rule = "apus-rule"
    /// Set when a rule has transformed the event: it is not what its producer made.
    static let transformed = "apus-transformed"
    /// The topic that a rule could not copy the event to.
    static let target = "apus-target"
    /// Why a subscription or a rule gave up.
    static let reason = "apus-reason"
    /// After how many attempts.
    static let attempts = "apus-attempts"
    /// The target's last status code.
    static let status = "apus-status"
    /// The subscription that gave up.
    static let subscription = "apus-subscription"
    /// When the event had arrived, in milliseconds.
    static let arrived = "apus-arrived"
    /// That the event was edited when it was redriven; the dead letter, which `place` names, has it as it was.
    static let edited = "apus-edited"
    /// How often rules have copied the event, from copy to copy.
    static let hops = "apus-hops"
    /// `topic/partition/offset` by name, for people.
    static let place = "apus-place"

    /// What a delayed or recurring event waited as: the id of the waiting event, or `schedule id/time`.
    static let schedule = "apus-schedule"
    /// When it was due, in milliseconds.
    static let due = "apus-due"
    /// The identity of the topic that a waiting event is for.
    static let topic = "apus-topic"

    static let prefix = Array("apus-".utf8)
    static let recipientBytes = Array(recipient.utf8)
    static let originBytes = Array(origin.utf8)
    static let placeBytes = Array(place.utf8)
    static let hopsBytes = Array(hops.utf8)
    static let scheduleBytes = Array(schedule.utf8)
    static let topicBytes = Array(topic.utf8)
}

/// Where an event came from other than its producer, for people.
public struct Lineage: Sendable, Hashable {
    /// `topic/partition/offset` of what it was copied from, or of the dead letter that was redriven.
    public var from: String?
    /// The rule that made the copy.
    public var rule: String?
    /// The one subscription that it is for.
    public var recipient: String?
    /// Whether it was edited when it was redriven.
    public var isEdited: Bool
}

extension StoredEvent {
    /// What its headers tell about where it came from; nil when it was published.
    public var lineage: Lineage? {
        func text(_ name: String) -> String? {
            headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
        }
        guard let from = text(LineageHeader.place) else { return nil }
        return Lineage(
            from: from, rule: text(LineageHeader.rule), recipient: text(LineageHeader.recipient),
            isEdited: text(LineageHeader.edited) != nil)
    }
}

/// The place that a record was copied from, by identity.
struct Origin: Hashable, Sendable {
    var topic: LogID
    var partition: Int
    var offset: Offset

    var text: String { "\(topic)/\(partition)/\(offset)" }

    init(topic: LogID, partition: Int, offset: Offset) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let topic = LogID(parts[0]), let partition = Int(parts[1]),
            let offset = Int64(parts[2])
        else { return nil }
        self.init(topic: topic, partition: partition, offset: Offset(offset))
    }
}

extension RecordView {
    /// The value of the first header with this name, as text.
    func header(_ name: [UInt8]) -> String? {
        withHeader(name) { String(decoding: $0, as: UTF8.self) }
    }

    /// Hands the value of the first header with this name to `body`, in place; nil when there is none.
    func withHeader<Value>(_ name: [UInt8], _ body: (UnsafeRawBufferPointer) -> Value) -> Value? {
        var found: Value?
        forEachHeader { candidate, value in
            guard candidate.elementsEqual(name), let value else { return true }
            found = body(value)
            return false
        }
        return found
    }

    /// How often rules have copied this event.
    var hops: Int { header(LineageHeader.hopsBytes).flatMap { Int($0) } ?? 0 }

    /// Where this record was copied from, if it was.
    var origin: Origin? { header(LineageHeader.originBytes).flatMap { Origin($0) } }
}

extension RecordBatchBuilder {
    /// Adds the headers of `record` but those that tell its own lineage.
    ///
    /// - Parameter hop: takes the place of the last hop of its trace.
    mutating func addEventHeaders(of record: RecordView, hop: TraceHop? = nil) {
        record.forEachHeader { name, value in
            guard !name.starts(with: LineageHeader.prefix) else { return true }
            if hop == nil || !name.elementsEqual(TraceHop.nameBytes) { addHeader(name: name, value: value) }
            return true
        }
        if let hop { addHeader(TraceHop.name, hop.parent) }
    }

    /// Adds the headers of `record` that are neither its lineage nor the event's attributes: other protocols' own.
    mutating func addForeignHeaders(of record: RecordView, hop: TraceHop? = nil) {
        record.forEachHeader { name, value in
            let isAttribute = name.starts(with: "ce_".utf8) || name.elementsEqual("content-type".utf8)
            let isReplaced = hop != nil && name.elementsEqual(TraceHop.nameBytes)
            if !isAttribute, !isReplaced, !name.starts(with: LineageHeader.prefix) {
                addHeader(name: name, value: value)
            }
            return true
        }
        if let hop { addHeader(TraceHop.name, hop.parent) }
    }
}
