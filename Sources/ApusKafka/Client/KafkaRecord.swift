// SPDX-License-Identifier: Apache-2.0

// Records of librdkafka: one that was consumed, events to records, and copies for retries and dead letters. A copy is the record as it was, key, value and
// headers, with a few headers of Apus's own.

#if Kafka
    internal import ApusBus
    internal import CApus
    internal import CRDKafka
    internal import CloudEvents
    internal import Synchronization

    /// A record that was consumed; it lies in the memory of the fetch that brought it.
    final class KafkaRecord: @unchecked Sendable {
        let pointer: UnsafeMutablePointer<rd_kafka_message_t>
        /// A client must not be destroyed before its records.
        private let handle: KafkaHandle

        init(_ pointer: UnsafeMutablePointer<rd_kafka_message_t>, _ handle: KafkaHandle) {
            (self.pointer, self.handle) = (pointer, handle)
        }
        deinit { rd_kafka_message_destroy(pointer) }

        var error: rd_kafka_resp_err_t { pointer.pointee.err }
        var partition: Int32 { pointer.pointee.partition }
        var offset: Int64 { pointer.pointee.offset }
        var topic: String { String(cString: rd_kafka_topic_name(pointer.pointee.rkt)) }
        /// Bytes of its value.
        var valueCount: Int { pointer.pointee.len }
        /// About how much memory it takes.
        var byteCount: Int { pointer.pointee.len + pointer.pointee.key_len + 512 }
        var hasKey: Bool { pointer.pointee.key != nil }
        /// The key, if it has one.
        var key: [UInt8]? {
            guard let key = pointer.pointee.key else { return nil }
            return Array(UnsafeRawBufferPointer(start: key, count: pointer.pointee.key_len))
        }
        /// The value, if it has one; as long as the record is there.
        var valueBytes: UnsafeRawBufferPointer? {
            pointer.pointee.payload.map { UnsafeRawBufferPointer(start: $0, count: pointer.pointee.len) }
        }
        /// Has its value, and the headers that lie behind it, brought near.
        func prefetch() {
            guard let start = pointer.pointee.payload else { return }
            for line in stride(from: 0, to: min(pointer.pointee.len + 192, 2048), by: 64) {
                capus_prefetch(start + line)
            }
        }
        /// The value, if it has one.
        var value: [UInt8]? { valueBytes.map { [UInt8]($0) } }
        /// When it was produced, or appended.
        var time: CloudEventTimestamp? {
            var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
            let milliseconds = rd_kafka_message_timestamp(pointer, &type)
            guard type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE else { return nil }
            return CloudEventTimestamp(millisecondsSinceEpoch: milliseconds)
        }

        /// Calls `body` with each header.
        func forEachHeader<Failure: Error>(
            _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) throws(Failure) -> Void
        ) throws(Failure) {
            var headers: OpaquePointer?
            guard rd_kafka_message_headers(pointer, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR, let headers
            else { return }
            try Self.forEach(headers, body)
        }

        /// As ``forEachHeader(_:)``, but nothing of what librdkafka makes of the headers stays with the record: it makes a piece of memory for each, and nine of ten records are settled
        /// without anybody asking for them again.
        func forEachHeaderOnce<Failure: Error>(
            _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) throws(Failure) -> Void
        ) throws(Failure) {
            guard KafkaHeader.comeAgain(pointer) else { return try forEachHeader(body) }
            var headers: OpaquePointer?
            guard rd_kafka_message_detach_headers(pointer, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR,
                let headers
            else { return }
            defer { rd_kafka_headers_destroy(headers) }
            try Self.forEach(headers, body)
        }

        private static func forEach<Failure: Error>(
            _ headers: OpaquePointer,
            _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) throws(Failure) -> Void
        ) throws(Failure) {
            var (index, name, value, size) = (0, UnsafePointer<CChar>?.none, UnsafeRawPointer?.none, 0)
            while rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR
            {
                index += 1
                guard let name else { continue }
                try body(
                    UnsafeRawBufferPointer(start: name, count: KafkaHeader.length(name)),
                    value.map { UnsafeRawBufferPointer(start: $0, count: size) })
            }
        }
    }

    /// The headers that Apus adds to copies of a record.
    enum KafkaHeader {
        /// How often the event was handed out before this copy was made.
        static let attempts = "apus-attempts"
        /// When a retry is due, in milliseconds since 1970.
        static let due = "apus-due"
        /// Why it was given up.
        static let reason = "apus-reason"
        /// By which subscription.
        static let subscription = "apus-subscription"
        /// Where the event was published.
        static let topic = "apus-topic"
        static let partition = "apus-partition"
        static let offset = "apus-offset"
        static let prefix = "apus-"

        static func length(_ name: UnsafePointer<CChar>) -> Int {
            var end = name
            while end.pointee != 0 { end += 1 }
            return end - name
        }

        private enum Repetition: Int {
            case unknown
            case works
            case fails
        }
        private static let repetition = Atomic(Repetition.unknown.rawValue)

        /// Whether headers that were taken off a record are there again when they are asked for again, made once more of the record's bytes. No version of librdkafka
        /// promises that, all do it; so the first record with headers is asked.
        static func comeAgain(_ record: UnsafeMutablePointer<rd_kafka_message_t>) -> Bool {
            switch Repetition(rawValue: repetition.load(ordering: .relaxed)) {
            case .works: return true
            case .fails: return false
            case .unknown, nil: break
            }
            var (taken, again): (OpaquePointer?, OpaquePointer?)
            guard rd_kafka_message_detach_headers(record, &taken) == RD_KAFKA_RESP_ERR_NO_ERROR, let taken
            else { return false }
            let error = rd_kafka_message_headers(record, &again)
            let works =
                error == RD_KAFKA_RESP_ERR_NO_ERROR
                && again.map(rd_kafka_header_cnt) == rd_kafka_header_cnt(taken)
            if works { rd_kafka_headers_destroy(taken) } else { rd_kafka_message_set_headers(record, taken) }
            repetition.store((works ? Repetition.works : .fails).rawValue, ordering: .relaxed)
            return works
        }
    }

    /// What Apus noted on a copy.
    struct CopyNotes {
        var attempts = 0
        var due: Int64?
        var reason = ""
        var partition: Int?
        var offset: Int64?

        init(_ record: KafkaRecord) {
            record.forEachHeader { name, value in
                guard let value, name.count > 5, name.starts(with: KafkaHeader.prefix.utf8) else { return }
                let text = String(decoding: value, as: UTF8.self)
                switch String(decoding: name, as: UTF8.self) {
                case KafkaHeader.attempts: attempts = max(0, Int(text) ?? 0)
                case KafkaHeader.due: due = Int64(text)
                case KafkaHeader.reason: reason = text
                case KafkaHeader.partition: partition = Int(text)
                case KafkaHeader.offset: offset = Int64(text)
                default: break
                }
            }
        }
    }

    /// Headers that are being put together for a record.
    struct KafkaHeaders: ~Copyable {
        private var pointer: OpaquePointer?

        init(capacity: Int) { pointer = rd_kafka_headers_new(capacity) }

        /// Those of a record.
        init(copyingAll record: KafkaRecord) {
            var headers: OpaquePointer?
            if rd_kafka_message_headers(record.pointer, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR, let headers {
                pointer = rd_kafka_headers_copy(headers)
            } else {
                pointer = rd_kafka_headers_new(8)
            }
        }

        /// Those of a record, without those of its copies.
        init(copying record: KafkaRecord) {
            self.init(copyingAll: record)
            for name in [
                KafkaHeader.attempts, KafkaHeader.due, KafkaHeader.reason, KafkaHeader.subscription,
                KafkaHeader.topic, KafkaHeader.partition, KafkaHeader.offset,
            ] { rd_kafka_header_remove(pointer, name) }
        }

        deinit { if let pointer { rd_kafka_headers_destroy(pointer) } }

        mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
            rd_kafka_header_add(
                pointer, name.baseAddress?.assumingMemoryBound(to: CChar.self), name.count,
                value.baseAddress ?? KafkaHeaders.nothing, value.count)
        }

        mutating func append(_ name: String, _ text: String) {
            var text = text
            text.withUTF8 { text in
                _ = rd_kafka_header_add(
                    pointer, name, -1, text.baseAddress.map { UnsafeRawPointer($0) } ?? KafkaHeaders.nothing,
                    text.count)
            }
        }

        /// Puts the trace of an event where instrumentation of other clients looks for it, beside the attribute.
        mutating func appendTrace(of event: CloudEvent) {
            guard !event.extensions.isEmpty, let parent = event.extensions[.traceParent] else { return }
            append("traceparent", parent)
            if let state = event.extensions[.traceState] { append("tracestate", state) }
        }

        /// The address of no bytes, which is not that of no value.
        static var nothing: UnsafeRawPointer { UnsafeRawPointer(StaticString("").utf8Start) }

        /// Produces a record with these headers, which are the library's then.
        mutating func produce(
            _ client: OpaquePointer, _ topic: KafkaTopic, value: UnsafeRawBufferPointer?,
            key: UnsafeRawBufferPointer?, _ opaque: UnsafeMutableRawPointer
        ) -> rd_kafka_resp_err_t {
            let error = apus_rd_kafka_produce(
                client, topic.pointer, value.map { $0.baseAddress ?? KafkaHeaders.nothing },
                value?.count ?? 0,
                key.map { $0.baseAddress ?? KafkaHeaders.nothing }, key?.count ?? 0, pointer, opaque)
            if !error.isError { pointer = nil }
            return error
        }
    }

    extension KafkaHeaders {
        /// Produces a record that was consumed once more, with these headers.
        mutating func produce(
            again record: KafkaRecord, _ topic: KafkaTopic, _ client: OpaquePointer,
            _ opaque: UnsafeMutableRawPointer
        ) -> rd_kafka_resp_err_t {
            let message = record.pointer.pointee
            return produce(
                client, topic,
                value: message.payload.map { UnsafeRawBufferPointer(start: $0, count: message.len) },
                key: message.key.map { UnsafeRawBufferPointer(start: $0, count: message.key_len) }, opaque)
        }
    }

    /// Events to records, one after another: what holds the JSON of one holds that of the next.
    struct KafkaEventWriter {
        private let mode: KafkaContentMode
        private var json: [UInt8] = []
        private var times = TimestampText()

        init(_ mode: KafkaContentMode) { self.mode = mode }

        /// Produces an event.
        mutating func produce(
            _ event: CloudEvent, _ topic: KafkaTopic, _ client: OpaquePointer,
            _ opaque: UnsafeMutableRawPointer
        ) -> rd_kafka_resp_err_t {
            guard var key = event.extensions["partitionkey"]?.text, !key.isEmpty else {
                return produce(event, nil, topic, client, opaque)
            }
            return key.withUTF8 { produce(event, UnsafeRawBufferPointer($0), topic, client, opaque) }
        }

        private mutating func produce(
            _ event: CloudEvent, _ key: UnsafeRawBufferPointer?, _ topic: KafkaTopic,
            _ client: OpaquePointer, _ opaque: UnsafeMutableRawPointer
        ) -> rd_kafka_resp_err_t {
            switch mode {
            case .binary:
                var headers = KafkaHeaders(capacity: 12)
                let encoded = CloudEventKafkaBinding.encode(event, times: &times) { headers.append($0, $1) }
                guard let value = encoded else {
                    headers.appendTrace(of: event)
                    return headers.produce(client, topic, value: nil, key: key, opaque)
                }
                headers.appendTrace(of: event)
                return value.withUnsafeBytes {
                    headers.produce(client, topic, value: $0, key: key, opaque)
                }
            case .structured:
                var headers = KafkaHeaders(capacity: 3)
                headers.append("content-type", CloudEventJSONFormat.contentType)
                headers.appendTrace(of: event)
                CloudEventKafkaBinding.encodeStructured(event, into: &json)
                return json.withUnsafeBytes { headers.produce(client, topic, value: $0, key: key, opaque) }
            }
        }
    }
#endif
