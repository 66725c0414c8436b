// SPDX-License-Identifier: Apache-2.0

// Steps as records of the journey log. The key is the event's place, so that looking for one event reads no more than keys; the value says what
// happened. What a later version adds is passed over: a step that cannot be read is not there.

import ApusModel
import ApusTransport
import NIOCore

extension JourneyStep {
    /// Bytes of a key: topic, partition, offset.
    static let keyLength = 16 + 4 + 8
    /// The most bytes of a reason.
    private static let reasonBytesMax = 1024

    func encodeKey(into buffer: inout ByteBuffer) {
        buffer.writeIdentity(topic)
        buffer.writeInteger(UInt32(clamping: partition))
        buffer.writeInteger(offset.rawValue)
    }

    func encodeValue(into buffer: inout ByteBuffer) {
        switch note {
        case .published(let source, let count):
            buffer.writeInteger(1 as UInt8)
            buffer.writeVarint(Int64(count))
            for text in [source.channel, source.client, source.address] { buffer.writeText(text) }
        case .attempted(let attempt):
            buffer.writeInteger(2 as UInt8)
            attempt.encode(into: &buffer)
        case .buried(let subscription, let letter, let reason):
            buffer.writeInteger(3 as UInt8)
            for text in [subscription.description, letter, JourneyStep.cut(reason)] { buffer.writeText(text) }
        case .redriven(let place, let isEdited):
            buffer.writeInteger(4 as UInt8)
            buffer.writeText(place ?? "")
            buffer.writeInteger(isEdited ? 1 : 0 as UInt8)
        case .discarded(nil): buffer.writeInteger(5 as UInt8)
        case .discarded(let reason?):
            buffer.writeInteger(7 as UInt8)
            buffer.writeText(JourneyStep.cut(reason))
        case .warned(let reason):
            buffer.writeInteger(6 as UInt8)
            buffer.writeText(JourneyStep.cut(reason))
        }
    }

    /// Nil for what is none, or of a kind that is not known.
    init?(_ record: RecordView) {
        guard let key = record.key, key.count == JourneyStep.keyLength, let value = record.value else {
            return nil
        }
        var place = ByteReader(key)
        var reader = ByteReader(value)
        guard let topic = place.identity(), let partition: UInt32 = place.integer(),
            let offset: Int64 = place.integer(), let kind: UInt8 = reader.integer(),
            let note = JourneyStep.note(kind, &reader)
        else { return nil }
        self.init(
            topic: topic, partition: Int(partition), offset: Offset(offset), time: record.timestamp,
            note: note)
    }

    private static func note(_ kind: UInt8, _ reader: inout ByteReader) -> JourneyNote? {
        switch kind {
        case 1:
            guard let count = reader.count(upTo: Int(Int32.max)), let channel = reader.text(),
                let client = reader.text(), let address = reader.text()
            else { return nil }
            return .published(
                PublishSource(channel: channel, client: client, address: address), count: count)
        case 2: return AttemptNote(&reader).map { .attempted($0) }
        case 3:
            guard let name = reader.text().flatMap({ try? ResourceName($0) }), let letter = reader.text(),
                let reason = reader.text()
            else { return nil }
            return .buried(subscription: name, letter: letter, reason: reason)
        case 4:
            guard let place = reader.text(), let isEdited: UInt8 = reader.integer() else { return nil }
            return .redriven(place: place.isEmpty ? nil : place, isEdited: isEdited == 1)
        case 5: return .discarded(reason: nil)
        case 7: return reader.text().map { .discarded(reason: $0) }
        case 6: return reader.text().map { .warned($0) }
        default: return nil
        }
    }

    static func cut(_ text: String) -> String {
        guard text.utf8.count > reasonBytesMax else { return text }
        return String(decoding: text.utf8.prefix(reasonBytesMax - 3), as: UTF8.self) + "…"
    }
}

extension AttemptNote {
    fileprivate func encode(into buffer: inout ByteBuffer) {
        buffer.writeIdentity(subscriptionID)
        buffer.writeText(subscription.description)
        for number in [number, numberMax] { buffer.writeVarint(Int64(number)) }
        buffer.writeVarint(began?.rawValue ?? -1)
        buffer.writeVarint(duration.map { $0.microseconds } ?? -1)
        buffer.writeInteger(outcome.rawValue)
        buffer.writeVarint(Int64(status ?? -1))
        buffer.writeText(JourneyStep.cut(reason))
        buffer.writeVarint(next?.rawValue ?? -1)
        guard let exchange else { return _ = buffer.writeInteger(0 as UInt8) }
        buffer.writeInteger(exchange.broker == nil ? 1 : 2 as UInt8)
        exchange.encode(into: &buffer)
        if let broker = exchange.broker { exchange.encode(broker, into: &buffer) }
    }

    fileprivate init?(_ reader: inout ByteReader) {
        guard let id = reader.identity(), let name = reader.text().flatMap({ try? ResourceName($0) }),
            let number = reader.varint(), let numberMax = reader.varint(), let began = reader.varint(),
            let duration = reader.varint(), let code: UInt8 = reader.integer(),
            let outcome = AttemptResult(rawValue: code), let status = reader.varint(),
            let reason = reader.text(), let next = reader.varint(), let form: UInt8 = reader.integer()
        else { return nil }
        var exchange = form == 1 || form == 2 ? Exchange(&reader) : nil
        if form == 2 { exchange?.decodeBroker(&reader) }
        self.init(
            subscription: name, subscriptionID: id, number: Int(number), numberMax: Int(numberMax),
            began: began < 0 ? nil : Timestamp(milliseconds: began),
            duration: duration < 0 ? nil : .microseconds(duration), outcome: outcome,
            status: status < 0 ? nil : Int(status), reason: reason,
            next: next < 0 ? nil : Timestamp(milliseconds: next),
            exchange: exchange)
    }

    /// Whether the value of a step begins like an attempt of this subscription, or with nil of any: told without reading the rest.
    static func isAttempt(of subscription: LogID?, _ value: UnsafeRawBufferPointer) -> Bool {
        var reader = ByteReader(value)
        guard let kind: UInt8 = reader.integer(), kind == 2 else { return false }
        return subscription.map { reader.identity() == $0 } ?? true
    }
}

extension Exchange {
    fileprivate func encode(into buffer: inout ByteBuffer) {
        buffer.writeText(method)
        buffer.writeText(url)
        buffer.writeVarint(Int64(requestBytes))
        buffer.writeVarint(Int64(status ?? -1))
        buffer.writeVarint(sent.rawValue)
        buffer.writeVarint(duration.microseconds)
        for fields in [requestFields, responseFields] {
            buffer.writeVarint(Int64(fields.count))
            for field in fields {
                buffer.writeText(field.name)
                buffer.writeText(field.value)
            }
        }
        for body in [requestBody, responseBody] {
            buffer.writeVarint(Int64(body.count))
            buffer.writeBytes(body)
        }
    }

    /// What exchanges with outside brokers have beside the rest.
    fileprivate func encode(_ broker: BrokerTopic, into buffer: inout ByteBuffer) {
        for text in [broker.transport, broker.connection, broker.topic, error ?? ""] {
            buffer.writeText(text)
        }
    }

    fileprivate mutating func decodeBroker(_ reader: inout ByteReader) {
        guard let transport = reader.text(), let connection = reader.text(), let topic = reader.text(),
            let error = reader.text()
        else { return }
        broker = BrokerTopic(transport: transport, connection: connection, topic: topic)
        self.error = error.isEmpty ? nil : error
    }

    fileprivate init?(_ reader: inout ByteReader) {
        guard let method = reader.text(), let url = reader.text(), let bytes = reader.varint(),
            let status = reader.varint(), let sent = reader.varint(), let duration = reader.varint(),
            let requestFields = Exchange.fields(&reader), let responseFields = Exchange.fields(&reader),
            let requestBody = Exchange.body(&reader), let responseBody = Exchange.body(&reader)
        else { return nil }
        self.init(
            method: method, url: url, fields: requestFields, body: requestBody,
            sent: Timestamp(milliseconds: sent), duration: .microseconds(duration))
        requestBytes = Int(bytes)
        self.status = status < 0 ? nil : Int(status)
        (self.responseFields, self.responseBody) = (responseFields, responseBody)
    }

    private static func fields(_ reader: inout ByteReader) -> [Field]? {
        guard let count = reader.count(upTo: Exchange.fieldsMax) else { return nil }
        var fields: [Field] = []
        for _ in 0..<count {
            guard let name = reader.text(), let value = reader.text() else { return nil }
            fields.append(Field(name, value))
        }
        return fields
    }

    private static func body(_ reader: inout ByteReader) -> [UInt8]? {
        guard let count = reader.count(upTo: Exchange.bodyBytesMax) else { return nil }
        return reader.slice(count).map { Array($0) }
    }
}

extension Duration {
    /// Whole microseconds.
    fileprivate var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds &* 1_000_000 &+ attoseconds / 1_000_000_000_000
    }
}
