// SPDX-License-Identifier: Apache-2.0

// Events as the Python SDK writes them: all its ways give the same event here, and what is written back carries
// the same headers and members.

import CloudEvents
import Testing

@Suite struct PythonSDKTests {
    struct Recording: Sendable {
        let http, kafka: PythonSDK.Headers
        let body: [UInt8]
        let structured: String
        /// Whether extensions had types, which headers lose.
        let hasTypedExtensions: Bool
    }

    static let recordings = [
        Recording(
            http: PythonSDK.orderHTTPHeaders, kafka: PythonSDK.orderKafkaHeaders,
            body: Array(PythonSDK.orderBody.utf8), structured: PythonSDK.orderStructured,
            hasTypedExtensions: true),
        Recording(
            http: PythonSDK.textHTTPHeaders, kafka: PythonSDK.textKafkaHeaders,
            body: Array(PythonSDK.textBody.utf8), structured: PythonSDK.textStructured,
            hasTypedExtensions: false),
        Recording(
            http: PythonSDK.bytesHTTPHeaders, kafka: PythonSDK.bytesKafkaHeaders, body: PythonSDK.bytesBody,
            structured: PythonSDK.bytesStructured, hasTypedExtensions: false),
    ]

    private func kafkaMessage(_ recording: Recording) -> CloudEventKafkaMessage {
        CloudEventKafkaMessage(
            headers: recording.kafka.map { .init(name: $0.name, value: Array($0.value.utf8)) },
            value: recording.body)
    }

    @Test(arguments: recordings) func `HTTP and Kafka give the same event`(_ recording: Recording) throws {
        let http = try CloudEventHTTPBinding.decode(headers: recording.http, body: recording.body)
        let kafka = try #require(try CloudEventKafkaBinding.decode(kafkaMessage(recording)))
        #expect(http == .binary(kafka))
        #expect(kafka.data?.bytes == recording.body)
    }

    @Test(arguments: recordings) func `binary and structured mode agree`(_ recording: Recording) throws {
        let binary = try #require(try CloudEventKafkaBinding.decode(kafkaMessage(recording)))
        var structured = try CloudEventJSONFormat.decode(Array(recording.structured.utf8))
        if recording.hasTypedExtensions {
            #expect(structured.extensions["sampledrate"] == 3)
            #expect(structured.extensions["vip"] == true)
            // The SDK writes a boolean header as Python does.
            try structured.extensions.set("sampledrate", to: "3")
            try structured.extensions.set("vip", to: "True")
        }
        #expect(structured == binary)
    }

    @Test(arguments: recordings) func `what is written back has the same headers`(
        _ recording: Recording
    ) throws {
        let event = try #require(try CloudEventKafkaBinding.decode(kafkaMessage(recording)))
        func sorted(_ headers: some Sequence<(name: String, value: String)>) -> [String] {
            headers.map { "\($0.name): \($0.value)" }.sorted()
        }
        let http = CloudEventHTTPBinding.encode(event)
        #expect(sorted(http.headers.lazy.map { ($0.name, $0.value) }) == sorted(recording.http))
        #expect(http.body == recording.body)
        let kafka = CloudEventKafkaBinding.encode(event)
        let headers = kafka.headers.map { (name: $0.name, value: String(decoding: $0.value, as: UTF8.self)) }
        #expect(sorted(headers) == sorted(recording.kafka))
        #expect(kafka.value == recording.body)
    }

    @Test(arguments: recordings) func `what is written as JSON reads back`(_ recording: Recording) throws {
        let event = try CloudEventJSONFormat.decode(Array(recording.structured.utf8))
        #expect(try CloudEventJSONFormat.decode(CloudEventJSONFormat.encode(event)) == event)
        #expect(try CloudEventXMLFormat.decode(CloudEventXMLFormat.encode(event)) == event)
    }
}
