// SPDX-License-Identifier: Apache-2.0

// The client against a stub: what it sends, and what it makes of answers.

import JSONText
import NIOHTTP1
import Synchronization
import Testing

@testable import ApusClient

@Suite struct ClientTests {
    private func withClient<Result: Sendable>(
        _ answer: StubAnswer, token: String? = nil,
        _ body: @Sendable (ApusClient, StubServer) async throws -> Result
    ) async throws -> Result {
        try await StubServer.run({ _ in answer }) { url, stub in
            try await ApusClient.run(ApusClientConfiguration(url: url + "/", token: token)) {
                try await body($0, stub)
            }
        }
    }

    @Test func `publishing sends the event as it is and returns the receipt`() async throws {
        try await withClient(.json(#"{"topic":"a/b","partition":1,"offset":7}"#), token: "secret") {
            client, stub in
            let receipt = try await client.publish(Array(#"{"id": "1"}"#.utf8), to: "a/b", key: "k&=ü")
            #expect((receipt.topic, receipt.partition, receipt.offset) == ("a/b", 1, 7))
            let request = try #require(stub.requests.first)
            #expect(request.method == "POST")
            #expect(request.path == "/v1/topics/a%2Fb/events?key=k%26%3D%C3%BC")
            #expect(request.headers.first(name: "content-type") == "application/cloudevents+json")
            #expect(request.headers.first(name: "authorization") == "Bearer secret")
            #expect(request.body == #"{"id": "1"}"#)
        }
    }

    @Test func `a batch that is partly stored has a result for each event`() async throws {
        let answer = StubAnswer.json(
            #"{"title":"Partly stored","retryable":true,"receipts":[{"topic":"t","partition":0,"offset":1},{"error":"disk full"}]}"#,
            status: 503)
        try await withClient(answer) { client, stub in
            let results = try await client.publish(batch: [Array("{}".utf8), Array("{}".utf8)], to: "t")
            #expect(try results[0].get().offset == 1)
            #expect(throws: ApusClientError.self) { try results[1].get() }
            #expect(stub.requests.first?.body == "[{},{}]")
        }
    }

    @Test(arguments: [
        (401, ApusClientError.Kind.denied), (403, .denied), (404, .unexpectedAnswer), (409, .conflict),
        (413, .refused),
        (422, .refused), (500, .unavailable), (503, .unavailable),
    ])
    func `a status says what kind of failure it is`(status: Int, kind: ApusClientError.Kind) async throws {
        try await withClient(.json("<html>", status: status)) { client, _ in
            let error = await #expect(throws: ApusClientError.self) { try await client.topic("t") }
            #expect(error?.kind == kind)
            #expect(error?.status == status)
        }
    }

    @Test func `a problem document's words are passed on`() async throws {
        let answer = StubAnswer.json(
            #"{"type":"https://x/problems/trimmed","title":"Gone","status":404,"detail":"why","hint":"do","retryable":true}"#,
            status: 404)
        try await withClient(answer) { client, _ in
            let error = await #expect(throws: ApusClientError.self) { try await client.read("t") }
            #expect(
                error
                    == ApusClientError(
                        .notFound, what: "Gone", why: "why", hint: "do", retryable: true, status: 404,
                        type: "trimmed"))
        }
    }

    @Test func `an answer of something else than Apus is told apart`() async throws {
        try await withClient(.json("hello")) { client, _ in
            let error = await #expect(throws: ApusClientError.self) { try await client.topics() }
            #expect(error?.kind == .unexpectedAnswer)
        }
    }

    @Test func `a 404 of something else than Apus does not say that a topic is missing`() async throws {
        try await withClient(StubAnswer(status: 404, body: "<html>")) { client, _ in
            let error = await #expect(throws: ApusClientError.self) { try await client.topics() }
            #expect(error?.kind == .unexpectedAnswer)
            #expect(error?.status == 404)
        }
    }

    @Test func `no server is unreachable, and worth another attempt`() async throws {
        let port = try await StubServer.run({ _ in .json("") }) { url, _ in url }
        let error = await #expect(throws: ApusClientError.self) {
            try await ApusClient.run(ApusClientConfiguration(url: port)) { try await $0.status() }
        }
        #expect(error?.kind == .unreachable)
        #expect(error?.retryable == true)
        #expect(error?.why == "Connection refused")
    }

    @Test func `lists are put together from pages`() async throws {
        let topics = try await StubServer.run({ request in
            request.path.contains("after=a")
                ? .json(#"{"topics":[{"name":"b","partitions":1,"durability":"flush"}],"next":null}"#)
                : .json(#"{"topics":[{"name":"a","partitions":2,"durability":"none"}],"next":"a"}"#)
        }) { url, _ in
            try await ApusClient.run(ApusClientConfiguration(url: url)) { client in
                try await client.all { after throws(ApusClientError) in try await client.topics(after: after)
                }
            }
        }
        #expect(topics.map(\.name) == ["a", "b"])
        #expect(topics.map(\.partitionCount) == [2, 1])
    }

    @Test func `receive and settle use the words of the API`() async throws {
        let delivery =
            #"{"lease":"L","attempt":2,"max_attempts":16,"deadline":"d","topic":"t","partition":0,"offset":5,"time":"x","key":null,"event":{"id":"1"}}"#
        try await StubServer.run({ request in
            request.path.hasSuffix("receive")
                ? .json(#"{"deliveries":[\#(delivery)]}"#)
                : .json(#"{"results":[{"lease":"L","status":"expired"}]}"#)
        }) { url, stub in
            try await ApusClient.run(ApusClientConfiguration(url: url)) { client in
                let deliveries = try await client.receive("s", max: 3, wait: .seconds(1), lease: .seconds(60))
                #expect(deliveries.map(\.attempt) == [2])
                #expect(deliveries.first?.stored.key == nil)
                let results = try await client.release(["L"], of: "s", delay: .seconds(5), counted: false)
                #expect(results.map(\.isOK) == [false])
            }
            #expect(
                stub.requests.map(\.path) == ["/v1/subscriptions/s/receive", "/v1/subscriptions/s/release"])
            #expect(stub.requests[0].body == #"{"max":3,"wait":"1s","lease":"1m"}"#)
            #expect(stub.requests[1].body == #"{"leases":["L"],"delay":"5s","counted":false}"#)
        }
    }

    @Test func `a tail goes on after its last message when the connection ends`() async throws {
        let message = { @Sendable (offset: Int) in
            """
            id: p\(offset)
            event: event
            data: {"topic":"t","partition":0,"offset":\(offset),"time":"x","key":null,"event":{"id":"\(offset)"}}


            """
        }
        try await StubServer.run({ request in
            let last = request.headers.first(name: "last-event-id")
            return StubAnswer(
                headers: [("content-type", "text/event-stream")],
                body: ": hello\n\n" + message(last == nil ? 1 : 2))
        }) { url, stub in
            try await ApusClient.run(ApusClientConfiguration(url: url)) { client in
                var offsets: [Int64] = []
                for try await message in client.tail(TailRequest(topics: ["t*"], from: .earliest)) {
                    if case .event(let stored) = message { offsets.append(stored.offset) }
                    if offsets.count == 2 { break }
                }
                #expect(offsets == [1, 2])
            }
            #expect(
                stub.requests.map(\.path) == Array(repeating: "/v1/tail?topic=t%2A&from=earliest", count: 2))
            #expect(stub.requests[1].headers.first(name: "last-event-id") == "p1")
        }
    }

    @Test func `a tail that the server refuses ends with its words`() async throws {
        try await withClient(.json(#"{"title":"No or wrong token"}"#, status: 401)) { client, _ in
            let error = await #expect(throws: ApusClientError.self) {
                for try await _ in client.tail(TailRequest()) {}
            }
            #expect(error?.kind == .denied)
        }
    }
}

@Suite struct ServerSentEventParserTests {
    private static let stream =
        "\u{FEFF}: comment\r\nid: 1\r\nevent: event\r\ndata: a\r\ndata:b\r\n\r\nevent: ignored\n\ndata\n\nid\ndata: x\r\r"

    @Test(arguments: 1...20)
    func `messages come out whole in whatever pieces they go in`(size: Int) throws {
        let bytes = Array(Self.stream.utf8)
        var parser = ServerSentEventParser(bytesMax: 1000)
        var messages: [ServerSentEvent] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            messages += try parser.parse(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(
            messages == [
                ServerSentEvent(name: "event", data: Array("a\nb".utf8), lastID: "1"),
                ServerSentEvent(name: "message", data: [], lastID: "1"),
                ServerSentEvent(name: "message", data: Array("x".utf8), lastID: ""),
            ])
    }

    @Test func `a message without end is refused`() {
        var parser = ServerSentEventParser(bytesMax: 8)
        #expect(throws: ServerSentEventTooLarge.self) { try parser.parse("data: 123456789".utf8) }
    }
}
