// SPDX-License-Identifier: Apache-2.0

// How the recorder's state changes.

import ApusModel
import CloudEvents

@testable import ApusEngine

extension RecorderBroker.State {
    mutating func addTopic(_ name: ResourceName, _ settings: TopicSettings) -> TopicDescription {
        idCount += 1
        let topic = TopicDescription(
            name: name, id: LogID(high: idCount, low: 0), settings: settings, created: RecorderBroker.created,
            partitions: (0..<settings.partitions).map {
                PartitionDescription(number: $0, start: .zero, end: .zero, bytes: 0)
            })
        topics[name] = topic
        events[name] = Array(repeating: [], count: settings.partitions)
        return topic
    }

    mutating func append(
        _ event: CloudEvent, to name: ResourceName, partition: Int, key: String?
    ) -> PublishReceipt {
        let offset = Offset(Int64(events[name]?[partition].count ?? 0))
        events[name]?[partition].append(
            StoredEvent(
                topic: name, partition: partition, offset: offset, timestamp: RecorderBroker.created,
                key: key,
                event: event, headers: []))
        topics[name]?.partitions[partition].end = offset.advanced(by: 1)
        return PublishReceipt(topic: name, partition: partition, offset: offset)
    }
}
