// SPDX-License-Identifier: Apache-2.0

// From a value to a CloudEvent: attributes from the kind, from the value, from what is being handled, and from the call, the last of which wins.

import CloudEvents

extension Bus {
    /// The event that a value becomes.
    ///
    /// - Throws: ``BusError/invalid(_:)`` when the data cannot be encoded or an attribute breaks the specification.
    func envelope<E: Event>(_ event: E, _ options: PublishOptions) throws(BusError) -> CloudEvent {
        let codec = E.codec
        return try envelope(event, codec, try encoded(event, codec), options)
    }

    /// The data of an event that a value becomes.
    func encoded<E: Event>(_ event: E, _ codec: any EventCodec) throws(BusError) -> [UInt8] {
        do { return try codec.encode(event) } catch {
            throw .invalid("\(E.self) cannot be encoded: \(ErrorText.of(error))")
        }
    }

    /// The event that a value becomes whose data is encoded.
    func envelope<E: Event>(
        _ event: E, _ codec: any EventCodec, _ data: [UInt8], _ options: PublishOptions
    ) throws(BusError) -> CloudEvent {
        var extensions = options.extensions
        do throws(CloudEventError) {
            if E.version != 1, let version = Int32(exactly: E.version) {
                try extensions.set(ApusAttribute.dataVersion, to: .integer(version))
            }
            return try envelope(
                type: E.type, source: options.source ?? E.source,
                subject: options.subject ?? event.subject.attributeText,
                key: options.key ?? event.key.attributeText, contentType: codec.contentType,
                dataSchema: E.dataSchema.isEmpty ? nil : E.dataSchema, data: data, extensions: extensions,
                options)
        } catch {
            throw .invalid("\(E.self): \(error)")
        }
    }

    /// The event that bytes become.
    func envelope(_ event: RawEvent, _ options: PublishOptions) throws(BusError) -> CloudEvent {
        do throws(CloudEventError) {
            return try envelope(
                type: event.type, source: options.source ?? event.source ?? ProgramName.source,
                subject: options.subject ?? event.subject, key: options.key ?? event.key,
                contentType: event.contentType, dataSchema: nil, data: event.data,
                extensions: options.extensions, options)
        } catch {
            throw .invalid("event of type \(event.type): \(error)")
        }
    }

    private func envelope(
        type: String, source: String, subject: String?, key: String?, contentType: String?,
        dataSchema: String?, data: [UInt8], extensions: CloudEventExtensions, _ options: PublishOptions
    ) throws(CloudEventError) -> CloudEvent {
        var extensions = extensions
        let now = clock.wallTime
        // In the order of their names: each is then appended.
        let cause = EventContext.current
        if let id = options.causationID ?? cause?.event.id {
            try extensions.set(.causationID, to: id)
        }
        if let id = options.correlationID ?? cause?.correlationID {
            try extensions.set(.correlationID, to: id)
        }
        if let key, !key.isEmpty { try extensions.set(.partitionKey, to: key) }
        telemetry.inject(into: &extensions)
        return try CloudEvent(
            id: options.id ?? ids.next(at: now.millisecondsSinceEpoch), source: source, type: type,
            subject: subject.flatMap { $0.isEmpty ? nil : $0 }, time: options.time ?? now,
            dataContentType: contentType, dataSchema: dataSchema, extensions: extensions,
            data: CloudEventData(data))
    }
}
