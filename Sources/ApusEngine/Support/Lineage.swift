// SPDX-License-Identifier: Apache-2.0

// What Apus writes beside an event: where a copy came from and why. Record headers that begin with `apus-` are not attributes, so the
// event itself stays as its producer made it.

import ApusModel

/// The record headers of copies and dead letters.
enum LineageHeader {
    /// `topic id/partition/offset` of the record that this one was copied from.
    static let origin = "apus-origin"
    /// The one subscription that the record is for: others pass over it.
    static let recipient = "apus-for"
    /// The rule that made the copy; several rules with the same target are named once, the first.
    static let rule = "apus-rule"
    /// Why a subscription gave up.
    static let reason = "apus-reason"
    /// After how many attempts.
    static let attempts = "apus-attempts"
    /// The target's last status code.
    static let status = "apus-status"
    /// The subscription that gave up.
    static let subscription = "apus-subscription"
    /// When the event had arrived, in milliseconds.
    static let arrived = "apus-arrived"
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
    static let scheduleBytes = Array(schedule.utf8)
    static let topicBytes = Array(topic.utf8)
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
        var found: String?
        forEachHeader { candidate, value in
            guard candidate.elementsEqual(name), let value else { return true }
            found = String(decoding: value, as: UTF8.self)
            return false
        }
        return found
    }

    /// Where this record was copied from, if it was.
    var origin: Origin? { header(LineageHeader.originBytes).flatMap { Origin($0) } }
}

extension RecordBatchBuilder {
    /// Adds the headers of `record` but those that tell its own lineage.
    mutating func addEventHeaders(of record: RecordView) {
        record.forEachHeader { name, value in
            if !name.starts(with: LineageHeader.prefix) { addHeader(name: name, value: value) }
            return true
        }
    }
}
