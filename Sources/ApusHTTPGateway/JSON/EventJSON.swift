// SPDX-License-Identifier: Apache-2.0

// Events and what is said about them, as JSON. Events are written by the CloudEvents JSON format straight into the answer.

internal import ApusEngine
internal import ApusModel
internal import CloudEvents
internal import JSONText

extension JSONWriter {
    mutating func member(_ name: StaticString, _ value: Offset) { member(name, value.rawValue) }

    mutating func member(_ name: StaticString, _ value: Duration) { member(name, DurationText.format(value)) }

    mutating func member(_ name: StaticString, _ value: Timestamp) { member(name, TimeText.text(value)) }

    mutating func member<Element>(
        _ name: StaticString, list: some Sequence<Element>, _ write: (inout JSONWriter, Element) -> Void
    ) {
        key(name)
        beginArray()
        for element in list { write(&self, element) }
        endArray()
    }

    /// An object of the members that `members` writes.
    mutating func object(_ members: (inout JSONWriter) -> Void) {
        beginObject()
        members(&self)
        endObject()
    }
}

// MARK: - Receipts

extension JSONWriter {
    mutating func receipt(_ receipt: PublishReceipt) {
        beginObject()
        member("topic", receipt.topic.description)
        member("partition", receipt.partition)
        member("offset", receipt.offset)
        if receipt.isDuplicate { member("duplicate", true) }
        if receipt.isQuarantined { member("quarantined", true) }
        endObject()
    }

    /// For each event of a batch its receipt, or why there is none.
    mutating func receipts(_ results: [Result<PublishReceipt, BrokerError.PartialFailure>]) {
        member("receipts", list: results) { writer, result in
            switch result {
            case .success(let receipt): writer.receipt(receipt)
            case .failure(let failure): writer.object { $0.member("error", failure.reason) }
            }
        }
    }
}

// MARK: - Stored events

extension JSONWriter {
    mutating func storedEvent(_ stored: StoredEvent) {
        object { $0.storedEventMembers(stored) }
    }

    mutating func storedEventMembers(_ stored: StoredEvent) {
        member("topic", stored.topic.description)
        member("partition", stored.partition)
        member("offset", stored.offset)
        member("time", stored.timestamp)
        member("key", stored.key)
        if let lineage = stored.lineage {
            key("lineage")
            object { writer in
                writer.member("from", lineage.from)
                writer.member("rule", lineage.rule)
                writer.member("for", lineage.recipient)
                writer.member("edited", lineage.isEdited)
            }
        }
        key("event")
        CloudEventJSONFormat.write(stored.event, to: &self)
    }

    mutating func delivery(_ leased: LeasedEvent) {
        object { writer in
            writer.member("lease", leased.lease)
            writer.member("attempt", leased.attempt)
            writer.member("max_attempts", leased.attemptsMax)
            writer.member("deadline", leased.deadline)
            writer.storedEventMembers(leased.stored)
        }
    }

    mutating func readResult(_ fetched: FetchedEvents) {
        object { writer in
            writer.member("events", list: fetched.events) { $0.storedEvent($1) }
            writer.member("next", fetched.next)
            writer.member("end", fetched.end)
        }
    }
}

// MARK: - Dead letters

extension JSONWriter {
    mutating func deadLetter(_ letter: DeadLetter) {
        object { writer in
            writer.member("id", letter.id)
            writer.member("subscription", letter.subscription?.description)
            writer.member("rule", letter.rule?.description)
            writer.member("target", letter.target?.description)
            writer.member("feed", letter.feed?.description)
            writer.member("reason", letter.reason)
            writer.member("attempts", letter.attempts)
            writer.key("status")
            if let status = letter.status { writer.integer(status) } else { writer.null() }
            writer.member("first", letter.first)
            writer.member("last", letter.last)
            writer.key("origin")
            writer.place(letter.origin)
            writer.key("event")
            CloudEventJSONFormat.write(letter.stored.event, to: &writer)
        }
    }

    /// `topic/partition/offset` as an object; null for anything else.
    private mutating func place(_ text: String?) {
        let parts = (text ?? "").split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let partition = Int64(parts[1]), let offset = Int64(parts[2]) else {
            return null()
        }
        object { writer in
            writer.member("topic", String(parts[0]))
            writer.member("partition", partition)
            writer.member("offset", offset)
        }
    }
}
