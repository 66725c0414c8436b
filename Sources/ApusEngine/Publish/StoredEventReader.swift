// SPDX-License-Identifier: Apache-2.0

// Records of one partition as events, one after another. Most of what one says the one before has said too, so its event is made into the next: see
// CloudEventKafkaUpdate.

import ApusModel
import CloudEvents

/// Reads records that stand one after another; each becomes what ``StoredEvent/init(record:topic:partition:)`` makes of it.
struct StoredEventReader {
    private let topic: ResourceName
    private let partition: Int
    private var update = CloudEventKafkaUpdate()
    /// That of the record before, without its data.
    private var event = CloudEventKafkaUpdate.beginning

    /// A reader of records of one partition.
    init(topic: ResourceName, partition: Int) {
        self.topic = topic
        self.partition = partition
    }

    /// The event of a record.
    mutating func read(_ record: RecordView) -> StoredEvent {
        var headers: [Record.Header] = []
        var trace = TraceHeaders()
        do throws(CloudEventError) {
            var failure: CloudEventError?
            record.forEachHeader { name, value in
                let isOfEvent = Record.Header.isOfEvent(name)
                if !isOfEvent { headers.append(Record.Header(copying: name, value)) }
                guard let value else { return true }
                if !isOfEvent { trace.header(name: name, value: value) }
                do throws(CloudEventError) {
                    try update.header(name: name, value: value, updating: &event)
                    return true
                } catch {
                    failure = error
                    return false
                }
            }
            if let failure { throw failure }
            guard try update.finish(value: record.value, updating: &event) else {
                throw CloudEventError(.missing, attribute: "specversion")
            }
        } catch {
            update = CloudEventKafkaUpdate()
            event = CloudEventKafkaUpdate.beginning
            return StoredEvent(record: record, topic: topic, partition: partition)
        }
        var stored = StoredEvent(
            topic: topic, partition: partition, offset: record.offset, timestamp: record.timestamp,
            key: record.key.map { String(decoding: $0, as: UTF8.self) }, event: event, headers: headers)
        // Whoever has it shares it with nobody.
        event.data = nil
        trace.complete(&stored.event)
        return stored
    }
}
