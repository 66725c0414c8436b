// SPDX-License-Identifier: Apache-2.0

// Records that come one after another: whatever the record before was, the event is the one that the record has by itself.

import CloudEvents
import TestThreads
import Testing

@Suite(.ownThread) struct KafkaUpdateTests {
    private enum Outcome: Equatable {
        case event(CloudEvent)
        case none
        case broken(CloudEventError.Rule)
    }

    private func alone(_ message: CloudEventKafkaMessage) -> Outcome {
        do throws(CloudEventError) {
            return try CloudEventKafkaBinding.decode(message).map { .event($0) } ?? .none
        } catch { return .broken(error.rule) }
    }

    private func next(
        _ message: CloudEventKafkaMessage, _ update: inout CloudEventKafkaUpdate, _ event: inout CloudEvent
    ) -> Outcome {
        do throws(CloudEventError) {
            for header in message.headers {
                try Array(header.name.utf8).withUnsafeBufferPointer { (name) throws(CloudEventError) in
                    try header.value.withUnsafeBufferPointer { (value) throws(CloudEventError) in
                        try update.header(
                            name: UnsafeRawBufferPointer(name), value: UnsafeRawBufferPointer(value),
                            updating: &event)
                    }
                }
            }
            let isEvent =
                if let value = message.value {
                    try value.withUnsafeBufferPointer { (value) throws(CloudEventError) in
                        try update.finish(value: UnsafeRawBufferPointer(value), updating: &event)
                    }
                } else { try update.finish(value: nil, updating: &event) }
            return isEvent ? .event(event) : .none
        } catch {
            update = CloudEventKafkaUpdate()
            return .broken(error.rule)
        }
    }

    @Test(arguments: UInt64(1)...8) func `a record is what it is alone, whatever came before`(
        _ seed: UInt64
    ) throws {
        var generator = SplitMix64(state: seed)
        var (update, event) = (CloudEventKafkaUpdate(), CloudEventKafkaUpdate.beginning)
        var last = CloudEventKafkaMessage(headers: [], value: nil)
        for _ in 0..<casesToTry(of: 300) {
            var message = CloudEventKafkaBinding.encode(try generator.event())
            // Most of the headers of a record are those of the one before.
            if Bool.random(using: &generator) {
                message.headers = last.headers.map { header in
                    let new = message.headers.first { $0.name == header.name }
                    return Int.random(in: 0..<3, using: &generator) == 0 ? new ?? header : header
                }
            }
            last = message
            switch Int.random(in: 0..<12, using: &generator) {
            case 0 where !message.headers.isEmpty:
                message.headers.remove(at: Int.random(in: 0..<message.headers.count, using: &generator))
            case 1:
                if let header = message.headers.randomElement(using: &generator) {
                    message.headers.append(header)
                }
            case 2:
                if let index = message.headers.indices.randomElement(using: &generator) {
                    message.headers[index].value =
                        [[], [0x20, 0x07], Array("é %".utf8)].randomElement(using: &generator) ?? []
                }
            case 3: message.headers.append(.init(name: "Content-Type", value: Array("text/plain".utf8)))
            case 4:
                message.headers.append(
                    .init(name: "ce_datacontenttype", value: Array("application/cloudevents+json".utf8)))
            case 5:
                message.headers.append(
                    .init(name: "content-type", value: Array("application/cloudevents+json".utf8)))
            case 6: message.headers.append(.init(name: "x", value: Array("y".utf8)))
            case 7: message.headers.removeAll { $0.name.hasPrefix("ce_") }
            default: break
            }
            #expect(next(message, &update, &event) == alone(message))
        }
    }

    @Test func `what is not there any more does not stay`() throws {
        let full = try CloudEvent(
            id: "1", source: "/a", type: "t", subject: "s", time: CloudEventTimestamp(secondsSinceEpoch: 1),
            dataContentType: "text/plain", dataSchema: "x:y", extensions: .init([("one", "1")]),
            data: CloudEventData(text: "d"))
        let bare = try CloudEvent(id: "2", source: "/a", type: "t")
        var (update, event) = (CloudEventKafkaUpdate(), CloudEventKafkaUpdate.beginning)
        for expected in [full, bare, full, full, bare] {
            #expect(next(CloudEventKafkaBinding.encode(expected), &update, &event) == .event(expected))
        }
    }

    private func structured(_ event: CloudEvent) -> CloudEventKafkaMessage {
        var value: [UInt8] = Array("what was in it before".utf8)
        CloudEventKafkaBinding.encodeStructured(event, into: &value)
        return structured(value)
    }

    private func structured(_ json: [UInt8]) -> CloudEventKafkaMessage {
        .init(
            headers: [.init(name: "content-type", value: Array("application/cloudevents+json".utf8))],
            value: json)
    }

    @Test(arguments: UInt64(1)...4) func `an event in structured mode is what it was, whatever came before`(
        _ seed: UInt64
    ) throws {
        var generator = SplitMix64(state: seed)
        var (update, event) = (CloudEventKafkaUpdate(), CloudEventKafkaUpdate.beginning)
        for _ in 0..<casesToTry(of: 300) {
            let expected = try generator.event()
            let message =
                Bool.random(using: &generator)
                ? structured(expected) : CloudEventKafkaBinding.encode(expected)
            let outcome = next(message, &update, &event)
            #expect(outcome == alone(message))
            if message.headers.count == 1 {
                #expect(CloudEventJSONFormat.encode(event) == CloudEventJSONFormat.encode(expected))
            }
        }
    }

    @Test(arguments: [
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t"}"#,
        #" { "specversion" : "1.0" , "id" : "1", "source":"/a","type":"t", "data" : {"a":[1,"\n"]} } "#,
        #"{"data":1,"specversion":"1.0","id":"1","source":"/a","type":"t"}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","datacontenttype":"text/plain","data":"plain"}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","datacontenttype":"text/plain","data":"a\nb"}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","datacontenttype":"text/plain","data":7}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","datacontenttype":"text/plain; charset=latin1","data":"x"}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"AAEC"}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"A"}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":null}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","data":1,"data_base64":"AAEC"}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","data":1,"data":2}"#,
        #"{"specversion":"1.0","id":"1","id":"2","source":"/a","type":"t"}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","subject":null,"number":7,"yes":true,"text":"x"}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","BAD":"x"}"#,
        #"{"specversion":"1.0","id":"\u0031","source":"/a","ty\u0070e":"t"}"#,
        #"{"specversion":"0.3","id":"1","source":"/a","type":"t"}"#,
        #"{"specversion":"1.0","source":"/a","type":"t"}"#,
        #"{"specversion":"1.0","id":"","source":"/a","type":"t"}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t","data":tru}"#,
        #"{"specversion":"1.0","id":"1","source":"/a","type":"t"} x"#, "[]", "", "{",
    ]) func `JSON by whatever writer is read as it is alone, and leaves nothing behind`(
        _ json: String
    ) throws {
        let full = try CloudEvent(
            id: "1", source: "/a", type: "t", subject: "s", time: CloudEventTimestamp(secondsSinceEpoch: 1),
            dataContentType: "application/json", dataSchema: "x:y", extensions: .init([("one", "1")]),
            data: CloudEventData(text: "{}"))
        var (update, event) = (CloudEventKafkaUpdate(), CloudEventKafkaUpdate.beginning)
        for message in [structured(full), structured(Array(json.utf8)), structured(full)] {
            #expect(next(message, &update, &event) == alone(message))
            if case .broken = alone(message) { event = full }
        }
    }
}
