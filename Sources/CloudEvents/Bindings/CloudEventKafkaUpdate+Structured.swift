// SPDX-License-Identifier: Apache-2.0

// Records in structured mode that come one after another: their JSON is read into the event of the record before, so that what both have stays where it is. Only the form that
// nearly all writers use is read here; everything else, and whatever breaks a rule, is read once more by CloudEventJSONFormat, which has the errors.

import JSONText

extension CloudEventKafkaUpdate {
    /// What a JSON object says of an event's data.
    private enum Payload {
        case none
        case value(Range<Int>)
        case base64(Range<Int>)
    }

    /// Reads an event's JSON into another event; false if it is not written as most are or is none: the event then may have changed, and is to be replaced.
    static func read(_ text: UnsafeRawBufferPointer, updating event: inout CloudEvent) -> Bool {
        var update = CloudEventKafkaUpdate()
        var scanner = JSONScanner(text, depthLimit: CloudEventJSONFormat.dataDepthLimit + 1)
        var payload = Payload.none
        do {
            try scanner.beginObject()
            while let name = try scanner.nextName() {
                guard !name.hasEscapes,
                    try update.member(scanner.bytes(name.range), &scanner, &payload, &event)
                else { return false }
            }
            try scanner.expectEnd()
            try update.checkThatAllIsThere()
        } catch {
            return false
        }
        update.clear(&event)
        return put(payload, scanner, &event)
    }

    /// Takes a member; false if it is not one of the usual.
    @inline(__always)
    private mutating func member(
        _ name: UnsafeRawBufferPointer, _ scanner: inout JSONScanner, _ payload: inout Payload,
        _ event: inout CloudEvent
    ) throws -> Bool {
        let attribute = CoreAttribute(name: name)
        if attribute == nil, name.equals("data") {
            guard case .none = payload else { return false }
            payload = .value(try scanner.skipValue())
            return true
        }
        // Numbers, booleans and null are the other reader's.
        guard try scanner.peekKind() == .string else { return false }
        let value = try scanner.scanString()
        guard !value.hasEscapes else { return false }
        if let attribute {
            try take(attribute, scanner.bytes(value.range), &event)
        } else if name.equals("data_base64") {
            guard case .none = payload else { return false }
            payload = .base64(value.range)
        } else {
            seen.insert(.extensions)
            try extensions.take(name, text: scanner.bytes(value.range))
        }
        return true
    }

    /// Gives the event its data, as its content type, which it has already, says; false if that is not simply so.
    @inline(__always)
    private static func put(_ payload: Payload, _ scanner: JSONScanner, _ event: inout CloudEvent) -> Bool {
        switch payload {
        case .none: event.data = nil
        case .base64(let range):
            guard let bytes = Base64.decoded(scanner.bytes(range)) else { return false }
            event.data = CloudEventData(bytes)
        case .value(let range):
            var bytes = scanner.bytes(range)
            if event.dataContentType == nil {
                event.dataContentType = "application/json"
            } else if event.dataKind != .json {
                // Text: what is between the quotes.
                guard event.isDataUTF8, bytes.count >= 2, bytes[0] == 0x22,
                    !bytes.contains(0x5C)
                else { return false }
                bytes = bytes.slice(1..<bytes.count - 1)
            }
            event.data = CloudEventData([UInt8](bytes))
        }
        return true
    }
}
