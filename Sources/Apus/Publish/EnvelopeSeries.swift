// SPDX-License-Identifier: Apache-2.0

// The events of one call: most of what one of them has the one before has, too, and is neither checked nor put together again.

import ApusBus
import CloudEvents

/// Makes events of what one call publishes, one after the other; each becomes what ``Bus/envelope(_:_:)`` makes of it, with an id of its own. Those that differ in
/// nothing but their data and key have the same time.
struct EnvelopeSeries {
    private let bus: Bus
    /// The one before, without id and data; what is in it before the first is of no interest.
    private var last = CloudEventKafkaUpdate.beginning
    private var hasLast = false
    private var lastMilliseconds: Int64 = 0
    private var lastKey: String?

    init(of bus: Bus) { self.bus = bus }

    /// Adds the event that a value becomes to `envelopes`.
    ///
    /// - Throws: ``BusError/invalid(_:)`` when the data cannot be encoded or an attribute breaks the specification.
    mutating func add<E: Event>(_ event: E, to envelopes: inout [CloudEvent]) throws(BusError) {
        let codec = E.codec
        let data = try bus.encoded(event, codec)
        let (key, schema) = (event.key.attributeText, E.dataSchema)
        let isRepeat = repeats(
            type: E.type, source: E.source, subject: event.subject.attributeText, key: key,
            contentType: codec.contentType, dataSchema: schema.isEmpty ? nil : schema)
        if isRepeat { return again(data, &envelopes) }
        envelopes.append(try bus.envelope(event, codec, data, .none))
        keep(envelopes[envelopes.count - 1], key)
    }

    /// Adds the event that bytes become to `envelopes`.
    ///
    /// - Throws: ``BusError/invalid(_:)`` when an attribute breaks the specification.
    mutating func add(_ event: RawEvent, to envelopes: inout [CloudEvent]) throws(BusError) {
        let isRepeat = repeats(
            type: event.type, source: event.source ?? ProgramName.source, subject: event.subject,
            key: event.key, contentType: event.contentType, dataSchema: nil)
        if isRepeat { return again(event.data, &envelopes) }
        envelopes.append(try bus.envelope(event, .none))
        keep(envelopes[envelopes.count - 1], event.key)
    }

    private mutating func keep(_ event: CloudEvent, _ key: String?) {
        last = event
        (last.id, last.data) = ("", nil)
        if let time = event.time { (hasLast, lastMilliseconds) = (true, time.millisecondsSinceEpoch) }
        lastKey = key
    }

    /// Whether an event is the one before with another id and other data.
    private mutating func repeats(
        type: String, source: String, subject: String?, key: String?, contentType: String?,
        dataSchema: String?
    ) -> Bool {
        guard hasLast, last.type == type, last.source == source, last.subject == subject,
            last.dataContentType == contentType, last.dataSchema == dataSchema
        else { return false }
        guard key != lastKey else { return true }
        // Whoever makes it anew says what is wrong with it.
        guard let key, !key.isEmpty, lastKey?.isEmpty == false,
            (try? last.extensions.set(.partitionKey, to: key)) != nil
        else { return false }
        lastKey = key
        return true
    }

    /// Adds the event before with another id and other data. It is copied once, into its place.
    private func again(_ data: [UInt8], _ envelopes: inout [CloudEvent]) {
        let place = envelopes.count
        envelopes.append(last)
        envelopes[place].id = bus.ids.next(at: lastMilliseconds)
        envelopes[place].data = CloudEventData(data)
    }
}
