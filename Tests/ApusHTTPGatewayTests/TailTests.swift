// SPDX-License-Identifier: Apache-2.0

import ApusModel
import AsyncHTTPClient
import JSONText
import NIOCore
import Testing

@testable import ApusEngine
@testable import ApusHTTPGateway

/// The messages of a stream, one at a time.
private struct Messages {
    struct Message {
        var id: String?
        var event: String?
        var data: JSONValue = .null
    }

    private var body: HTTPClientResponse.Body.AsyncIterator
    private var buffer = ""

    init(_ response: HTTPClientResponse) { body = response.body.makeAsyncIterator() }

    /// The next block of lines; nil at the end.
    mutating func next() async throws -> Message? {
        while true {
            if let message = takeMessage() { return message }
            guard let bytes = try await body.next() else { return nil }
            buffer += String(buffer: bytes)
        }
    }

    /// The next message that has an event.
    mutating func nextEvent() async throws -> Message? {
        while let message = try await next() {
            if message.event != nil { return message }
        }
        return nil
    }

    private mutating func takeMessage() -> Message? {
        let lines = buffer.split(separator: "\n", omittingEmptySubsequences: false)
        guard let end = lines.firstIndex(of: ""), end < lines.count - 1 else { return nil }
        buffer = lines[(end + 1)...].joined(separator: "\n")
        var message = Message()
        for line in lines[..<end] {
            if line.hasPrefix("id: ") { message.id = String(line.dropFirst(4)) }
            if line.hasPrefix("event: ") { message.event = String(line.dropFirst(7)) }
            if line.hasPrefix("data: ") {
                message.data = (try? JSONValue(parsing: String(line.dropFirst(6)))) ?? .null
            }
        }
        return message
    }
}

@Suite(.timeLimit(.minutes(1))) struct TailTests {
    @Test func `events come live, on one line each`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            fixture.broker.append(try event("before"), to: "orders")
            let response = try await fixture.stream("/v1/tail?topic=orders")
            #expect(response.headers.first { $0.name == "Content-Type" }?.value == "text/event-stream")
            var messages = Messages(response)
            _ = try await messages.next()
            fixture.broker.append(try event("after", data: "{\n\"n\":\r\n1}"), to: "orders")
            let message = try #require(try await messages.nextEvent())
            #expect(message.event == "event")
            #expect(message.data["topic"] == "orders")
            #expect(message.data["offset"] == 1)
            #expect(message.data["event"]?["id"] == "after")
            #expect(message.data["event"]?["data"] == ["n": 1])
        }
    }

    @Test func `a tail goes on where it stopped, in every partition`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders", partitions: 2)
            for partition in 0..<2 {
                fixture.broker.append(try event("a\(partition)"), to: "orders", partition: partition)
            }
            var first = Messages(try await fixture.stream("/v1/tail?from=earliest"))
            let start = try #require(try await first.next()?.id)
            var ids: Set<String> = []
            var last = start
            for _ in 0..<2 {
                let message = try #require(try await first.nextEvent())
                ids.insert(message.data["event"]?["id"]?.string ?? "")
                last = message.id ?? ""
            }
            #expect(ids == ["a0", "a1"])
            for partition in 0..<2 {
                fixture.broker.append(try event("b\(partition)"), to: "orders", partition: partition)
            }
            var second = Messages(try await fixture.stream("/v1/tail", headers: [("last-event-id", last)]))
            var rest: Set<String> = []
            for _ in 0..<2 { rest.insert(try await second.nextEvent()?.data["event"]?["id"]?.string ?? "") }
            #expect(rest == ["b0", "b1"])
        }
    }

    @Test func `new topics and new lives of topics are followed from their beginning`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("other")
            var messages = Messages(try await fixture.stream("/v1/tail?topic=ord*"))
            _ = try await messages.next()
            fixture.broker.addTopic("orders")
            fixture.broker.append(try event("1"), to: "orders")
            fixture.broker.append(try event("x"), to: "other")
            #expect(try await messages.nextEvent()?.data["event"]?["id"] == "1")
            fixture.broker.addTopic("orders")
            fixture.broker.append(try event("2"), to: "orders")
            #expect(try await messages.nextEvent()?.data["event"]?["id"] == "2")
        }
    }

    @Test func `a reader that is behind what is kept is told so and goes on`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            for number in 0..<4 { fixture.broker.append(try event("\(number)"), to: "orders") }
            fixture.broker.change { $0.trimmedBefore = 2 }
            var messages = Messages(try await fixture.stream("/v1/tail?topic=orders&from=1"))
            let trimmed = try #require(try await messages.nextEvent())
            #expect(trimmed.event == "trimmed")
            #expect(trimmed.data == ["topic": "orders", "partition": 0, "start": 2])
            #expect(try await messages.nextEvent()?.data["offset"] == 2)
        }
    }

    @Test func `silence is broken by heartbeats, and the stream ends with the server`() async throws {
        try await GatewayFixture.with {
            $0.heartbeat = .milliseconds(5)
        } _: { fixture async throws in
            var messages = Messages(try await fixture.stream("/v1/tail"))
            for _ in 0..<3 { #expect(try await messages.next()?.event == nil) }
            await fixture.gateway.stop()
            while try await messages.next() != nil {}
        }
    }

    @Test func `what cannot be followed is refused before the stream begins`() async throws {
        try await GatewayFixture.with {
            $0.tailPartitionsMax = 1
        } _: { fixture async throws in
            fixture.broker.addTopic("wide", partitions: 2)
            #expect(try await fixture.get("/v1/tail?topic=none").status == 404)
            #expect(try await fixture.get("/v1/tail?topic=a%20b").status == 400)
            #expect(try await fixture.get("/v1/tail?topic=wide").status == 422)
            #expect(try await fixture.get("/v1/tail", headers: [("last-event-id", "nonsense")]).status == 400)
            #expect(
                try await fixture.get("/v1/tail", headers: [("accept", "application/json")]).status == 406)
        }
    }

    @Test(arguments: [
        ("*", "anything", true), ("ord*", "orders", true), ("*.dead-letter", "a.dead-letter", true),
        ("a*c*e", "abcde", true), ("a*c*e", "abcd", false), ("orders", "orders2", false), ("**", "x", true),
        ("a*", "a", true), ("*a", "b", false),
    ])
    func `a star stands for any part of a name`(glob: String, name: String, matches: Bool) throws {
        let pattern = try TopicGlob(glob)
        #expect(pattern.matches(try ResourceName(name)) == matches)
    }

    @Test func `positions survive their token`() throws {
        var positions = TailPositions()
        let id = LogID(high: 7, low: 0)
        positions[TailPartition(topic: "a", id: id, number: 0)] = .offset(Offset(.max))
        positions[TailPartition(topic: "a", id: id, number: 300)] = .time(Timestamp(milliseconds: 1))
        #expect(
            TailPositions.parse(positions.token) == [
                7: [0: .offset(Offset(.max)), 300: .time(Timestamp(milliseconds: 1))]
            ])
        for length in 1..<positions.token.utf8.count {
            _ = TailPositions.parse(String(positions.token.prefix(length)))
        }
        #expect(TailPositions.parse("") == nil)
        #expect(TailPositions.parse("AQAA") == nil)
    }
}
