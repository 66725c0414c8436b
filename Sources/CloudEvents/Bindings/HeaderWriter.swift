// SPDX-License-Identifier: Apache-2.0

// The attributes of an event as header names and values, without an allocation per header: names of the
// specification are static, names of extensions are put together on the stack, values are lent by their strings.

/// Hands out an event's attributes as headers, in a fixed order.
enum HeaderWriter {
    /// Calls `body` with each attribute's name and text, except the content type.
    ///
    /// - Parameters:
    ///   - prefix: three characters that go in front of every name.
    ///   - times: remembers the time of the event before.
    @inline(__always)
    static func forEach(
        in event: CloudEvent, prefix: HeaderPrefix, times: inout TimestampText,
        _ body: (_ name: UnsafeRawBufferPointer, _ text: UnsafeRawBufferPointer) -> Void
    ) {
        let names = prefix.names
        emit(names.specVersion, CloudEvent.specVersion, body)
        emit(names.id, event.id, body)
        emit(names.source, event.source, body)
        emit(names.type, event.type, body)
        if let subject = event.subject { emit(names.subject, subject, body) }
        if let time = event.time { times.with(time) { body(names.time.utf8Bytes, $0) } }
        if let schema = event.dataSchema { emit(names.dataSchema, schema, body) }
        guard !event.extensions.isEmpty else { return }
        for element in event.extensions {
            var name = element.name
            var text = element.value.text
            name.withUTF8 { name in
                withUnsafeTemporaryAllocation(byteCount: 3 + name.count, alignment: 1) { buffer in
                    buffer.copyMemory(from: UnsafeRawBufferPointer(prefix.text.utf8Bytes))
                    UnsafeMutableRawBufferPointer(rebasing: buffer[3...]).copyMemory(
                        from: UnsafeRawBufferPointer(name))
                    text.withUTF8 { body(UnsafeRawBufferPointer(buffer), UnsafeRawBufferPointer($0)) }
                }
            }
        }
    }

    @inline(__always)
    static func emit(
        _ name: StaticString, _ value: String,
        _ body: (_ name: UnsafeRawBufferPointer, _ text: UnsafeRawBufferPointer) -> Void
    ) {
        // In place where that can be: a variable of its own would be counted as one more that has the text.
        let isDone: Void? = value.utf8.withContiguousStorageIfAvailable {
            body(name.utf8Bytes, UnsafeRawBufferPointer($0))
        }
        guard isDone == nil else { return }
        var value = value
        value.withUTF8 { body(name.utf8Bytes, UnsafeRawBufferPointer($0)) }
    }
}

/// What a binding puts in front of attribute names.
enum HeaderPrefix {
    /// `ce-`
    case http
    /// `ce_`
    case kafka

    struct Names {
        let specVersion, id, source, type, subject, time, dataSchema: StaticString
    }

    var text: StaticString {
        switch self {
        case .http: "ce-"
        case .kafka: "ce_"
        }
    }

    @inline(__always)
    var names: Names {
        switch self {
        case .http:
            Names(
                specVersion: "ce-specversion", id: "ce-id", source: "ce-source", type: "ce-type",
                subject: "ce-subject", time: "ce-time", dataSchema: "ce-dataschema")
        case .kafka:
            Names(
                specVersion: "ce_specversion", id: "ce_id", source: "ce_source", type: "ce_type",
                subject: "ce_subject", time: "ce_time", dataSchema: "ce_dataschema")
        }
    }
}

extension StaticString {
    /// The bytes of a literal, which live for ever.
    @inline(__always)
    var utf8Bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
