// SPDX-License-Identifier: Apache-2.0

// Records to events. Records that come one after another are much alike, so the event of one is made into that of the next.

#if Kafka
    internal import ApusBus
    internal import CRDKafka
    internal import CloudEvents

    /// Makes events of the records of one topic, one after another.
    struct KafkaEventReader {
        private let topic: String
        /// How the ids of plain records begin, and their source.
        private let idPrefix: [UInt8]
        private let source: String
        private var update = CloudEventKafkaUpdate()
        /// Whether the event before is that of a record without key and headers.
        private var isPlain = false

        init(topic: String) {
            self.topic = topic
            idPrefix = Array("\(topic)/".utf8)
            source = "/topics/\(topic)"
        }

        /// An event to begin with.
        static var beginning: CloudEvent { CloudEventKafkaUpdate.beginning }

        /// Makes the event of the record before into that of a record; says why it is not a whole one if it is not.
        ///
        /// - Parameters:
        ///   - partition: where the event was published, which is not where a copy of it is.
        ///   - offset: likewise.
        mutating func read(
            _ record: KafkaRecord, partition: Int, offset: Int64, into event: inout CloudEvent
        ) -> String? {
            var hasHeaders = false
            var trace = TraceHeaders()
            do throws(CloudEventError) {
                try record.forEachHeaderOnce { (name, value) throws(CloudEventError) in
                    hasHeaders = true
                    guard let value else { return }
                    trace.header(name: name, value: value)
                    try update.header(name: name, value: value, updating: &event)
                }
                if hasHeaders, try update.finish(value: record.valueBytes, updating: &event) {
                    trace.complete(&event)
                    isPlain = false
                    return nil
                }
            } catch {
                update = CloudEventKafkaUpdate()
                isPlain = false
                event = madeUp(record, partition, offset)
                return error.description
            }
            let isPlain = !hasHeaders && !record.hasKey
            if isPlain, self.isPlain {
                event.id = id(partition, offset)
                event.time = record.time
                event.data = record.value.map { CloudEventData($0) }
            } else {
                event = madeUp(record, partition, offset)
            }
            self.isPlain = isPlain
            return nil
        }

        /// The id of a plain record: its place.
        private func id(_ partition: Int, _ offset: Int64) -> String {
            // Two numbers and what is between them.
            String(unsafeUninitializedCapacity: idPrefix.count + 41) { bytes in
                var end = bytes.update(fromContentsOf: idPrefix)
                end = bytes.put(UInt64(max(0, partition)), at: end)
                bytes[end] = UInt8(ascii: "/")
                return bytes.put(UInt64(max(0, offset)), at: end + 1)
            }
        }

        /// A plain record as an event: what is known of it by where it stands.
        private func madeUp(_ record: KafkaRecord, _ partition: Int, _ offset: Int64) -> CloudEvent {
            let value = record.value
            var contentType: String?
            var trace = TraceHeaders()
            record.forEachHeader { name, value in
                guard let value else { return }
                trace.header(name: name, value: value)
                guard name.elementsEqual("content-type".utf8) else { return }
                contentType = String(validating: value, as: UTF8.self)
            }
            var extensions = CloudEventExtensions()
            if let key = record.key.flatMap({ String(validating: $0, as: UTF8.self) }) {
                try? extensions.set("partitionkey", to: .string(key))
            }
            for contentType in [contentType, nil] {
                if var event = try? CloudEvent(
                    id: id(partition, offset), source: source, type: "kafka.record", time: record.time,
                    dataContentType: contentType, extensions: extensions,
                    data: value.map { CloudEventData($0) })
                {
                    trace.complete(&event)
                    return event
                }
            }
            preconditionFailure("an event made of a checked topic name and numbers is valid")
        }
    }

    extension UnsafeMutableBufferPointer<UInt8> {
        /// Writes a number in decimal digits; where it ends.
        fileprivate func put(_ number: UInt64, at start: Int) -> Int {
            var (count, rest) = (1, number)
            while rest >= 10 { (count, rest) = (count + 1, rest / 10) }
            rest = number
            for index in (start..<start + count).reversed() {
                self[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            return start + count
        }
    }
#endif
