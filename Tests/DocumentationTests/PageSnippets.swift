// SPDX-License-Identifier: Apache-2.0

// What pages in docs/ beside the library's show of Swift, compiled: pieces between `// snippet:` and `// end`, as in LibrarySnippets. Imports that a page shows are those up here.

import Apus
import ApusAMQP
import ApusBus
import ApusKafka
import ApusRules
import ApusWebhook
import ApusWebhookNIO
import ApusXSD
import CloudEvents
import JSONSchema
import JSONText
import Logging
import NIOCore
import NIOHTTP1
import SwiftEventCode

private let logger = Logger(label: "pages")
private func invoice(for event: CloudEvent) -> CloudEvent { event }
private func charge(_ order: OrderPlaced) async throws {}

private enum SampleSchemas {
    static func step(_ kept: JSONValue) throws {
        // snippet: schema-of-samples
        let schema = try EventSchema.of([
            OrderPlaced(orderID: "o-1", region: "eu", total: 12.5),
            OrderPlaced(orderID: "o-2", region: "us", total: 80),
        ])
        print(schema)  // {"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",…
        assert(schema == kept)  // in a test: `kept` is the file beside the type, or what is registered
        // end
    }
}

private enum TransportPages {
    static func kafka() async throws {
        // snippet: kafka-connect
        let url = try BusURL("kafka://kafka1,kafka2?create_topics=true&partitions=12")
        let bus = try await TransportScheme.connect(url, among: [.kafka], ConnectionOptions(logger: logger))
        // end
        await bus.close()
    }

    static func transactions(_ bus: any BusTransport, _ receiver: any Receiver) async throws {
        // snippet: kafka-transactions
        let transactions = try await bus.transactions(id: "billing-1")
        for order in try await receiver.receive(limit: 100, wait: .seconds(1)) {
            let results = try await transactions.commit(
                [HandledEvent(order, publishing: [(invoice(for: order.event), "invoices")])], of: receiver)
            print(results)  // committed; waiting for events ahead of it; expired
        }
        // end
    }

    static func rabbitMQ() async throws {
        // snippet: rabbitmq-connect
        let url = try BusURL("amqp://me:secret@rabbit1,rabbit2/shop")
        let bus = try await TransportScheme.connect(url, among: [.amqp], ConnectionOptions(logger: logger))
        // end
        await bus.close()
    }

    static func webhooks(_ secret: String, _ channel: any Channel) throws -> (Consumer, EventLoopFuture<Void>)
    {
        // snippet: webhook-receiver
        let hook = try WebhookReceiver(.init(from: try .standardWebhooks(secrets: [secret])))
        let billing = try Bus(transport: hook).consumer(
            group: "billing", options: .init(inbox: MemoryInbox())
        ) {
            Handle(OrderPlaced.self) { order, _ in try await charge(order) }
        }
        // end
        // snippet: webhook-nio
        let listening = channel.pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true)
            .flatMapThrowing {
                try channel.pipeline.syncOperations.addHandler(WebhookHandler(["/hooks/orders": hook]))
            }
        // end
        return (billing, listening)
    }
}

private enum EventPages {
    static func event() throws -> CloudEvent {
        // snippet: event
        var extensions = CloudEventExtensions()
        try extensions.set(.partitionKey, to: "order-42")  // documented extensions are typed
        try extensions.set("comexamplevip", to: true)  // others are values: Bool, Int32, String, …

        let event = try CloudEvent(
            id: "A-1", source: "https://example.com/orders/42", type: "com.example.order.created",
            time: CloudEventTimestamp("2026-03-01T12:30:00.125+01:00"), dataContentType: "application/json",
            extensions: extensions, data: CloudEventData(text: #"{"order":42}"#))
        // end
        return event
    }

    static func formats(_ event: CloudEvent, _ bytes: [UInt8]) throws {
        // snippet: formats
        let json = CloudEventJSONFormat.encode(event)  // [UInt8]
        let same = try CloudEventJSONFormat.decode(json)
        let many = try CloudEventJSONFormat.decodeBatch(bytes)  // error.eventIndex names the bad event
        let xml = try CloudEventXMLFormat.encode(event)
        // end
        _ = (same, many, xml)
    }

    static func http(_ event: CloudEvent, _ headers: [(name: String, value: String)], _ body: [UInt8]) throws
    {
        // snippet: http
        let message = CloudEventHTTPBinding.encode(event)  // binary mode: headers and body
        switch try CloudEventHTTPBinding.decode(headers: headers, body: body) {
        case .binary(let event), .structured(let event): print(event.id)
        case .batch(let events): print(events.count)
        }
        // end
        _ = message
    }

    // The page has its words beside the line that they are about.
    // swift-format-ignore
    static func kafka(
        _ event: CloudEvent, _ headers: [(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)],
        write: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) throws {
        // snippet: kafka-record
        let value = CloudEventKafkaBinding.encode(event) { name, value in write(name, value) }  // ce_ headers; returns the record's value
        var decoder = CloudEventKafkaDecoder()
        for (name, value) in headers { try decoder.header(name: name, value: value) }
        let same = try decoder.event(value: value)  // nil: not an event
        // end
        _ = same
    }
}

private enum SchemaPages {
    // The page has its words beside the line that they are about.
    // swift-format-ignore
    static func json(_ schemaBytes: [UInt8], _ eventBytes: [UInt8]) throws {
        // snippet: json-schema
        let validator = try Schema.compile(schemaBytes)  // throws SchemaError: what, and where in the schema
        print(validator.isValid(eventBytes))  // one pass, nothing allocated for a value
        for violation in try validator.violations(eventBytes) {  // up to 20, in the order of the document
            print(violation)  // /data/lines/0/quantity: must be at least 1 (https://shop.example/order.json#/$defs/line/properties/quantity/minimum)
        }
        // end
    }

    // The page has its words beside the line that they are about.
    // swift-format-ignore
    static func xml(_ text: [UInt8], _ types: [UInt8], _ data: [UInt8]) throws {
        // snippet: xml-schema
        let schema = try XSDSchema(text, references: [XSDReference(name: "types.xsd", bytes: types)])  // throws XSDError: what, and the line
        for violation in try schema.violations(data) {  // up to 20, in the order of the document
            print(violation)  // /order/line[2]/quantity (line 3): Element 'quantity': '0' is not … (cvc-datatype-valid.1.2.1)
        }
        // end
    }

    static func languages() throws -> ([Pattern], EventSelector) {
        // snippet: languages
        let own = try Pattern(parsing: #"{"type": ["order.placed"]}"#)
        let policy = #"{"store_id": ["a", {"prefix": "b"}]}"#
        let sns = try Pattern(snsFilterPolicy: policy, scope: .messageAttributes)
        let topic = try Pattern(rabbitMQTopic: "order.*.#", attribute: "type")
        let headers = try Pattern(rabbitMQArguments: #"{"x-match": "any", "format": "pdf"}"#)
        let eventGrid = try Pattern(eventGridFilter: #"{"subjectEndsWith": ".jpg"}"#)
        let selector = try EventSelector(cesql: "type LIKE 'order.%' AND hop < ttl")
        // end
        return ([own, sns, topic, headers, eventGrid], selector)
    }
}
