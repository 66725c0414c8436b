// SPDX-License-Identifier: Apache-2.0

// Events as records and back: CloudEvents' Kafka binding in binary mode, so that the log can be read by anything that reads Kafka's
// format, and so that records written by Kafka clients without any attributes are events too.

import ApusModel
import CloudEvents

extension RecordBatchBuilder {
    /// Adds `event` as one record.
    ///
    /// - Parameters:
    ///   - times: remembers the time of the event before.
    ///   - hop: the span that what happens next is part of; where there is none, an event that carries a trace tells of its beginning there.
    ///
    /// Not inlined: who has the event in an array would copy it to have its parts looked at.
    @inline(never)
    mutating func append(
        _ event: CloudEvent, key: String?, timestamp: Timestamp, times: inout TimestampText,
        hop: TraceHop? = nil
    ) {
        let value = CloudEventKafkaBinding.encode(event, times: &times) { addHeader(name: $0, value: $1) }
        let origin = event.traceParent
        // Of several events published together each may have begun elsewhere; those stay in their own traces.
        let continued = hop.flatMap { $0.continues(origin) ? $0 : nil }
        if let parent = continued?.parent ?? origin {
            addHeader(TraceHop.name, parent)
            if let state = event.traceState { addHeader(TraceHop.stateName, state) }
        }
        var key = key
        RecordBatchBuilder.withOptionalBytes(&key) { key in
            if let value {
                value.withUnsafeBytes { append(timestamp: timestamp, key: key, value: $0) }
            } else {
                append(timestamp: timestamp, key: key, value: nil as UnsafeRawBufferPointer?)
            }
        }
    }

    /// Adds `event` as one record, by itself.
    mutating func append(_ event: CloudEvent, key: String?, timestamp: Timestamp, hop: TraceHop? = nil) {
        var times = TimestampText()
        append(event, key: key, timestamp: timestamp, times: &times, hop: hop)
    }

    private static func withOptionalBytes(_ text: inout String?, _ body: (UnsafeRawBufferPointer?) -> Void) {
        if text == nil {
            body(nil)
        } else {
            text?.withUTF8 { body(UnsafeRawBufferPointer($0)) }
        }
    }
}

extension CloudEvent {
    /// The event of a record.
    ///
    /// A record without attributes, or with broken ones (only other protocols can write such), gets attributes that follow from
    /// its place: the log has it, so consumers must be able to see it.
    init(record: RecordView, topic: ResourceName, partition: Int) {
        let value = record.value.map { Array($0) }
        var decoder = CloudEventKafkaDecoder()
        var contentType: String?
        var isValid = true
        // What a client of another protocol has put beside the event.
        var trace = TraceHeaders()
        record.forEachHeader { name, value in
            guard let value else { return true }
            trace.header(name: name, value: value)
            if contentType == nil, name.count == 12, name.elementsEqual("content-type".utf8) {
                contentType = String(validating: value, as: UTF8.self)
            }
            if isValid { isValid = (try? decoder.header(name: name, value: value)) != nil }
            return true
        }
        if isValid, let event = try? decoder.event(value: value) {
            self = event
        } else {
            self = CloudEvent.synthesised(
                topic: topic, partition: partition, offset: record.offset, timestamp: record.timestamp,
                contentType: contentType, value: value)
        }
        trace.complete(&self)
    }

    private static func synthesised(
        topic: ResourceName, partition: Int, offset: Offset, timestamp: Timestamp, contentType: String?,
        value: [UInt8]?
    ) -> CloudEvent {
        let id = "\(topic)/\(partition)/\(offset)"
        let make = { (contentType: String?) throws(CloudEventError) -> CloudEvent in
            try CloudEvent(
                id: id, source: "/v1/topics/\(topic)", type: "apus.record",
                time: CloudEventTimestamp(millisecondsSinceEpoch: timestamp.rawValue),
                dataContentType: contentType,
                data: value.map { CloudEventData($0) })
        }
        if let event = try? make(contentType) { return event }
        // Only the content type came from outside; without it every attribute is made of checked names and numbers.
        guard let event = try? make(nil) else {
            preconditionFailure("an event made of a checked topic name and numbers is valid")
        }
        return event
    }
}

extension CloudEvent {
    /// Where the event began, if it carries a trace.
    var traceParent: String? { text(of: TraceHop.name) }

    /// What tracing systems have added to that.
    var traceState: String? { text(of: TraceHop.stateName) }

    private func text(of name: String) -> String? {
        guard !extensions.isEmpty, case .string(let text)? = extensions[name] else { return nil }
        return text
    }
}

extension StoredEvent {
    /// The last hop of its trace; nil where no header tells of one.
    var traceHop: String? {
        headers.first { $0.name == TraceHop.name }?.value.flatMap { String(validating: $0, as: UTF8.self) }
    }

    init(record: RecordView, topic: ResourceName, partition: Int) {
        var headers: [Record.Header] = []
        record.forEachHeader { name, value in
            if !Record.Header.isOfEvent(name) { headers.append(Record.Header(copying: name, value)) }
            return true
        }
        self.init(
            topic: topic, partition: partition, offset: record.offset, timestamp: record.timestamp,
            key: record.key.map { String(decoding: $0, as: UTF8.self) },
            event: CloudEvent(record: record, topic: topic, partition: partition), headers: headers)
    }
}

extension Record.Header {
    /// Whether a header of this name says something of the event itself: its attributes, and the type of its data.
    static func isOfEvent(_ name: UnsafeRawBufferPointer) -> Bool {
        if name.count > 2, name[0] == UInt8(ascii: "c"), name[1] == UInt8(ascii: "e"),
            name[2] == UInt8(ascii: "_")
        {
            return true
        }
        return name.equals("content-type")
    }

    /// A header that outlives the batch it stands in.
    init(copying name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) {
        self.init(name: String(decoding: name, as: UTF8.self), value: value.map { Array($0) })
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these are the bytes of a literal.
    @inline(__always)
    func equals(_ text: StaticString) -> Bool {
        equals(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Whether these are the same bytes as others.
    @inline(__always)
    func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index < count, self[index] == other[index] { index += 1 }
        return index == count
    }
}
