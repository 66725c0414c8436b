// SPDX-License-Identifier: Apache-2.0

// URLs, names, routing keys, delays, and events as messages.

import ApusAMQPCodec
import ApusBus
import CloudEvents
import Logging
import NIOCore
import Testing

@testable import ApusAMQP

@Suite struct AMQPConfigurationTests {
    private func configuration(_ url: String) throws -> AMQPConfiguration {
        try AMQPConfiguration(BusURL(url), ConnectionOptions(logger: Logger(label: "test")))
    }

    @Test func `a URL says hosts, virtual host, credentials and settings`() throws {
        let plain = try configuration("amqp://localhost")
        #expect(plain.hosts == [BusURL.Host(name: "localhost", port: 5672)] && plain.virtualHost == "/")
        #expect(plain.user == "guest" && plain.password == "guest" && plain.tls == nil)
        #expect(try configuration("amqp://h/%2F").virtualHost == "/")
        let secure = try configuration(
            "amqps://me:p%40ss@a,b:1234/shop?heartbeat=5&verify=verify_none&cacertfile=/ca.pem&auth_mechanism=plain"
        )
        #expect(secure.hosts == [BusURL.Host(name: "a", port: 5671), BusURL.Host(name: "b", port: 1234)])
        #expect(secure.virtualHost == "shop" && secure.user == "me" && secure.password == "p@ss")
        #expect(secure.heartbeatSeconds == 5 && secure.mechanism == .plain)
        #expect(secure.tls?.verifies == false && secure.tls?.authorities == "/ca.pem")
        #expect(try configuration("amqps://h?certfile=c&keyfile=k").mechanism == .external)
    }

    @Test(arguments: [
        "amqp://h?heartbeat=-1", "amqp://h?verify=maybe", "amqp://h?nonsense=1", "amqps://h?certfile=c",
        "amqp://h?auth_mechanism=GSSAPI",
    ])
    func `a URL that says what there is not is refused`(url: String) {
        #expect(throws: BusError.self) { try configuration(url) }
    }
}

@Suite struct DelayLadderTests {
    /// How a topic exchange matches.
    private func matches(_ key: ArraySlice<Substring>, _ pattern: ArraySlice<Substring>) -> Bool {
        guard let first = pattern.first else { return key.isEmpty }
        if first == "#" {
            return matches(key, pattern.dropFirst()) || (!key.isEmpty && matches(key.dropFirst(), pattern))
        }
        guard let word = key.first else { return false }
        return (first == "*" || first == word) && matches(key.dropFirst(), pattern.dropFirst())
    }

    /// Where a message is at the end, and how long it was on its way, by the declarations themselves.
    private func journey(
        _ delay: Duration, _ destination: DelayLadder.Destination
    ) throws -> (Set<String>, Duration) {
        var queues: [String: (ttl: Int64, next: String)] = [:]
        var bindings: [(source: String, key: String, destination: String)] = []
        for method in try DelayLadder.declarations() + DelayLadder.bindings(destination) {
            switch method {
            case .queueDeclare(let queue):
                guard let next = queue.arguments["x-dead-letter-exchange"]?.text else { continue }
                queues[queue.queue] = (try #require(queue.arguments["x-message-ttl"]?.integer), next)
            case .queueBind(let bind):
                bindings.append((bind.exchange, bind.routingKey, "queue " + bind.queue))
            case .exchangeBind(let bind): bindings.append((bind.source, bind.routingKey, bind.destination))
            default: break
            }
        }
        let (start, key) = DelayLadder.route(delay, to: destination)
        let words = key.split(separator: ".", omittingEmptySubsequences: false)[...]
        var (exchange, waited) = (start, Duration.zero)
        while exchange != DelayLadder.deliver {
            let next = bindings.filter {
                $0.source == exchange
                    && matches(words, $0.key.split(separator: ".", omittingEmptySubsequences: false)[...])
            }
            try #require(next.count == 1)
            if let queue = queues[String(next[0].destination.dropFirst(6))],
                next[0].destination.hasPrefix("queue ")
            {
                waited += .milliseconds(queue.ttl)
                exchange = queue.next
            } else {
                exchange = next[0].destination
            }
        }
        let ends = bindings.filter {
            $0.source == exchange
                && matches(words, $0.key.split(separator: ".", omittingEmptySubsequences: false)[...])
        }
        return (Set(ends.map(\.destination)), waited)
    }

    @Test(arguments: [
        Duration.milliseconds(1), .milliseconds(100), .milliseconds(101), .seconds(1), .seconds(3.7),
        .seconds(86_400),
        .seconds(1_234_567), DelayLadder.delayMax,
    ])
    func `a delay is kept to a tenth of a second`(delay: Duration) throws {
        let (ends, waited) = try journey(delay, .queue("billing.orders.v1"))
        #expect(ends == ["queue billing.orders.v1"])
        #expect(waited >= delay && waited < delay + DelayLadder.unit)
    }

    @Test func `a delayed event for a topic goes there, and nowhere else that is kept`() throws {
        let (ends, _) = try journey(.seconds(5), .topic("orders"))
        #expect(ends == ["orders", DelayLadder.nobody])
    }

    @Test func `no name is another's end`() {
        // A pattern for "b" must not match what is meant for "a.b".
        let key = DelayLadder.route(.seconds(1), to: .queue("a.b")).routingKey.split(separator: ".")[...]
        #expect(!matches(key, DelayLadder.binding(.queue("b")).split(separator: ".")[...]))
        #expect(matches(key, DelayLadder.binding(.queue("a.b")).split(separator: ".")[...]))
    }

    @Test func `the longest name fits into a routing key beside its delay`() throws {
        let name = String(repeating: "n", count: AMQPLimits.nameBytesMax)
        try AMQPName.check(name, "topic")
        #expect(DelayLadder.binding(.topic(name)).utf8.count <= 255)
    }
}

@Suite struct RoutingKeyTests {
    @Test func `types route as they are unless a pattern would mean something else`() {
        #expect(RoutingKey.of(type: "com.example.order.placed") == "com.example.order.placed")
        for type in ["*", "a.#", "a.*.b", "ad~.1", String(repeating: "x", count: 129)] {
            let key = RoutingKey.of(type: type)
            #expect(key.hasPrefix("~") && key.utf8.count <= 17 && key == RoutingKey.of(type: type))
        }
        #expect(RoutingKey.of(type: "a*b") == "a*b")
    }

    @Test(arguments: ["", "amq.topic", "apus.delay.x", "a\u{0}b", String(repeating: "n", count: 181)])
    func `what the broker does not take is no name`(name: String) {
        #expect(throws: BusError.self) { try AMQPName.check(name, "topic") }
    }
}

@Suite struct AMQPEventBindingTests {
    private func message(_ headers: [(String, FieldValue)], _ body: String = "") throws -> AMQPMessage {
        var properties = BasicProperties()
        properties.headers = try FieldTable(headers)
        return AMQPMessage(
            method: .basicDeliver(Basic.Deliver()), properties: properties, body: ByteBuffer(string: body))
    }

    private func roundTrip(_ event: CloudEvent) throws -> AMQPEventBinding.Decoded {
        let (properties, body) = try AMQPEventBinding.encode(event)
        let message = AMQPMessage(
            method: .basicDeliver(Basic.Deliver()), properties: properties, body: ByteBuffer(bytes: body))
        return AMQPEventBinding.decode(message, topic: "orders")
    }

    @Test func `every attribute comes back, extensions with their types`() throws {
        var extensions = CloudEventExtensions()
        try extensions.set("flag", to: true)
        try extensions.set("number", to: 7)
        try extensions.set("bytes", to: .binary([0, 1]))
        try extensions.set("partitionkey", to: "k")
        let event = try CloudEvent(
            id: "1", source: "/s", type: "t", subject: "ü",
            time: CloudEventTimestamp("2026-02-28T23:59:59.123+01:30"),
            dataContentType: "application/json", dataSchema: "https://example.com/schema",
            extensions: extensions,
            data: CloudEventData(text: "{}"))
        let decoded = try roundTrip(event)
        #expect(decoded.event == event && decoded.problem == nil)
    }

    @Test func `an event whose data is an event is structured`() throws {
        let event = try CloudEvent(
            id: "1", source: "/s", type: "t", dataContentType: "application/cloudevents+json",
            data: CloudEventData(text: "{}"))
        #expect(try AMQPEventBinding.encode(event).properties.headers == nil)
        #expect(try roundTrip(event).event == event)
    }

    @Test func `both spellings of the prefix are read`() throws {
        for prefix in ["cloudEvents:", "cloudEvents_"] {
            let decoded = AMQPEventBinding.decode(
                try message([
                    (prefix + "specversion", .text("1.0")), (prefix + "id", .text("1")),
                    (prefix + "source", .text("/s")),
                    (prefix + "type", .text("t")), (prefix + "time", .timestamp(0)), ("other", .text("x")),
                ]), topic: "orders")
            #expect(decoded.problem == nil && decoded.event.id == "1")
            #expect(decoded.event.time == CloudEventTimestamp("1970-01-01T00:00:00Z"))
            #expect(decoded.event.extensions.isEmpty && decoded.event.data == nil)
        }
    }

    @Test func `a plain message is an event made up for it`() throws {
        var plain = try message([("a", .text("b"))], "hello")
        plain.properties.messageID = "m-1"
        plain.properties.type = "order.placed"
        plain.properties.contentType = "text/plain"
        let decoded = AMQPEventBinding.decode(plain, topic: "my orders")
        #expect(decoded.problem == nil && decoded.event.id == "m-1" && decoded.event.type == "order.placed")
        #expect(decoded.event.source == "/exchanges/my%20orders" && decoded.event.data?.text == "hello")
        plain.properties.contentType = "no media type at all"
        #expect(AMQPEventBinding.decode(plain, topic: "orders").event.dataContentType == nil)
    }

    @Test func `a trace in plain headers is the event's where that has none, and only if it is one`() throws {
        let place = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let attributes: [(String, FieldValue)] = [
            ("cloudEvents_specversion", .text("1.0")), ("cloudEvents_id", .text("1")),
            ("cloudEvents_source", .text("/s")), ("cloudEvents_type", .text("t")),
        ]
        func traces(_ headers: [(String, FieldValue)]) throws -> [String?] {
            let event = AMQPEventBinding.decode(try message(headers), topic: "orders").event
            return [event.extensions[.traceParent], event.extensions[.traceState]]
        }
        let plain: [(String, FieldValue)] = [("traceparent", .text(place)), ("tracestate", .text("a=1"))]
        #expect(try traces(plain) == [place, "a=1"])
        #expect(try traces(attributes + plain) == [place, "a=1"])
        #expect(try traces(attributes + [("cloudEvents_traceparent", .text(own))] + plain) == [own, nil])
        #expect(try traces(attributes + [("traceparent", .text("00-no"))]) == [nil, nil])
        #expect(try traces(attributes + [("traceparent", .int32(7))]) == [nil, nil])
    }

    @Test func `a broken event says why, and keeps its bytes`() throws {
        let decoded = AMQPEventBinding.decode(
            try message([("cloudEvents_specversion", .text("1.0")), ("cloudEvents_id", .text(""))], "bytes"),
            topic: "orders")
        #expect(decoded.problem?.contains("id") == true && decoded.event.data?.text == "bytes")
    }

    @Test func `attempts are those that copies carry and those that the broker counts`() throws {
        #expect(Attempts.before(try message([])) == 0)
        #expect(
            Attempts.before(try message([("apus-attempts", .int64(3)), ("x-delivery-count", .int64(2))])) == 5
        )
        var again = try message([("apus-attempts", .int64(3))])
        again.method = .basicDeliver(Basic.Deliver(redelivered: true))
        #expect(Attempts.before(again) == 4)
    }
}
